"""JSON records → typed columns, with everything that fits no column in ``_rest``."""

from __future__ import annotations

from dataclasses import replace

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from madang.process import shapes as js
from madang.process.contract import Contract
from madang.process.engine import Engine
from madang.process.json_plan import mark_misfits, plan_columns
from madang.process.json_rest import JsonRest
from madang.process.json_text import strictly_invalid, trailing_commas, type_name, why_invalid
from madang.process.json_values import JsonValues
from madang.process.json_wide import is_sparse, unfold
from madang.process.json_work import JsonWork
from madang.process.layout import Kind, Layout, Node
from madang.process.parsed import Dead, Parsed, Rows
from madang.process.typed_text import TypedText

_WIDE = 64
"""Leaf columns from which on sparse records are read by the fields that they have."""


class JsonRecords:
    """Reads JSON objects into the columns of a layout, which grows by their new fields.

    Args:
        engine: Runs the SQL.
        typed: Reads the text of declared columns.
        contract: What records must keep to.
    """

    def __init__(self, engine: Engine, typed: TypedText, contract: Contract | None = None) -> None:
        self._engine = engine
        self._contract = contract
        self._values = JsonValues(typed)

    def parse(self, text: pa.Array, layout: Layout, arrival_us: Rows) -> Parsed:
        """Columns of ``text`` (string, no nulls). New fields are added to ``layout``."""
        if self._contract is None and not trailing_commas(text):
            try:
                return self._objects(text, layout, arrival_us)
            except (js.NotAnObjectError, duckdb.InvalidInputException):
                pass  # Rare enough that looking first would cost more than starting again.
        dead, good = self._invalid(text)
        if self._contract is not None:
            kept = text.take(pa.array(good)) if dead else text
            broken = self._contract.broken(kept)
            dead += [entry._replace(row=int(good[entry.row])) for entry in broken]
            good = np.delete(good, [entry.row for entry in broken])
        if not dead:
            return self._objects(text, layout, arrival_us)
        left = self._objects(text.take(pa.array(good)), layout, arrival_us[good])
        return left.within(good, dead)

    def _invalid(self, text: pa.Array) -> tuple[list[Dead], Rows]:
        checked = self._engine.query(
            "SELECT CASE WHEN NOT json_valid(v) THEN 1::TINYINT"
            " WHEN json_type(v) <> 'OBJECT' THEN 2::TINYINT ELSE 0::TINYINT END AS c FROM t",
            t=pa.table({"v": text}),
        )
        verdict = checked.column("c").to_numpy().copy()
        for row in trailing_commas(text):
            if verdict[row] == 0 and strictly_invalid(text[row].as_py()):
                verdict[row] = 1
        if not verdict.any():
            return [], np.arange(len(text))
        dead = []
        for row in np.flatnonzero(verdict).tolist():
            record = text[row].as_py()
            if verdict[row] == 2:
                dead.append(
                    Dead(row, "not_an_object", f"a JSON {type_name(record)}, not an object")
                )
            else:
                dead.append(Dead(row, "invalid_json", why_invalid(record)))
        return dead, np.flatnonzero(verdict == 0)

    def _objects(self, text: pa.Array, layout: Layout, arrival_us: Rows) -> Parsed:
        if layout.leaves > _WIDE and is_sparse(self._engine, text, layout):
            unfolded = unfold(self._engine, text, layout)
            if unfolded is not None:
                left = self._any_objects(unfolded.left, layout, arrival_us)
                if not left.dead:
                    return replace(left, columns=_joined(unfolded.columns, left.columns))
        return self._any_objects(text, layout, arrival_us)

    def _any_objects(self, text: pa.Array, layout: Layout, arrival_us: Rows) -> Parsed:
        found = js.ShapeFinder(self._engine, layout).find(text)
        misfit = np.zeros(found.types.shape, np.bool_)
        work = JsonWork(self._engine, text, found, arrival_us, misfit)
        plan_columns(work, layout)
        mark_misfits(work, layout)
        self._values.read(work, layout)
        left = JsonRest(work, layout)
        rest = left.build()
        columns = {name: _assemble(node, work) for name, node in layout.columns.items()}
        parsed = Parsed(np.arange(len(text)), columns, rest, left.misfits)
        return parsed.without(left.dead)


def _joined(plain: dict[str, pa.Array], others: dict[str, pa.Array]) -> dict[str, pa.Array]:
    """The columns of ``others``, with those of ``plain`` where they have values."""
    joined = dict(others)
    for name, values in plain.items():
        other = others[name]
        joined[name] = values if other.null_count == len(other) else pc.coalesce(values, other)
    return joined


def _assemble(node: Node, work: JsonWork) -> pa.Array:
    """The column of ``node`` from its leaves' values."""
    size = len(work.text)
    if node.kind is not Kind.STRUCT:
        values = work.values.get(node.path)
        if values is None:
            return pa.nulls(size, node.type())
        return values
    children = list(node.children.values())
    if node.path not in work.shapes.paths:
        return pa.nulls(size, node.type())
    types = work.types_of(work.shapes.paths.index(node.path))
    return pa.StructArray.from_arrays(
        [_assemble(child, work) for child in children],
        fields=[child.field() for child in children],
        mask=pa.array(types != js.OBJECT),
    )
