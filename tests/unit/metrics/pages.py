"""Batches of samples, and what a head holds, as tests write them down."""

import pyarrow as pa

from madang.core.samples import SAMPLES_SCHEMA, canonical_labels, series_id


def page(ts_ms, values, *, announce=True):
    """Samples at one time; ``values`` by (name, pod)."""
    labels = [canonical_labels({"__name__": name, "pod": pod}) for name, pod in values]
    count = len(labels)
    return pa.RecordBatch.from_arrays(
        [
            pa.array([ts_ms] * count, pa.timestamp("ms", "UTC")),
            pa.array([series_id(one) for one in labels], pa.int64()),
            pa.array(list(values.values()), pa.float64()),
            pa.nulls(count, pa.binary()),
            pa.array(labels if announce else [None] * count, pa.binary()),
        ],
        schema=SAMPLES_SCHEMA,
    )


def contents(head, start_ms=-(2**60), end_ms=2**60):
    """All samples of a head: (name, pod) → [(ms, value)]."""
    found = head.select([], start_ms, end_ms)
    samples = list(zip(found.samples.ts_ms.tolist(), found.samples.values.tolist(), strict=True))
    return {
        tuple(value for _, value in labels): samples[
            found.offsets[place] : found.offsets[place + 1]
        ]
        for place, labels in enumerate(found.labels)
    }
