"""How the schema of a typed stream may change: new columns that may be null, nothing else."""

from __future__ import annotations

import pyarrow as pa

from madang.core.errors import ConflictError, InvalidInputError


def check_schema(stream: str, schema: pa.Schema) -> pa.Schema:
    """``schema`` without its metadata, if a stream may have it.

    Raises:
        InvalidInputError: no columns, two of one name, or a dictionary, whose values a single
            batch on disk would not hold.
    """
    if not len(schema) or len(set(schema.names)) < len(schema):
        raise InvalidInputError(f"the stream {stream!r} needs columns of different names")
    for field in schema:
        if _has_dictionary(field.type):
            raise InvalidInputError(
                f"the column {field.name!r} of the stream {stream!r} is a dictionary",
                hint="use the type of its values",
            )
    return schema.remove_metadata()


def _has_dictionary(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return True
    return any(_has_dictionary(kind.field(at).type) for at in range(kind.num_fields))


def can_hold(wider: pa.Schema, schema: pa.Schema) -> bool:
    """Whether every batch of ``schema`` becomes one of ``wider`` by adding columns of nulls."""
    for field in schema:
        at = wider.get_field_index(field.name)
        if at < 0 or not wider.field(at).equals(field):
            return False
    return all(field.nullable or schema.get_field_index(field.name) >= 0 for field in wider)


def conform(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """``batch`` with the columns of ``schema``; those it does not have are null."""
    if batch.schema.equals(schema, check_metadata=True):
        return batch
    columns = []
    for field in schema:
        at = batch.schema.get_field_index(field.name)
        columns.append(batch.column(at) if at >= 0 else pa.nulls(batch.num_rows, field.type))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def merge(stream: str, old: pa.Schema, new: pa.Schema) -> pa.Schema:
    """The schema of ``stream`` after ``new`` was asked for: the wider of the two.

    Raises:
        ConflictError: a column is missing, has another type, or is new and may not be null.
    """
    if can_hold(old, new):
        return old
    if can_hold(new, old):
        return new
    differences = [
        f"{field.name}: {old.field(at).type} → {field.type}"
        for field in new
        if (at := old.get_field_index(field.name)) >= 0 and not old.field(at).equals(field)
    ]
    gone = [field.name for field in old if new.get_field_index(field.name) < 0]
    added = [
        field.name for field in new if not field.nullable and old.get_field_index(field.name) < 0
    ]
    parts = [f"changed {', '.join(differences)}"] if differences else []
    parts += [f"missing {', '.join(gone)}"] if gone else []
    parts += [f"new and not null {', '.join(added)}"] if added else []
    raise ConflictError(
        f"the stream {stream!r} has another schema: {'; '.join(parts) or 'columns differ'}",
        hint="only columns that may be null can be added; otherwise use a new stream",
    )
