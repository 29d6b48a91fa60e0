"""Arrow types ↔ Iceberg types.

| Arrow | Iceberg | back as |
| --- | --- | --- |
| bool | boolean | bool |
| int8, int16, int32, uint8, uint16 | int | int32 |
| int64, uint32 | long | int64 |
| float16, float32 · float64 | float · double | float32 · float64 |
| utf8, large, view | string | string |
| binary, large, view, fixed size | binary | binary |
| date32, date64 · time | date · time | date32 · time64[us] |
| timestamp with a zone · without | timestamptz · timestamp | timestamp[us, UTC] · timestamp[us] |
| decimal | decimal | decimal128 |
| struct, list, map | the same | the same |

A dictionary is its values. A column of type null says nothing yet and is left out. Other types are
refused. JSON text is a string whose documentation says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import pyarrow as pa
from pyiceberg import types as ice
from pyiceberg.schema import Schema

from madang.core.errors import InvalidInputError

FIELD_ID: Final = b"PARQUET:field_id"
"""Key of a field's Iceberg id in an Arrow field's metadata, where Parquet keeps it too."""
DOC: Final = b"doc"
"""Key of a field's description in an Arrow field's metadata."""

_TO_ARROW: Final[dict[type[ice.IcebergType], pa.DataType]] = {
    ice.BooleanType: pa.bool_(),
    ice.IntegerType: pa.int32(),
    ice.LongType: pa.int64(),
    ice.FloatType: pa.float32(),
    ice.DoubleType: pa.float64(),
    ice.StringType: pa.string(),
    ice.BinaryType: pa.binary(),
    ice.DateType: pa.date32(),
    ice.TimeType: pa.time64("us"),
    ice.TimestampType: pa.timestamp("us"),
    ice.TimestamptzType: pa.timestamp("us", "UTC"),
    ice.UUIDType: pa.binary(16),
}
_SCALARS: Final[tuple[tuple[Callable[[pa.DataType], bool], ice.PrimitiveType], ...]] = (
    (pa.types.is_boolean, ice.BooleanType()),
    (pa.types.is_uint32, ice.LongType()),
    (pa.types.is_int64, ice.LongType()),
    (pa.types.is_float64, ice.DoubleType()),
    (pa.types.is_floating, ice.FloatType()),
    (pa.types.is_date, ice.DateType()),
    (pa.types.is_time, ice.TimeType()),
)


def to_iceberg_type(kind: pa.DataType, ids: Iterator[int], path: str) -> ice.IcebergType:
    """The Iceberg type of an Arrow type; nested fields take their ids from ``ids``.

    Raises:
        InvalidInputError: Iceberg has no such type; ``path`` names the column.
    """
    if pa.types.is_dictionary(kind):
        return to_iceberg_type(kind.value_type, ids, path)
    if pa.types.is_struct(kind) and kind.num_fields:
        return ice.StructType(*(to_nested_field(field, ids, path) for field in kind))
    if pa.types.is_map(kind):
        key_id, value_id = next(ids), next(ids)
        return ice.MapType(
            key_id=key_id,
            key_type=to_iceberg_type(kind.key_type, ids, f"{path}.key"),
            value_id=value_id,
            value_type=to_iceberg_type(kind.item_type, ids, f"{path}.value"),
            value_required=False,
        )
    if _is_list(kind):
        return ice.ListType(
            element_id=next(ids),
            element=to_iceberg_type(kind.value_type, ids, f"{path}.element"),
            element_required=False,
        )
    return _scalar(kind, path)


def to_nested_field(field: pa.Field, ids: Iterator[int], path: str) -> ice.NestedField:
    """The optional Iceberg field of a struct's Arrow field."""
    return ice.NestedField(
        field_id=next(ids),
        name=field.name,
        field_type=to_iceberg_type(field.type, ids, f"{path}.{field.name}"),
        required=False,
        doc=(field.metadata or {}).get(DOC, b"").decode() or None,
    )


def _is_list(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def _scalar(kind: pa.DataType, path: str) -> ice.IcebergType:
    for matches, found in _SCALARS:
        if matches(kind):
            return found
    if pa.types.is_integer(kind) and not pa.types.is_uint64(kind):
        return ice.IntegerType()
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return ice.StringType()
    if (
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_binary_view(kind)
        or pa.types.is_fixed_size_binary(kind)
    ):
        return ice.BinaryType()
    if pa.types.is_timestamp(kind):
        return ice.TimestamptzType() if kind.tz else ice.TimestampType()
    if pa.types.is_decimal(kind) and kind.precision <= 38 and kind.scale >= 0:
        return ice.DecimalType(kind.precision, kind.scale)
    raise InvalidInputError(
        f"column {path!r} has the type {kind}, which a table cannot hold",
        hint="cast it to a number, a string or a timestamp",
    )


def to_arrow_type(kind: ice.IcebergType, *, with_ids: bool = False) -> pa.DataType:
    """The Arrow type of an Iceberg type, see the table above."""
    if isinstance(kind, ice.StructType):
        return pa.struct([to_arrow_field(field, with_ids=with_ids) for field in kind.fields])
    if isinstance(kind, ice.ListType):
        element = to_arrow_type(kind.element_type, with_ids=with_ids)
        if not with_ids:
            return pa.list_(element)
        return pa.list_(pa.field("element", element, metadata=_id(kind.element_id)))
    if isinstance(kind, ice.MapType):
        key = to_arrow_type(kind.key_type, with_ids=with_ids)
        value = to_arrow_type(kind.value_type, with_ids=with_ids)
        if not with_ids:
            return pa.map_(key, value)
        return pa.map_(
            pa.field("key", key, nullable=False, metadata=_id(kind.key_id)),
            pa.field("value", value, metadata=_id(kind.value_id)),
        )
    if isinstance(kind, ice.DecimalType):
        return pa.decimal128(kind.precision, kind.scale)
    if isinstance(kind, ice.FixedType):
        return pa.binary(kind.root)
    found = _TO_ARROW.get(type(kind))
    if found is None:
        raise InvalidInputError(f"the table has a column of the type {kind}, not supported here")
    return found


def _id(field_id: int) -> dict[bytes, bytes]:
    return {FIELD_ID: str(field_id).encode()}


def to_arrow_field(field: ice.NestedField, *, with_ids: bool = False) -> pa.Field:
    """The Arrow field of an Iceberg field."""
    metadata = _id(field.field_id) if with_ids else {}
    if field.doc:
        metadata[DOC] = field.doc.encode()
    return pa.field(
        field.name,
        to_arrow_type(field.field_type, with_ids=with_ids),
        nullable=not field.required,
        metadata=metadata or None,
    )


def to_arrow(schema: Schema, *, with_ids: bool = False) -> pa.Schema:
    """The Arrow schema of an Iceberg schema.

    Args:
        schema: The Iceberg schema.
        with_ids: Whether fields, nested ones too, carry their Iceberg id as ``PARQUET:field_id``.
    """
    return pa.schema([to_arrow_field(field, with_ids=with_ids) for field in schema.fields])
