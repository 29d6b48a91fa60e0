"""Typed streams: Arrow batches as they are, brought to the types of the table."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from madang.process.casting import narrowed
from madang.process.engine import Engine
from madang.process.formats.split import column
from madang.process.intake import TS, has_ts, outside
from madang.process.layout import Kind, Layout, Node
from madang.process.misfits import misfits_of
from madang.process.parsed import Parsed
from madang.process.rest import RestBuilder


class TypedRows:
    """Fits Arrow columns to the table; a value that its column cannot hold goes to ``_rest``."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def parse(self, table: pa.Table, layout: Layout) -> Parsed:
        """Columns of ``table`` without ``ts``, which is ``_time``; new ones join ``layout``.

        A ``ts`` that is no event time stays in ``_rest``.
        """
        size = table.num_rows
        rest = RestBuilder(size)
        columns: dict[str, pa.Array] = {}
        for name in table.column_names:
            values = column(table, name)
            if pa.types.is_null(values.type):
                continue
            path = (name,)
            if name == TS and has_ts(table.schema):
                # As _time it is there already.
                values, fitted = outside(values), None
            else:
                node = _node_of(name, values.type, layout)
                fitted = None if node is None else self._fit(values, node)
            if fitted is not None:
                columns[name] = fitted
            lost = values.is_valid()
            if fitted is not None:
                lost = pc.and_(lost, fitted.is_null())
            rows = np.flatnonzero(lost.to_numpy(zero_copy_only=False))
            if len(rows):
                identity = np.full(len(rows), rest.path_id(path), np.int64)
                rest.add(rows, identity, self._json(values.take(pa.array(rows))))
        complete = {
            name: columns[name] if name in columns else pa.nulls(size, node.type())
            for name, node in layout.columns.items()
        }
        return Parsed(np.arange(size), complete, rest.build(), misfits_of(rest, layout))

    def _fit(self, values: pa.Array, node: Node) -> pa.Array | None:
        """``values`` in the type of the column, null where one cannot be; None if none can."""
        wanted = node.type()
        if _is_text(values.type) != _is_text(wanted):
            return None  # A cast would read numbers out of text, or write them as text.
        return narrowed(values, wanted)[0]

    def _json(self, values: pa.Array) -> pa.Array:
        if pa.types.is_timestamp(values.type):
            # DuckDB takes no time that its own microseconds do not hold: such a one is a number.
            micros, lost = narrowed(values, pa.timestamp("us", values.type.tz))
            if lost is not None:
                ticks = values.cast(pa.int64()).cast(pa.string())
                return pc.if_else(pa.array(lost), ticks, self._json(micros))
            values = micros
        return column(
            self._engine.query("SELECT to_json(x)::VARCHAR AS x FROM t", t=pa.table({"x": values})),
            "x",
        )


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def normal_type(kind: pa.DataType) -> pa.DataType:
    """The type that a new column takes: the nearest one that Iceberg has."""
    if pa.types.is_dictionary(kind):
        return normal_type(kind.value_type)
    if pa.types.is_integer(kind):
        return pa.int64()
    if pa.types.is_floating(kind):
        return pa.float64()
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", "UTC" if kind.tz else None)
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return pa.binary()
    if pa.types.is_date(kind):
        return pa.date32()
    if pa.types.is_time(kind):
        return pa.time64("us")
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.list_(pa.field("element", normal_type(kind.value_type)))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, normal_type(field.type)) for field in kind])
    return kind


def _node_of(name: str, kind: pa.DataType, layout: Layout) -> Node | None:
    """The column of this name, a new one if need be; None if it cannot have one."""
    path = (name,)
    node = layout.find(path)
    if node is None and layout.admits(path):
        node = Node(path, Kind.OTHER, arrow=normal_type(kind))
        if not layout.add(node):
            return None
    return node
