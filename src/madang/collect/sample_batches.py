"""Record batches of samples, made of arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from madang.core.samples import SAMPLES_SCHEMA, STALE_NAN


@dataclass(frozen=True, slots=True)
class SampleBatch:
    """A batch of ``SAMPLES_SCHEMA``, and the series that it is the first to bring, by number."""

    batch: pa.RecordBatch
    announced: Mapping[int, bytes]


def sample_batch(
    ts_ms: npt.NDArray[np.int64],
    series: npt.NDArray[np.int64],
    values: npt.NDArray[np.float64],
    labels: Mapping[int, bytes],
    histograms: Mapping[int, bytes],
) -> pa.RecordBatch:
    """A batch of ``SAMPLES_SCHEMA``.

    Args:
        ts_ms: Times, int64 [n].
        series: Numbers of the series, int64 [n].
        values: float64 [n].
        labels: Row → labels; all other rows have null.
        histograms: Row → native histogram; all other rows have null.
    """
    count = len(values)
    times = pa.Array.from_buffers(
        SAMPLES_SCHEMA.field("ts").type, count, [None, pa.py_buffer(np.ascontiguousarray(ts_ms))]
    )
    return pa.RecordBatch.from_arrays(
        [
            times,
            pa.array(series, pa.int64()),
            pa.array(values, pa.float64(), from_pandas=False),
            _sparse(count, histograms),
            _sparse(count, labels),
        ],
        schema=SAMPLES_SCHEMA,
    )


def ending(series: npt.NDArray[np.int64], ts_ms: int) -> SampleBatch:
    """The batch that ends series at ``ts_ms``."""
    times, values = np.full(len(series), ts_ms, np.int64), np.full(len(series), STALE_NAN)
    return SampleBatch(sample_batch(times, series, values, {}, {}), {})


def _sparse(count: int, found: Mapping[int, bytes]) -> pa.Array:
    """Binary values in a few rows (ascending), null in the others."""
    if not found:
        return pa.nulls(count, pa.binary())
    rows = np.fromiter(found.keys(), np.int64, len(found))
    parts: Sequence[bytes] = list(found.values())
    lengths = np.zeros(count + 1, np.int64)
    lengths[rows + 1] = np.fromiter(map(len, parts), np.int64, len(parts))
    offsets = np.cumsum(lengths).astype(np.int32)
    valid = np.zeros(count, np.bool_)
    valid[rows] = True
    bits = np.packbits(valid, bitorder="little")
    buffers = [pa.py_buffer(bits), pa.py_buffer(offsets), pa.py_buffer(b"".join(parts))]
    return pa.Array.from_buffers(pa.binary(), count, buffers, null_count=count - len(parts))
