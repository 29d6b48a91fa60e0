"""The distinct shapes of JSON records: which fields they have and of which JSON type.

A batch of a million records has a handful of shapes. Every decision about types, new columns and
misfits is taken per shape; the values then move in bulk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from madang.process.engine import Engine, literal, whole
from madang.process.layout import MAX_DEPTH, MAX_LEAVES, Kind, Layout, Path, pointer

MISSING, NULL, BOOLEAN, BIGINT, UBIGINT, DOUBLE, STRING, ARRAY, OBJECT = range(9)
"""JSON types of a value; ``UBIGINT`` is a non-negative integer below 2^64."""
_NAMES = pa.array(
    ["NULL", "BOOLEAN", "BIGINT", "UBIGINT", "DOUBLE", "VARCHAR", "ARRAY", "OBJECT"], pa.string()
)
_SAMPLE = 512
"""Rows that are looked at first, so that most fields are known before a large batch is read."""
_LARGE = 16_384
_SMALL = 1536
"""Rows up to which one query is quicker than two that do less."""
_MAX_KNOWN = 128
"""Leaf columns up to which all of a table's fields are asked for from the start."""


_Beyond = tuple[list[Path], Path | None]
"""Paths that are not probed, and the first path that occurs twice."""


class NotAnObjectError(ValueError):
    """A record is JSON, but no object."""


@dataclass(slots=True)
class Shapes:
    """The shapes of a batch.

    ``codes[row]`` is the shape of a row. ``types[shape, i]`` is the JSON type at ``paths[i]``; a
    parent stands before its children. ``extras`` names, per object, the shapes in which it has
    fields beyond ``paths``; ``repeats``, per shape whose records repeat a key, the first such path.
    ``opened``: the objects whose fields were looked into.
    """

    codes: npt.NDArray[np.int64]
    types: npt.NDArray[np.uint8]
    paths: list[Path]
    opened: set[Path]
    extras: dict[Path, list[int]] = field(default_factory=dict)
    repeats: dict[int, Path] = field(default_factory=dict)

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """Rows per shape."""
        return np.bincount(self.codes, minlength=len(self.types)).astype(np.int64)


