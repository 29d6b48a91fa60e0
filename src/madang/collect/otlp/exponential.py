"""Exponential histograms → Prometheus's native ones.

Both have buckets whose bounds grow by 2^(2^-scale). OpenTelemetry counts a bucket by its lower
bound, Prometheus by its upper one, hence the 1. Prometheus's finest schema is 8: finer scales are
merged down, which is exact.
"""

from __future__ import annotations

from itertools import groupby

from madang.collect.otlp.messages import NATIVE_HISTOGRAM
from madang.collect.sender_labels import SeriesError
from madang.collect.wire_messages import AnyMessage
from madang.core.samples import STALE_NAN

_FINEST, _COARSEST = 8, -4


def native_histogram(point: AnyMessage, ts_ms: int, *, stale: bool) -> tuple[bytes, float]:
    """A data point as ``prompb.Histogram``, and its sum.

    Raises:
        SeriesError: its scale is too coarse for Prometheus.
    """
    if point.scale < _COARSEST:
        raise SeriesError(
            f"an exponential histogram of scale {point.scale}; {_COARSEST} is the least"
        )
    finer = max(point.scale - _FINEST, 0)
    total = STALE_NAN if stale else point.sum
    histogram = NATIVE_HISTOGRAM["Histogram"](
        sum=total, schema=point.scale - finer, timestamp=ts_ms
    )
    if not stale:
        histogram.count_int = point.count
        histogram.zero_count_int = point.zero_count
        histogram.zero_threshold = point.zero_threshold
        positive = _buckets(point.positive, finer)
        _write(positive, histogram.positive_spans, histogram.positive_deltas)
        negative = _buckets(point.negative, finer)
        _write(negative, histogram.negative_spans, histogram.negative_deltas)
    wire: bytes = histogram.SerializeToString()
    return wire, total


def _buckets(buckets: AnyMessage, finer: int) -> list[tuple[int, int]]:
    """Prometheus's places of the buckets that are not empty, and their counts."""
    placed = [
        (((buckets.offset + place) >> finer) + 1, count)
        for place, count in enumerate(buckets.bucket_counts)
        if count
    ]
    return [
        (place, sum(count for _, count in group))
        for place, group in groupby(placed, key=lambda one: one[0])
    ]


def _write(buckets: list[tuple[int, int]], spans: AnyMessage, deltas: AnyMessage) -> None:
    behind: int | None = None
    before = 0
    for place, count in buckets:
        if behind is None or place != behind:
            spans.add(offset=place if behind is None else place - behind, length=1)
        else:
            spans[-1].length += 1
        deltas.append(count - before)
        before, behind = count, place + 1
