"""Split records → the stream's partitions."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future

import google_crc32c
import pyarrow as pa

from madang.collect import SplitBody
from madang.stream import RECORD_SCHEMA, Appended, LogStream, Origin, append_partitioned


def append(
    stream: LogStream, split: SplitBody, key_field: str | None, origin: Origin | None
) -> list[Future[Appended]]:
    """Submit the records: one future for each partition that gets some.

    Args:
        stream: Where to.
        split: The records.
        key_field: The stream's ``key``: in a typed stream, the column that decides the partition;
            elsewhere that is the records' own ``key``.
        origin: Sent again, it is acknowledged with the first offsets.
    """
    batch = split.batch
    keys = None
    if stream.partitions > 1:
        name = "key" if batch.schema.equals(RECORD_SCHEMA) else key_field
        if name in batch.schema.names:
            keys = batch.column(name)
            if not (pa.types.is_binary(keys.type) or pa.types.is_string(keys.type)):
                keys = keys.cast(pa.string())
    return append_partitioned(stream, batch, keys, origin=origin, attributes=split.attributes)


def origin_of(idempotency_key: str | None, pieces: Sequence[bytes]) -> Origin | None:
    """The origin of a request: its key, and a fingerprint of its body."""
    if idempotency_key is None:
        return None
    crc = size = 0
    for piece in pieces:
        crc = google_crc32c.extend(crc, piece)
        size += len(piece)
    return Origin(f"key:{idempotency_key}", 2 + (size << 32 | crc))