class ShapeFinder:
    """Finds the shapes of one batch: asks for the table's fields, then for those that it meets."""

    def __init__(self, engine: Engine, layout: Layout) -> None:
        self._engine = engine
        self._layout = layout
        self._paths: list[Path] = []
        self._known: set[Path] = set()
        self._opened: list[Path] = [()]
        self._new = 0
        # A wide table's fields are found by the records' keys instead.
        known = layout.columns.values() if layout.leaves <= _MAX_KNOWN else ()
        for node in known:
            self._remember(node.path)
            for leaf in node.leaves():
                for depth in range(2, len(leaf.path) + 1):
                    self._remember(leaf.path[:depth])

    def find(self, text: pa.Array) -> Shapes:
        """The shapes of JSON objects.

        Raises:
            NotAnObjectError: a text is JSON, but no object.
            duckdb.InvalidInputException: a text is no JSON.
        """
        if len(text) > _LARGE:
            self._explore(text.slice(0, _SAMPLE))
        return self._explore(text)

    def _remember(self, path: Path) -> bool:
        if path in self._known:
            return False
        if self._layout.find(path) is None:
            if self._new >= MAX_LEAVES - self._layout.leaves:
                return False
            self._new += 1
        self._known.add(path)
        self._paths.append(path)
        node = self._layout.find(path)
        if node is not None and node.kind is Kind.STRUCT:
            self._opened.append(path)
        return True

    def _explore(self, text: pa.Array) -> Shapes:
        while True:
            shapes, flagged = self._probe(text)
            grown = self._open(shapes)
            if not grown and flagged.any():
                grown = self._refine(text, shapes, flagged)
            if not grown:
                return shapes

    def _probe(self, text: pa.Array) -> tuple[Shapes, npt.NDArray[np.bool_]]:
        """The shapes, and which of them have more keys than were asked for."""
        types, keys = self._expressions()
        counted = "len(json_keys(v))" if len(self._opened) == 1 else keys
        small = len(text) <= _SMALL
        probed = self._engine.query(
            f"SELECT hash({types}, {counted}) AS h"
            f"{f', {types} AS t, {keys} AS k' if small else ''} FROM t",
            t=pa.table({"v": text}),
        )
        codes, first = factorise(probed.column("h"))
        if small:
            examples = probed.select(["t", "k"]).take(pa.array(first)).combine_chunks()
        else:
            examples = self._engine.query(
                f"SELECT {types} AS t, {keys} AS k FROM t",
                t=pa.table({"v": text.take(pa.array(first))}),
            ).combine_chunks()
        count = len(first)
        names = whole(examples.column("t")).flatten()
        matrix = (
            pc.fill_null(pc.add(pc.index_in(names, value_set=_NAMES), 1), 0)
            .to_numpy(zero_copy_only=False)
            .astype(np.uint8)
            .reshape(count, len(self._paths) + 1)
        )
        if (matrix[:, 0] != OBJECT).any():
            raise NotAnObjectError
        # Decisions go path by path, so the types of one path lie together.
        matrix = np.asfortranarray(matrix[:, 1:])
        lists = whole(examples.column("k")).flatten()
        lengths = (
            pc.fill_null(pc.list_value_length(lists), 0)
            .to_numpy(zero_copy_only=False)
            .astype(np.int64)
            .reshape(count, len(self._opened))
        )
        shapes = Shapes(codes, matrix, list(self._paths), set(self._opened))
        return shapes, self._flagged(matrix, lengths)

    def _expressions(self) -> tuple[str, str]:
        probes = ",".join(literal(pointer(path)) for path in self._paths)
        types = f"json_type(v, ['$'{',' if probes else ''}{probes}])"
        opened = ",".join(literal(pointer(path) or "$") for path in self._opened)
        return types, f"json_keys(v, [{opened}])"

    def _flagged(
        self, types: npt.NDArray[np.uint8], lengths: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.bool_]:
        where = {path: i for i, path in enumerate(self._opened)}
        found = np.zeros_like(lengths)
        for i, path in enumerate(self._paths):
            parent = where.get(path[:-1])
            if parent is not None:
                found[:, parent] += types[:, i] != MISSING
        flagged: npt.NDArray[np.bool_] = (found != lengths).any(axis=1)
        return flagged

    def _open(self, shapes: Shapes) -> bool:
        """Look into objects of fields that have no column yet; whether there were any."""
        opened = set(self._opened)
        grown = False
        for i, path in enumerate(shapes.paths):
            if path in opened or len(path) > MAX_DEPTH or not (shapes.types[:, i] == OBJECT).any():
                continue
            if self._layout.find(path) is None and self._layout.declared_kind(path) is None:
                self._opened.append(path)
                grown = True
        return grown

    def _refine(self, text: pa.Array, shapes: Shapes, flagged: npt.NDArray[np.bool_]) -> bool:
        """Name the keys that flagged shapes have beyond the probed ones; whether probes grew."""
        rows = np.flatnonzero(flagged[shapes.codes])
        _, keys = self._expressions()
        part = text.take(pa.array(rows))
        hashed = self._engine.query(
            f"SELECT hash({keys}) AS h FROM t", t=pa.table({"v": part})
        ).column("h")
        key_codes, first = factorise(hashed)
        lists = (
            self._engine.query(
                f"SELECT {keys} AS k FROM e", e=pa.table({"v": part.take(pa.array(first))})
            )
            .combine_chunks()
            .column("k")
            .to_pylist()
        )
        beyond = [self._beyond(entry) for entry in lists]
        grown = False
        for more, _ in beyond:
            for path in more:
                if self._layout.admits(path) and self._remember(path):
                    grown = True
        if not grown:
            _split(shapes, rows, key_codes, beyond)
        return grown

    def _beyond(self, lists: Sequence[Sequence[str] | None]) -> _Beyond:
        """Keys of the opened objects that are not probed, and the first that one repeats."""
        paths: list[Path] = []
        repeated: Path | None = None
        for parent, keys in zip(self._opened, lists, strict=True):
            if not keys:
                continue
            distinct = dict.fromkeys(keys)
            if len(distinct) < len(keys) and repeated is None:
                repeated = (*parent, Counter(keys).most_common(1)[0][0])
            paths += [(*parent, name) for name in distinct if (*parent, name) not in self._known]
        return paths, repeated


def _split(
    shapes: Shapes,
    rows: npt.NDArray[np.int64],
    key_codes: npt.NDArray[np.int64],
    beyond: list[_Beyond],
) -> None:
    """Give each combination of a shape and its further keys a shape of its own."""
    pairs = shapes.codes[rows] * (int(key_codes.max()) + 1) + key_codes
    distinct, first, inverse = np.unique(pairs, return_index=True, return_inverse=True)
    base = len(shapes.types)
    more = shapes.types[shapes.codes[rows[first]]]
    shapes.types = np.asfortranarray(np.concatenate([shapes.types, more]))
    for new, example in enumerate(first):
        paths, repeated = beyond[int(key_codes[example])]
        for parent in {path[:-1] for path in paths}:
            shapes.extras.setdefault(parent, []).append(base + new)
        if repeated is not None:
            shapes.repeats[base + new] = repeated
    assert len(distinct) == len(first)
    shapes.codes[rows] = base + inverse


def factorise(
    values: pa.ChunkedArray,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Codes of equal values, numbered by first appearance, and the first row of each."""
    encoded = pc.dictionary_encode(whole(values) if isinstance(values, pa.ChunkedArray) else values)
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    first = np.empty(len(encoded.dictionary), np.int64)
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
    return codes, first
