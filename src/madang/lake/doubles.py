"""Which columns of whole numbers a schema has, and the same schema with doubles in their place.

A double holds whole numbers up to 2^53 exactly; beyond it a column stays whole.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg import types as ice
from pyiceberg.schema import Schema

from madang.lake.decoder import OFFSET_COLUMN, PARTITION_COLUMN
from madang.lake.tally import FRACTION, Misfit, Tally

EXACT: Final = 2**53
"""Up to here a double tells every whole number from the next."""


def whole_fields(schema: Schema) -> set[str]:
    """Dotted names of the fields that hold whole numbers, in structs too; not those in lists."""
    return {name for name, _ in whole_ids(schema.fields)}


def whole_ids(fields: Sequence[ice.NestedField], prefix: str = "") -> Iterator[tuple[str, int]]:
    """Those names, each with the field's id."""
    for field in fields:
        name = f"{prefix}{field.name}"
        if isinstance(field.field_type, ice.IntegerType | ice.LongType):
            if name not in (PARTITION_COLUMN, OFFSET_COLUMN):
                yield name, field.field_id
        elif isinstance(field.field_type, ice.StructType):
            yield from whole_ids(field.field_type.fields, f"{name}.")


def whole_columns(fields: Iterable[pa.Field], prefix: str = "") -> set[str]:
    """As :func:`whole_fields`, of an Arrow schema."""
    found: set[str] = set()
    for field in fields:
        name = f"{prefix}{field.name}"
        if pa.types.is_integer(field.type):
            found.add(name)
        elif pa.types.is_struct(field.type):
            found |= whole_columns(field.type, f"{name}.")
    return found - {PARTITION_COLUMN, OFFSET_COLUMN}


def met_fractions(misfits: Mapping[Misfit, Tally]) -> set[str]:
    """The columns of whole numbers that a fraction came to."""
    return {key.column for key in misfits if key.reason == FRACTION}


def widened(schema: Schema, ids: Collection[int], last_id: int) -> Schema:
    """``schema`` with doubles in the place of the fields ``ids``; they have ids above ``last_id``.

    A double is another field of that name: Iceberg does not promote long to double.
    """
    fresh = itertools.count(last_id + 1)
    return Schema(*(_field(field, ids, fresh) for field in schema.fields))


def _field(field: ice.NestedField, ids: Collection[int], fresh: Iterator[int]) -> ice.NestedField:
    kind = field.field_type
    if field.field_id in ids:
        return ice.NestedField(next(fresh), field.name, ice.DoubleType(), False, doc=field.doc)
    if isinstance(kind, ice.StructType):
        inner = ice.StructType(*(_field(child, ids, fresh) for child in kind.fields))
        return ice.NestedField(field.field_id, field.name, inner, field.required, doc=field.doc)
    return field


def with_doubles(
    fields: Iterable[pa.Field], columns: Collection[str], prefix: str = ""
) -> pa.Schema:
    """The schema of ``fields`` with doubles in the place of ``columns`` (dotted names)."""
    found = []
    for field in fields:
        name = f"{prefix}{field.name}"
        if name in columns:
            found.append(field.with_type(pa.float64()))
        elif pa.types.is_struct(field.type):
            inner = with_doubles(field.type, columns, f"{name}.")
            found.append(field.with_type(pa.struct(list(inner))))
        else:
            found.append(field)
    return pa.schema(found)


def inexact(rows: pa.Table, columns: Collection[str]) -> set[str]:
    """Those of ``columns`` (dotted names) of which ``rows`` have a number that a double rounds."""
    found: set[str] = set()
    for field, column in zip(rows.schema, rows.columns, strict=True):
        for chunk in column.chunks:
            found |= _inexact(chunk, field.name, columns)
    return found


def _inexact(array: pa.Array, name: str, columns: Collection[str]) -> set[str]:
    if name in columns and pa.types.is_integer(array.type):
        ends = pc.min_max(array).as_py()
        beyond = any(end is not None and abs(end) > EXACT for end in ends.values())
        return {name} if beyond else set()
    found: set[str] = set()
    if pa.types.is_struct(array.type) and any(one.startswith(f"{name}.") for one in columns):
        for index, field in enumerate(array.type):
            found |= _inexact(array.field(index), f"{name}.{field.name}", columns)
    return found
