"""A batch that waits for its group: encoded and checked in the caller's thread."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future

import google_crc32c
import orjson
import pyarrow as pa

from madang.core.errors import InvalidInputError, TooLargeError
from madang.core.units import format_size
from madang.stream.port import Appended, Origin
from madang.stream.segment_format import (
    FLAG_COMPRESSED,
    FRAME_HEADER_BYTES,
    MAX_ATTRIBUTES_BYTES,
    MAX_PAYLOAD_BYTES,
    MAX_PRODUCER_BYTES,
)

_MAX_SEQUENCE = 2**63 - 1


class PendingBatch:
    """What one ``submit`` left to be written.

    Raises:
        InvalidInputError: no records, nulls where the schema allows none, a bad origin.
        TooLargeError: the encoded batch is over 2 GiB.
    """

    __slots__ = (
        "attributes", "batch", "compression", "count", "crc", "flags", "future", "origin",
        "payload", "producer", "schema", "size_bytes", "split",
    )  # fmt: skip

    def __init__(
        self,
        batch: pa.RecordBatch,
        origin: Origin | None,
        attributes: Mapping[str, str] | None,
        *,
        split: int = 0,
        compression: str | None = None,
    ) -> None:
        self.future: Future[Appended] = Future()
        self.origin = origin
        self.split = split
        self.compression = compression
        self.count = batch.num_rows
        self.producer = _producer(origin)
        self.attributes = _attributes(attributes)
        self.encode(batch)

    def encode(self, batch: pa.RecordBatch) -> None:
        """Take ``batch`` as what is to be written."""
        _check(batch)
        self.batch = batch
        self.schema: pa.Schema = batch.schema
        self.payload = _message(batch, self.compression)
        if self.payload.size > MAX_PAYLOAD_BYTES:
            raise TooLargeError(
                f"a batch of {format_size(self.payload.size)} is over the limit of "
                f"{format_size(MAX_PAYLOAD_BYTES)}",
                hint="send it in smaller batches",
            )
        self.flags = FLAG_COMPRESSED if self.compression else 0
        self.crc: int = google_crc32c.value(self.payload)
        self.size_bytes = (
            FRAME_HEADER_BYTES + len(self.producer) + len(self.attributes) + self.payload.size + 16
        )


def _message(batch: pa.RecordBatch, compression: str | None) -> pa.Buffer:
    """The Arrow IPC message of ``batch``, without the schema."""
    if compression is None:
        return batch.serialize()
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    writer = pa.ipc.new_stream(sink, batch.schema, options=options)
    writer.write_batch(batch)
    end = sink.tell()
    writer.close()
    return sink.getvalue()[batch.schema.serialize().size : end]


def _check(batch: pa.RecordBatch) -> None:
    if not batch.num_rows:
        raise InvalidInputError("a batch without records has no offsets", hint="leave it out")
    try:
        batch.validate()
    except pa.ArrowException as error:
        raise InvalidInputError(f"the batch is not sound: {error}") from error
    for field, column in zip(batch.schema, batch.columns, strict=True):
        if not field.nullable and column.null_count:
            raise InvalidInputError(
                f"the column {field.name!r} has {column.null_count} nulls and allows none"
            )


def _producer(origin: Origin | None) -> bytes:
    if origin is None:
        return b""
    raw = origin.producer.encode("utf-8", "surrogatepass")
    if not raw or len(raw) > MAX_PRODUCER_BYTES:
        raise InvalidInputError(
            f"the name of a producer takes {len(raw)} bytes",
            hint=f"1 to {MAX_PRODUCER_BYTES} are allowed",
        )
    if not -_MAX_SEQUENCE <= origin.sequence <= _MAX_SEQUENCE:
        raise InvalidInputError(f"the sequence {origin.sequence} takes more than 64 bits")
    return raw


def _attributes(attributes: Mapping[str, str] | None) -> bytes:
    if not attributes:
        return b""
    try:
        raw = orjson.dumps(dict(attributes), option=orjson.OPT_SORT_KEYS)
    except TypeError as error:
        raise InvalidInputError(f"attributes must be text: {error}") from error
    if len(raw) > MAX_ATTRIBUTES_BYTES:
        raise TooLargeError(
            f"attributes take {len(raw)} bytes, over the limit of {MAX_ATTRIBUTES_BYTES}"
        )
    return raw
