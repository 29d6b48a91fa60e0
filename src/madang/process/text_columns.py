"""Columns of text → the table's columns, with what does not fit in ``_rest``."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from madang.process.casting import narrowed
from madang.process.engine import Engine
from madang.process.formats.split import Split, TextColumn
from madang.process.layout import Kind, Layout, Node
from madang.process.misfits import misfits_of
from madang.process.parsed import Parsed
from madang.process.rest import RECORD_KEY, RestBuilder
from madang.process.typed_text import TypedText, Wanted

_READABLE = (
    Kind.BOOLEAN,
    Kind.LONG,
    Kind.DOUBLE,
    Kind.STRING,
    Kind.TIMESTAMP,
    Kind.DATE,
    Kind.JSON,
)


class TextColumns:
    """Types what a text format split.

    A new column's type is the declared one, else what the format says, else boolean, long or double
    if every value of the batch is one that can be written back unchanged, else string.
    """

    def __init__(self, engine: Engine, typed: TypedText) -> None:
        self._engine = engine
        self._typed = typed

    def fit(
        self, text: pa.Array, split: Split, layout: Layout, arrival_us: npt.NDArray[np.int64]
    ) -> Parsed:
        """The rows of ``split``, made of ``text``; new columns are added to ``layout``."""
        rest = RestBuilder(len(split.rows))
        columns: dict[str, pa.Array] = {}
        present = [entry for entry in split.columns if entry.text.null_count < len(entry.text)]
        self._add_columns(present, layout)
        fitting, others = [], []
        for entry in present:
            node = layout.find((entry.name,))
            if node is not None and node.kind in _READABLE:
                fitting.append((entry, node))
            else:
                others.append(entry)
        reads = self._typed.read(
            [_wanted(entry, node) for entry, node in fitting], arrival_us[split.rows]
        )
        for (entry, node), read in zip(fitting, reads, strict=True):
            columns[entry.name], lost = narrowed(read.values, node.type())
            wrong = read.wrong if lost is None else read.wrong | lost
            if wrong.any():
                _keep(rest, entry, np.flatnonzero(wrong))
        for entry in others:
            there = entry.text.is_valid().to_numpy(zero_copy_only=False)
            _keep(rest, entry, np.flatnonzero(there))
        if split.whole is not None and split.whole.any():
            rows = np.flatnonzero(split.whole)
            records = text.take(pa.array(split.rows[rows]))
            identity = rest.path_id((RECORD_KEY,))
            rest.add(rows, np.full(len(rows), identity, np.int64), json_strings(records))
        return Parsed(
            split.rows,
            _complete(columns, layout, split),
            rest.build(),
            misfits_of(rest, layout, quoted=True),
            split.dead,
        )

    def _add_columns(self, present: list[TextColumn], layout: Layout) -> None:
        new = []
        for entry in present:
            path = (entry.name,)
            if layout.find(path) is None and layout.admits(path):
                declared = layout.declared_kind(path)
                kind = declared or entry.kind
                new.append((entry, kind, declared is not None))
        open_kinds = [entry.text for entry, kind, _ in new if kind is None]
        inferred = iter(self._typed.infer(open_kinds))
        for entry, known, is_declared in new:
            layout.add(Node((entry.name,), known or next(inferred), declared=is_declared))


def _keep(rest: RestBuilder, entry: TextColumn, rows: npt.NDArray[np.int64]) -> None:
    texts = json_strings(entry.text.take(pa.array(rows)))
    rest.add(rows, np.full(len(rows), rest.path_id((entry.name,)), np.int64), texts)


def json_strings(text: pa.Array) -> pa.Array:
    """Each text as a JSON string."""
    plain = pc.invert(pc.match_substring_regex(text, r'["\\\x00-\x1f]'))
    quoted = pc.binary_join_element_wise(
        pa.scalar('"'), text, pa.scalar('"'), pa.scalar("", pa.string())
    )
    if pc.all(plain).as_py():
        return quoted
    escaped = [
        None if is_plain else orjson.dumps(value).decode()
        for value, is_plain in zip(text.to_pylist(), plain.to_pylist(), strict=True)
    ]
    return pc.if_else(plain, quoted, pa.array(escaped, pa.string()))


def _wanted(entry: TextColumn, node: Node) -> Wanted:
    # What a format knows of its field it reads in all the ways that the format has.
    return Wanted(entry.text, node.kind, node.declared or entry.kind is node.kind)


def _complete(columns: dict[str, pa.Array], layout: Layout, split: Split) -> dict[str, pa.Array]:
    return {
        name: columns[name] if name in columns else pa.nulls(len(split.rows), node.type())
        for name, node in layout.columns.items()
    }
