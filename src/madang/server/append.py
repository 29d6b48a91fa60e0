"""Split records → the stream's partitions."""

from __future__ import annotations

from concurrent.futures import Future

import pyarrow as pa

from madang.collect import SplitBody
from madang.stream import RECORD_SCHEMA, Appended, LogStream, Origin, append_partitioned


def append(
    stream: LogStream, split: SplitBody, key_field: str | None, idempotency_key: str | None
) -> list[Future[Appended]]:
    """Submit the records: one future for each partition that gets some.

    Args:
        stream: Where to.
        split: The records.
        key_field: The stream's ``key``: in a typed stream, the column that decides the partition;
            elsewhere that is the records' own ``key``.
        idempotency_key: Sent again, it is acknowledged with the first offsets.
    """
    batch = split.batch
    keys = None
    if stream.partitions > 1:
        name = "key" if batch.schema.equals(RECORD_SCHEMA) else key_field
        if name in batch.schema.names:
            keys = batch.column(name)
            if not (pa.types.is_binary(keys.type) or pa.types.is_string(keys.type)):
                keys = keys.cast(pa.string())
    origin = None if idempotency_key is None else Origin(f"key:{idempotency_key}", 1)
    return append_partitioned(stream, batch, keys, origin=origin, attributes=split.attributes)
