"""A decompressed body → one record batch, in C: no loop over records."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from madang.collect.bodies.arrow_body import raw_rows, typed_rows
from madang.collect.bodies.csv_body import split_csv
from madang.collect.bodies.json_body import split_json
from madang.collect.bodies.key import extract_keys
from madang.collect.bodies.limits import EXPANSION, check_lines
from madang.collect.bodies.media import ContentFormat, Media, to_utf8
from madang.collect.lines import lengths_of, split_lines
from madang.collect.records import record_batch
from madang.core.errors import InvalidInputError, TooLargeError
from madang.core.units import format_size
from madang.project import RecordFormat
from madang.stream import RECORD_SCHEMA


@dataclass(frozen=True, slots=True)
class SplitBody:
    """The records of a body, ready to be submitted.

    ``batch`` has ``RECORD_SCHEMA``, or the stream's own schema for a typed stream. ``attributes``
    hold for all of its records. ``oversized`` counts the records over the record limit: they are
    kept, so that the others land, and become dead letters when the stream is delivered.
    """

    batch: pa.RecordBatch
    attributes: dict[str, str] = field(default_factory=dict)
    oversized: int = 0


def split_body(
    body: bytes | memoryview,
    *,
    media: Media | ContentFormat,
    max_record_size_bytes: int,
    arrived_at_us: int,
    stream_format: RecordFormat = RecordFormat.JSON,
    schema: pa.Schema = RECORD_SCHEMA,
    key_field: str | None = None,
    key: bytes | None = None,
    csv_header: bool = True,
    max_body_bytes: int = 64 * 2**20,
) -> SplitBody:
    """Split a decompressed body into the records of a stream.

    Values are the bytes as received, without line ends; blank lines are dropped. JSON is taken
    apart, not parsed: what is broken inside a record is found at delivery, and costs only that
    record.

    Args:
        body: Decompressed.
        media: From ``detect_media``.
        max_record_size_bytes: The stream's ``max_record_size``.
        arrived_at_us: Arrival of the body; the ``ts`` of all its records.
        stream_format: The stream's ``format``; where the body's differs, ``attributes["format"]``
            says so.
        schema: The stream's Arrow schema.
        key_field: The stream's ``key``: dotted path of the field that becomes the key column (JSON
            bodies; others have none).
        key: The key of all records of the body; wins over ``key_field``.
        csv_header: Whether a CSV body begins with a line of column names.
        max_body_bytes: The largest body; what an Arrow body unpacks to may be four times this.

    Raises:
        InvalidInputError: nothing in the body, or not what ``media`` says.
        TooLargeError: the body is a single record, and that is over its limit; or more than two
            million records; or rows that take too much memory.
    """
    media = media if isinstance(media, Media) else Media(media)
    attributes = {"source": "http"}
    if not schema.equals(RECORD_SCHEMA):
        batch = typed_rows(body, media, schema, EXPANSION * max_body_bytes)
        return SplitBody(_not_empty(batch), attributes)
    kind = media.format
    if kind is ContentFormat.ARROW:
        values = raw_rows(body, EXPANSION * max_body_bytes)
        _override(attributes, RecordFormat.JSON, stream_format)
    else:
        body = to_utf8(body, media.charset)
        if kind is not ContentFormat.JSON:
            check_lines(body)
        if kind is ContentFormat.CSV:
            values, header = split_csv(body, with_header=csv_header)
            if header is not None:
                attributes["header"] = header
            _override(attributes, RecordFormat.CSV, stream_format)
        elif kind is ContentFormat.PLAIN:
            values = split_lines(body)
            if stream_format in (RecordFormat.JSON, RecordFormat.CSV):
                attributes["format"] = RecordFormat.PLAIN.value
        else:
            values = split_json(body) if kind is ContentFormat.JSON else split_lines(body)
            _override(attributes, RecordFormat.JSON, stream_format)
    oversized = _check_sizes(values, max_record_size_bytes)
    keys = None
    if key is not None:
        keys = pa.repeat(pa.scalar(key, pa.binary()), len(values))
    elif key_field and attributes.get("format", stream_format) == RecordFormat.JSON:
        keys = extract_keys(values, key_field)
    return SplitBody(record_batch(values, arrived_at_us, keys), attributes, oversized)


def _override(
    attributes: dict[str, str], body_format: RecordFormat, stream_format: RecordFormat
) -> None:
    if body_format is not stream_format:
        attributes["format"] = body_format.value


def _not_empty(batch: pa.RecordBatch) -> pa.RecordBatch:
    if batch.num_rows == 0:
        raise InvalidInputError("the body holds no record", hint="send at least one")
    return batch


def _check_sizes(values: pa.BinaryArray, limit_bytes: int) -> int:
    """How many values are over the limit.

    Raises:
        InvalidInputError: there is no value.
        TooLargeError: there is one value, and it is over the limit.
    """
    if len(values) == 0:
        raise InvalidInputError("the body holds no record", hint="send at least one")
    lengths = lengths_of(values)
    oversized = int(np.count_nonzero(lengths > limit_bytes))
    if oversized and len(values) == 1:
        raise TooLargeError(
            f"record 0 takes {format_size(int(lengths[0]))}, "
            f"more than the stream's limit of {format_size(limit_bytes)}",
            hint="raise max_record_size of the stream",
        )
    return oversized
