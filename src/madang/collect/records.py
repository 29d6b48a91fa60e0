"""Values → a record batch of ``RECORD_SCHEMA``."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from madang.stream import RECORD_SCHEMA

_HEADERS_TYPE = RECORD_SCHEMA.field("headers").type
_TS_TYPE = RECORD_SCHEMA.field("ts").type


def record_batch(
    values: pa.BinaryArray, arrived_at_us: int, keys: pa.BinaryArray | None = None
) -> pa.RecordBatch:
    """A batch of ``RECORD_SCHEMA`` whose records arrived together.

    Args:
        values: The records' bytes, no nulls.
        arrived_at_us: The ``ts`` of all of them.
        keys: A key each, or None for none.
    """
    count = len(values)
    stamps = np.full(count, arrived_at_us, np.int64)
    ts = pa.Array.from_buffers(_TS_TYPE, count, [None, pa.py_buffer(stamps)], 0)
    if keys is None:
        keys = pa.nulls(count, pa.binary())
    headers = pa.nulls(count, _HEADERS_TYPE)
    return pa.RecordBatch.from_arrays([ts, keys, headers, values], schema=RECORD_SCHEMA)
