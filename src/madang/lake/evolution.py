"""How a table's schema grows, and how rows are brought into its shape.

What may happen: a new column or a new field of a struct (nullable, behind the others), ``int`` →
``long``, ``float`` → ``double``, a wider decimal of the same scale. Nothing else: a column never
vanishes, never narrows, never changes its kind, so every old file stays readable as it is. Values
that fit no column are for ``process`` to put into ``_rest``; here they are refused. (Whole numbers
that meet fractions get another column of their name, see :mod:`madang.lake.widening`.)
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg import types as ice
from pyiceberg.schema import Schema

from madang.core.errors import InvalidInputError
from madang.lake.decoder import TIME_COLUMN
from madang.lake.types import DOC, to_iceberg_type, to_nested_field

_WIDENINGS = {(ice.IntegerType, ice.LongType), (ice.FloatType, ice.DoubleType)}


def new_schema(arriving: pa.Schema, docs: Mapping[str, str] | None = None) -> Schema:
    """The Iceberg schema of a new table; ``_time`` is required, every other column nullable."""
    return evolve(Schema(), arriving, last_id=0, docs=docs)


def evolve(
    schema: Schema, arriving: pa.Schema, *, last_id: int, docs: Mapping[str, str] | None = None
) -> Schema:
    """The schema that holds the table's rows and the arriving ones.

    Args:
        schema: The table's schema.
        arriving: Schema of the rows to come, in any order; missing columns stay as they are.
        last_id: The highest field id that the table ever used.
        docs: Column name → description; a column that is not named keeps its own.

    Returns:
        ``schema`` itself if nothing changes, otherwise the new one (its id is not set).

    Raises:
        InvalidInputError: two columns of one name, or a type that does not widen.
    """
    if len(set(arriving.names)) != len(arriving.names):
        twice = sorted(name for name in set(arriving.names) if arriving.names.count(name) > 1)
        raise InvalidInputError(f"the rows have more than one column {twice[0]!r}")
    ids = itertools.count(last_id + 1)
    described = docs or {}
    fields = [
        _kept(field, arriving, ids, _doc(described.get(field.name), field.doc))
        for field in schema.fields
    ]
    known = {field.name for field in schema.fields}
    fields += [
        _added(field, ids, described)
        for field in arriving
        if field.name not in known and not pa.types.is_null(field.type)
    ]
    if tuple(fields) == tuple(schema.fields):
        return schema
    return Schema(*fields)


def _kept(
    field: ice.NestedField, arriving: pa.Schema, ids: Iterator[int], doc: str | None
) -> ice.NestedField:
    index = arriving.get_field_index(field.name)
    kind = field.field_type
    if index >= 0:
        kind = _merged(kind, arriving.field(index).type, ids, field.name)
    if kind is field.field_type and doc == field.doc:
        return field
    return ice.NestedField(field.field_id, field.name, kind, required=field.required, doc=doc)


def _doc(described: str | None, own: str | None) -> str | None:
    """The description; a column of JSON text goes on saying so, because its readers ask for it."""
    if described and own and (own == "JSON" or own.startswith("JSON: ")):
        return f"JSON: {described}"
    return described or own or None


def _added(field: pa.Field, ids: Iterator[int], docs: Mapping[str, str]) -> ice.NestedField:
    own = (field.metadata or {}).get(DOC, b"").decode()
    return ice.NestedField(
        field_id=next(ids),
        name=field.name,
        field_type=to_iceberg_type(field.type, ids, field.name),
        required=field.name == TIME_COLUMN,
        doc=_doc(docs.get(field.name), own),
    )


def _merged(
    kind: ice.IcebergType, arriving: pa.DataType, ids: Iterator[int], path: str
) -> ice.IcebergType:
    if pa.types.is_null(arriving):
        return kind
    if isinstance(kind, ice.StructType) and pa.types.is_struct(arriving):
        return _merged_struct(kind, arriving, ids, path)
    if isinstance(kind, ice.ListType) and hasattr(arriving, "value_field"):
        element = _merged(kind.element_type, arriving.value_type, ids, f"{path}.element")
        if element is kind.element_type:
            return kind
        return ice.ListType(kind.element_id, element, element_required=kind.element_required)
    if isinstance(kind, ice.MapType) and pa.types.is_map(arriving):
        _merged(kind.key_type, arriving.key_type, ids, f"{path}.key")
        value = _merged(kind.value_type, arriving.item_type, ids, f"{path}.value")
        if value is kind.value_type:
            return kind
        return ice.MapType(
            kind.key_id, kind.key_type, kind.value_id, value, value_required=kind.value_required
        )
    return _merged_scalar(kind, to_iceberg_type(arriving, ids, path), path)


def _merged_struct(
    kind: ice.StructType, arriving: pa.StructType, ids: Iterator[int], path: str
) -> ice.StructType:
    fields = []
    for field in kind.fields:
        index = arriving.get_field_index(field.name)
        if index < 0:
            fields.append(field)
            continue
        merged = _merged(field.field_type, arriving.field(index).type, ids, f"{path}.{field.name}")
        fields.append(
            field
            if merged is field.field_type
            else ice.NestedField(field.field_id, field.name, merged, field.required, doc=field.doc)
        )
    known = {field.name for field in kind.fields}
    fields += [
        to_nested_field(field, ids, path)
        for field in arriving
        if field.name not in known and not pa.types.is_null(field.type)
    ]
    return kind if tuple(fields) == kind.fields else ice.StructType(*fields)


def _merged_scalar(kind: ice.IcebergType, other: ice.IcebergType, path: str) -> ice.IcebergType:
    if kind == other or (type(other), type(kind)) in _WIDENINGS:
        return kind
    if (type(kind), type(other)) in _WIDENINGS:
        return other
    if (
        isinstance(kind, ice.DecimalType)
        and isinstance(other, ice.DecimalType)
        and kind.scale == other.scale
    ):
        return kind if kind.precision >= other.precision else other
    raise InvalidInputError(
        f"column {path!r} is {kind} and cannot become {other}",
        hint="a column may only widen: int → long, float → double, more fields in a struct",
    )


def conform(rows: pa.Table, target: pa.Schema) -> pa.Table:
    """``rows`` with exactly the columns, order and types of ``target``; what is missing is null.

    Columns of ``rows`` that ``target`` does not have must be of type null; ``evolve`` sees to it.
    """
    columns = []
    for field in target:
        index = rows.schema.get_field_index(field.name)
        if index < 0:
            columns.append(pa.chunked_array([pa.nulls(rows.num_rows, field.type)]))
            continue
        column = rows.column(index)
        if column.type.equals(field.type):
            columns.append(column)
        else:
            chunks = [_conformed(chunk, field.type) for chunk in column.chunks]
            columns.append(pa.chunked_array(chunks, field.type))
    return pa.Table.from_arrays(columns, schema=target)


def _conformed(array: pa.Array, kind: pa.DataType) -> pa.Array:
    if array.type.equals(kind):
        return array
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), kind)
    if pa.types.is_struct(kind):
        children = []
        for field in kind:
            index = array.type.get_field_index(field.name)
            children.append(
                pa.nulls(len(array), field.type)
                if index < 0
                else _conformed(array.field(index), field.type)
            )
        return pa.StructArray.from_arrays(children, fields=list(kind), mask=array.is_null())
    if pa.types.is_list(kind) and pa.types.is_struct(kind.value_type):
        whole = array.take(pa.array(range(len(array)))) if array.offset else array
        values = _conformed(whole.values, kind.value_type)
        mask = whole.is_null() if whole.null_count else None
        return pa.ListArray.from_arrays(whole.offsets, values, type=kind, mask=mask)
    # Only nanoseconds lose anything here, the digits that Iceberg cannot hold.
    return pc.cast(array, kind, safe=not pa.types.is_timestamp(kind))
