"""A batch of a stream of samples, as numpy sees it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from madang.core.samples import OPAQUE, SAMPLES_SCHEMA, is_stale
from madang.metrics.head.chunk import Times, Values


@dataclass(frozen=True, slots=True)
class SampleColumns:
    """The columns of a batch of ``SAMPLES_SCHEMA``.

    ``announced`` are the places that have labels, ``labels`` those. The value of a native histogram
    is ``OPAQUE``, not its sum, which whoever reads it would take for a number.
    """

    ids: npt.NDArray[np.int64]
    ts_ms: Times
    values: Values
    announced: npt.NDArray[np.int64]
    labels: list[bytes]

    @classmethod
    def of(cls, batch: pa.RecordBatch) -> SampleColumns:
        """Look at a batch; no copy but of the labels."""
        assert batch.schema.names == SAMPLES_SCHEMA.names, batch.schema
        labels = batch.column("labels")
        announced = np.empty(0, np.int64)
        if labels.null_count < len(labels):
            announced = np.flatnonzero(pc.is_valid(labels).to_numpy(zero_copy_only=False))
        values, histograms = batch.column("value").to_numpy(), batch.column("histogram")
        if histograms.null_count < len(histograms):
            native = pc.is_valid(histograms).to_numpy(zero_copy_only=False) & ~is_stale(values)
            values = np.where(native, OPAQUE, values)
        return cls(
            batch.column("series").to_numpy(),
            batch.column("ts").view(pa.int64()).to_numpy(),
            values,
            announced,
            labels.take(pa.array(announced)).to_pylist() if len(announced) else [],
        )
