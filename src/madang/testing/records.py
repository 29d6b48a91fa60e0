"""Record batches of the raw schema, from plain bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa

from madang.stream import RECORD_SCHEMA, Chunk

_TS_US = 1_767_225_600_000_000


def record_batch(
    values: Sequence[bytes], *, keys: Sequence[bytes | None] | None = None, ts_us: int = _TS_US
) -> pa.RecordBatch:
    """A batch of ``RECORD_SCHEMA`` with these values, one arrival time, no headers."""
    count = len(values)
    return pa.RecordBatch.from_arrays(
        [
            pa.array([ts_us] * count, RECORD_SCHEMA.field("ts").type),
            pa.nulls(count, pa.binary()) if keys is None else pa.array(keys, pa.binary()),
            pa.nulls(count, RECORD_SCHEMA.field("headers").type),
            pa.array(values, pa.binary()),
        ],
        schema=RECORD_SCHEMA,
    )


def values_of(chunks: Iterable[Chunk]) -> list[tuple[int, bytes]]:
    """(offset, value) of every record, in order."""
    return [
        (chunk.base_offset + row, value)
        for chunk in chunks
        for row, value in enumerate(chunk.batch.column("value").to_pylist())
    ]
