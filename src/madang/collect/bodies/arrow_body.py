"""Arrow IPC bodies (and bodies for typed streams): checked before anything trusts them."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from madang.collect.bodies.engine import column_of
from madang.collect.bodies.ipc_claims import MAGIC, read_claims
from madang.collect.bodies.json_body import split_json
from madang.collect.bodies.limits import check_expanded, check_lines, check_records
from madang.collect.bodies.media import ContentFormat, Media, to_utf8
from madang.collect.bodies.row_sizes import text_bytes
from madang.core.errors import InvalidInputError
from madang.core.names import near_match

_SLICE_BYTES = 16 * 2**20
"""Rows that become JSON at once, by the length of their texts."""


def read_ipc(body: bytes | memoryview, limit_bytes: int) -> pa.Table:
    """The rows of an Arrow IPC stream or file.

    Every buffer is validated: offsets and lengths that lie would make later readers crash. Nothing
    is unpacked that would take more than ``limit_bytes``, nor are there rows that would as text.

    Raises:
        InvalidInputError: not Arrow IPC, or damaged.
        TooLargeError: too many rows, or too much in them.
    """
    claims = read_claims(memoryview(body))
    check_records(claims.rows, "rows")
    check_expanded(claims.size_bytes, limit_bytes, "its buffers")
    table = _read(body)
    check_records(table.num_rows, "rows")
    check_expanded(text_bytes(table), limit_bytes, "its rows")
    return table


def _read(body: bytes | memoryview) -> pa.Table:
    try:
        source = pa.BufferReader(pa.py_buffer(body))
        if bytes(body[: len(MAGIC)]) == MAGIC:
            with pa.ipc.open_file(source) as file_reader:
                table = file_reader.read_all()
        else:
            with pa.ipc.open_stream(source) as reader:
                table = reader.read_all()
        table.validate(full=True)
        # Names are decoded when they are first asked for.
        _ask_names(table.schema)
    except (pa.ArrowException, OSError, ValueError, UnicodeError, KeyError) as error:
        raise InvalidInputError(f"the body is not Arrow IPC: {_first_line(error)}") from None
    return table


def _ask_names(fields: Iterable[pa.Field]) -> None:
    for field in fields:
        str(field.name)
        if field.type.num_fields:
            _ask_names(field.type.field(i) for i in range(field.type.num_fields))


def raw_rows(body: bytes | memoryview, limit_bytes: int) -> pa.BinaryArray:
    """Each row of an Arrow IPC body as a JSON object, for a raw stream.

    Times become text in UTC, binary becomes DuckDB's escaped text; NaN and infinities, which JSON
    lacks, stay ``NaN`` and ``Infinity`` for delivery to judge.

    Raises:
        InvalidInputError: not Arrow IPC, damaged, or of a type that has no JSON.
        TooLargeError: as of :func:`read_ipc`.
    """
    table = read_ipc(body, limit_bytes)
    if table.num_columns == 0 or table.num_rows == 0:
        return pa.array([], pa.binary())
    names = [str(name) for name in table.column_names]
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled is not None:
        raise InvalidInputError(f"the column {doubled!r} occurs twice")
    rows = max(1, table.num_rows * _SLICE_BYTES // max(1, text_bytes(table)))
    parts: list[pa.BinaryArray] = []
    size = 0
    for start in range(0, table.num_rows, rows):
        # Escapes make texts up to six times as long: told as it goes, for none was counted.
        parts.append(_json_of(table.slice(start, rows)))
        size += parts[-1].nbytes
        check_expanded(size, limit_bytes, "its rows as JSON")
    return pa.concat_arrays(parts)


def _json_of(table: pa.Table) -> pa.BinaryArray:
    try:
        return column_of(table, "SELECT encode(to_json(r)) FROM rows AS r").cast(pa.binary())
    except (duckdb.Error, pa.ArrowException) as error:
        raise InvalidInputError(f"the rows have no JSON: {_first_line(error)}") from None


def typed_rows(
    body: bytes | memoryview, media: Media, schema: pa.Schema, limit_bytes: int
) -> pa.RecordBatch:
    """The rows of a body for a typed stream, in the stream's schema.

    Columns are matched by name; a missing one is null, an unknown one an error. Values are cast
    where nothing is lost.

    Raises:
        InvalidInputError: names the column that does not fit.
        TooLargeError: as of :func:`read_ipc`.
    """
    if media.format is ContentFormat.ARROW:
        table = read_ipc(body, limit_bytes)
    elif media.format in (ContentFormat.JSON, ContentFormat.NDJSON):
        table = _json_table(to_utf8(body, media.charset), media, schema, limit_bytes)
    else:
        raise InvalidInputError(
            f"a typed stream takes Arrow or JSON, not {media.format.value}",
            hint="send application/vnd.apache.arrow.stream or application/x-ndjson",
        )
    unknown = next((name for name in table.column_names if name not in schema.names), None)
    if unknown is not None:
        near = near_match(str(unknown), schema.names)
        raise InvalidInputError(
            f"the stream has no column {unknown!r}",
            hint=f"did you mean {near!r}?"
            if near
            else f"its columns are {', '.join(schema.names)}",
        )
    columns = [_column(table, field) for field in schema]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _column(table: pa.Table, field: pa.Field) -> pa.Array:
    index = table.schema.get_all_field_indices(field.name)
    if len(index) > 1:
        raise InvalidInputError(f"the column {field.name!r} occurs twice")
    if not index:
        values = pa.nulls(table.num_rows, field.type)
    else:
        column = table.column(index[0])
        try:
            values = pc.cast(column, field.type).combine_chunks()
        except (pa.ArrowException, ValueError) as error:
            raise InvalidInputError(
                f"column {field.name!r} of type {column.type} does not fit {field.type}: "
                f"{_first_line(error)}"
            ) from None
        if isinstance(values, pa.ChunkedArray):
            values = values.chunk(0) if values.num_chunks else pa.array([], field.type)
    if values.null_count and not field.nullable:
        raise InvalidInputError(f"column {field.name!r} must not be null")
    return values


def _json_table(
    body: bytes | memoryview, media: Media, schema: pa.Schema, limit_bytes: int
) -> pa.Table:
    check_lines(body)
    # A missing field takes room, too.
    check_expanded(bytes(body).count(b"\n") * len(schema) * 8, limit_bytes, "its records")
    if media.format is ContentFormat.JSON:
        body = b"\n".join(value.replace(b"\n", b" ") for value in split_json(body).to_pylist())
    options = pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error")
    try:
        return pj.read_json(BytesIO(body), parse_options=options)
    except (pa.ArrowException, ValueError) as error:
        raise InvalidInputError(
            f"the records do not fit the stream: {_first_line(error)}"
        ) from None


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:300]
