"""One family of metrics → its series, as whoever scrapes it would see them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from madang.collect.exposition.numbers import format_float
from madang.collect.pushgateway.messages import HISTOGRAMS, SUMMARY, VALUE_FIELDS, is_native
from madang.collect.wire_messages import AnyMessage
from madang.core.samples import series_id

Pairs = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Series and their values; no two are equal.

    ``labels`` are canonical, ``ids`` int64 [n] their numbers, ``values`` float64 [n];
    ``histograms`` has, by place, the message of each that is a native histogram.
    """

    labels: Sequence[bytes]
    ids: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]
    histograms: Mapping[int, bytes]

    def __len__(self) -> int:
        return len(self.ids)


NO_SERIES = Series((), np.empty(0, np.int64), np.empty(0), {})


@dataclass(slots=True)
class _Gathering:
    name: bytes
    values: dict[bytes, float] = field(default_factory=dict)
    histograms: dict[bytes, bytes] = field(default_factory=dict)

    def add(
        self,
        pairs: Pairs,
        value: float,
        suffix: bytes = b"",
        own: tuple[bytes, bytes] | None = None,
    ) -> bytes:
        labels = [pair for pair in pairs if pair[1]]
        labels.append((b"__name__", self.name + suffix))
        if own is not None:
            labels.append(own)
        labels.sort()
        canonical = b"\xff".join([part for pair in labels for part in pair])
        # One NaN, so that none is taken for the mark of an end; of equal series the first stays.
        self.values.setdefault(canonical, math.nan if math.isnan(value) else value)
        return canonical


def family_series(family: AnyMessage) -> Series:
    """The series of a family whose metrics have been checked.

    Labels with an empty value are none; a histogram has its buckets, always one of +Inf, its sum
    and count, a native one is a series of the bare name beside, whose value is the sum.
    """
    gathering = _Gathering(family.name)
    kind = family.type
    for metric in family.metric:
        pairs = [(label.name, label.value) for label in metric.label]
        if kind == SUMMARY:
            _add_summary(gathering, pairs, metric.summary)
        elif kind in HISTOGRAMS:
            _add_histogram(gathering, pairs, metric.histogram)
        else:
            gathering.add(pairs, getattr(metric, VALUE_FIELDS[kind]).value)
    values = gathering.values
    labels = list(values)
    places = {one: place for place, one in enumerate(labels)} if gathering.histograms else {}
    return Series(
        labels,
        np.fromiter(map(series_id, labels), np.int64, len(labels)),
        np.fromiter(values.values(), np.float64, len(labels)),
        {places[one]: message for one, message in gathering.histograms.items()},
    )


def joined(parts: Sequence[Series]) -> Series:
    """Series of several families, or groups; of equal series the first stays."""
    parts = [part for part in parts if len(part)]
    if len(parts) < 2:
        return parts[0] if parts else NO_SERIES
    labels: list[bytes] = []
    histograms: dict[int, bytes] = {}
    for part in parts:
        histograms.update((len(labels) + at, one) for at, one in part.histograms.items())
        labels += part.labels
    ids = np.concatenate([part.ids for part in parts])
    values = np.concatenate([part.values for part in parts])
    _, first = np.unique(ids, return_index=True)
    if len(first) == len(ids):
        return Series(labels, ids, values, histograms)
    first.sort()
    kept = first.tolist()
    places = {old: new for new, old in enumerate(kept)}
    return Series(
        [labels[at] for at in kept],
        ids[first],
        values[first],
        {places[at]: one for at, one in histograms.items() if at in places},
    )


def _add_summary(gathering: _Gathering, pairs: Pairs, summary: AnyMessage) -> None:
    for one in summary.quantile:
        gathering.add(pairs, one.value, own=(b"quantile", _bound(one.quantile)))
    gathering.add(pairs, summary.sample_sum, b"_sum")
    gathering.add(pairs, summary.sample_count, b"_count")


def _add_histogram(gathering: _Gathering, pairs: Pairs, histogram: AnyMessage) -> None:
    count = histogram_count(histogram)
    infinite = False
    for bucket in histogram.bucket:
        infinite |= bucket.upper_bound == math.inf
        own = (b"le", _bound(bucket.upper_bound))
        gathering.add(pairs, bucket_count(bucket), b"_bucket", own)
    if not infinite:
        gathering.add(pairs, count, b"_bucket", (b"le", b"+Inf"))
    gathering.add(pairs, histogram.sample_sum, b"_sum")
    gathering.add(pairs, count, b"_count")
    if is_native(histogram):
        canonical = gathering.add(pairs, histogram.sample_sum)
        gathering.histograms[canonical] = histogram.SerializeToString()


def histogram_count(histogram: AnyMessage) -> float:
    """The number of observations, which as a fraction stands in a field of its own."""
    found: float = histogram.sample_count_float or histogram.sample_count
    return found


def bucket_count(bucket: AnyMessage) -> float:
    """The number of observations up to a bucket's bound."""
    found: float = bucket.cumulative_count_float or bucket.cumulative_count
    return found


def _bound(value: float) -> bytes:
    return format_float(value, always_point=True).encode()
