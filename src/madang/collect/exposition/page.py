"""What a scraped page says: samples in bulk, and beside them what few pages have much of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from madang.core.samples import Samples

NO_TIMESTAMP: int = int(np.iinfo(np.int64).min)
"""Stands in ``Page.ts_ms`` for a sample that came without a timestamp of its own."""


class MetricType(StrEnum):
    """Type of a family, by the name that OpenMetrics has for it."""

    UNKNOWN = "unknown"
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    GAUGE_HISTOGRAM = "gaugehistogram"
    SUMMARY = "summary"
    INFO = "info"
    STATESET = "stateset"


@dataclass(frozen=True, slots=True)
class Family:
    """What a page says of all the series of one name."""

    name: str
    type: MetricType = MetricType.UNKNOWN
    help: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Exemplar:
    """An example behind a sample, most often a trace.

    ``place`` is the sample's place in the page; ``labels`` are as ``canonical_labels`` writes
    them; ``ts_ms`` is None if the exemplar has no time of its own.
    """

    place: int
    labels: bytes
    value: float
    ts_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Created:
    """Since when a counter, histogram or summary counts.

    ``place`` is that of the first sample of the metric that this belongs to.
    """

    place: int
    ts_ms: int


@dataclass(frozen=True, slots=True)
class NativeHistogram:
    """A native histogram, whose sum is the sample at ``place``.

    ``message`` is the page's own ``io.prometheus.client.Histogram``, as it came.
    """

    place: int
    message: bytes


@dataclass(frozen=True, slots=True)
class PageLimits:
    """What a page may be at most, so that a broken target costs bounded memory."""

    body_bytes: int = 128 << 20
    line_bytes: int = 1 << 20
    lines: int = 4_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """A page, parsed.

    ``labels`` are those of all series that the cache knows, whether or not they are in this page;
    it only grows until ``PageCache.compact``. ``series`` (int32 [n]) are places in it, stable from
    page to page; ``values`` is float64 [n], ``ts_ms`` int64 [n] with ``NO_TIMESTAMP`` where a
    sample has no time of its own, or None if none has.

    ``duplicates`` counts the samples that were left out, as their series had been in the page
    before, at the same time; the first is kept. ``same_series`` says that ``series`` equals that
    of the page before, element for element (it is the same array then).
    """

    labels: Sequence[bytes]
    series: npt.NDArray[np.int32]
    values: npt.NDArray[np.float64]
    ts_ms: npt.NDArray[np.int64] | None = None
    metadata: Sequence[Family] = ()
    exemplars: Sequence[Exemplar] = ()
    created: Sequence[Created] = ()
    histograms: Sequence[NativeHistogram] = field(default=())
    duplicates: int = 0
    same_series: bool = False

    def __len__(self) -> int:
        return len(self.values)

    def samples(self, at_ms: int) -> Samples:
        """The samples; those without a time of their own are from ``at_ms``."""
        if self.ts_ms is None:
            times = np.full(len(self), at_ms, np.int64)
        else:
            times = np.where(self.ts_ms == NO_TIMESTAMP, at_ms, self.ts_ms)
        return Samples(labels=self.labels, series=self.series, ts_ms=times, values=self.values)
