"""Arrow types as DuckDB writes them."""

from __future__ import annotations

import pyarrow as pa
from pyarrow import types as pt

from madang.core.errors import CorruptionError


def quoted(name: str) -> str:
    """``name`` as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """``text`` as a SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


_SIMPLE: dict[pa.DataType, str] = {
    pa.bool_(): "BOOLEAN",
    pa.int8(): "TINYINT",
    pa.int16(): "SMALLINT",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.uint8(): "UTINYINT",
    pa.uint16(): "USMALLINT",
    pa.uint32(): "UINTEGER",
    pa.uint64(): "UBIGINT",
    pa.float32(): "FLOAT",
    pa.float64(): "DOUBLE",
    pa.date32(): "DATE",
    pa.null(): "VARCHAR",
}


def sql_type(type_: pa.DataType) -> str:
    """The SQL type of an Arrow type.

    Raises:
        CorruptionError: A type that no table of the lake has.
    """
    if simple := _SIMPLE.get(type_):
        return simple
    if pt.is_string(type_) or pt.is_large_string(type_) or pt.is_string_view(type_):
        return "VARCHAR"
    if pt.is_dictionary(type_):
        return sql_type(type_.value_type)
    if pt.is_timestamp(type_):
        if type_.tz is not None:
            return "TIMESTAMP WITH TIME ZONE"
        return "TIMESTAMP_NS" if type_.unit == "ns" else "TIMESTAMP"
    if pt.is_decimal(type_):
        return f"DECIMAL({type_.precision},{type_.scale})"
    if pt.is_time(type_):
        return "TIME"
    if pt.is_struct(type_):
        fields = ", ".join(f"{quoted(field.name)} {sql_type(field.type)}" for field in type_)
        return f"STRUCT({fields})"
    if pt.is_map(type_):
        return f"MAP({sql_type(type_.key_type)}, {sql_type(type_.item_type)})"
    if pt.is_list(type_) or pt.is_large_list(type_):
        return f"{sql_type(type_.value_type)}[]"
    if isinstance(type_, pa.BaseExtensionType):
        return "UUID" if type_.extension_name == "arrow.uuid" else sql_type(type_.storage_type)
    if pt.is_binary(type_) or pt.is_large_binary(type_) or pt.is_fixed_size_binary(type_):
        return "BLOB"
    raise CorruptionError(f"a table has a column of the Arrow type {type_}")


def merged_type(left: pa.DataType, right: pa.DataType) -> pa.DataType:
    """The type that holds values of both: ``left``'s, with the further fields of structs.

    Whole numbers that met fractions are doubles.
    """
    if pt.is_struct(left) and pt.is_struct(right):
        fields = [
            pa.field(field.name, merged_type(field.type, right.field(field.name).type))
            if right.get_field_index(field.name) >= 0
            else field
            for field in left
        ]
        known = {field.name for field in left}
        return pa.struct([*fields, *(field for field in right if field.name not in known)])
    if pt.is_list(left) and pt.is_list(right):
        return pa.list_(merged_type(left.value_type, right.value_type))
    if pt.is_null(left) or (pt.is_integer(left) and pt.is_float64(right)):
        return right
    return left
