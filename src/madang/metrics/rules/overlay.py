"""Results that are not in the head yet, seen as if they were.

A rule sees what the rules before it gave in the same evaluation, and an evaluation what the one
before it gave, although results go through the stream.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from madang.core.samples import METRIC_NAME
from madang.metrics.matcher import Labels, Matcher, MatchKind
from madang.metrics.storage import SampleStorage, SeriesSet


@dataclass(slots=True)
class Results:
    """Samples of one evaluation by the metric's name; each series has at most one.

    ``at_ms``: the time of all of them.
    """

    at_ms: int
    by_name: dict[str, dict[Labels, float]] = field(default_factory=dict)

    def add(self, name: str, samples: dict[Labels, float]) -> None:
        """Add results of a rule, or what ends its series."""
        self.by_name.setdefault(name, {}).update(samples)

    def matching(self, matchers: Sequence[Matcher]) -> list[tuple[Labels, float]]:
        """Those that are meant."""
        named = [one for one in matchers if one.name == METRIC_NAME]
        if len(named) == 1 and named[0].kind is MatchKind.EQUAL:
            found = self.by_name.get(named[0].value, {})
            others = [one for one in matchers if one is not named[0]]
            return [pair for pair in found.items() if _are(pair[0], others)]
        return [
            pair for found in self.by_name.values() for pair in found.items()
            if _are(pair[0], matchers)
        ]  # fmt: skip


def _are(labels: Labels, matchers: Sequence[Matcher]) -> bool:
    if not matchers:
        return True
    values = dict(labels)
    return all(one.matches(values.get(one.name, "")) for one in matchers)


class RecentResults:
    """Results that were appended, until the head has them. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[tuple[int, int, Results]] = []

    def add(self, partition: int, end_offset: int, results: Results) -> None:
        """Keep what was appended up to ``end_offset``."""
        with self._lock:
            self._waiting.append((partition, end_offset, results))

    def forget(self, taken: dict[int, int]) -> None:
        """Let go of what the head took: by partition, up to which offset."""
        with self._lock:
            self._waiting = [one for one in self._waiting if taken.get(one[0], 0) < one[1]]

    def all(self) -> list[Results]:
        """What waits now, oldest first."""
        with self._lock:
            return [results for _, _, results in self._waiting]


class OverlaidStorage:
    """A ``SampleStorage`` with results over another.

    Args:
        below: What everybody sees.
        recent: Results that were appended.
        own: Results of the evaluation that goes on.
    """

    def __init__(self, below: SampleStorage, recent: RecentResults, own: Results) -> None:
        self._below = below
        self._recent = recent
        self._own = own

    def select(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, limit: int = 0
    ) -> SeriesSet:
        """See ``SampleStorage.select``."""
        # First what waits, then the head: what moves over in between is seen twice, not never.
        found: list[tuple[Labels, int, float]] = []
        for results in (*self._recent.all(), self._own):
            if start_ms <= results.at_ms <= end_ms:
                found += [(one, results.at_ms, value) for one, value in results.matching(matchers)]
        below = self._below.select(matchers, start_ms, end_ms, limit=limit)
        return _merged(below, found) if found else below

    def series(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, limit: int = 0
    ) -> list[Labels]:
        """See ``SampleStorage.series``; results are not among it."""
        return self._below.series(matchers, start_ms, end_ms, limit=limit)

    def label_names(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, limit: int = 0
    ) -> list[str]:
        """See ``SampleStorage.label_names``; results are not among it."""
        return self._below.label_names(matchers, start_ms, end_ms, limit=limit)

    def label_values(
        self,
        name: str,
        matchers: Sequence[Matcher],
        start_ms: int,
        end_ms: int,
        *,
        limit: int = 0,
    ) -> list[str]:
        """See ``SampleStorage.label_values``; results are not among it."""
        return self._below.label_values(name, matchers, start_ms, end_ms, limit=limit)


def _merged(below: SeriesSet, found: list[tuple[Labels, int, float]]) -> SeriesSet:
    places = {labels: place for place, labels in enumerate(below.labels)}
    owners = [places.setdefault(labels, len(places)) for labels, _, _ in found]
    owner = np.concatenate(
        [np.repeat(np.arange(len(below)), np.diff(below.offsets)), np.array(owners, np.int64)]
    )
    ts_ms = np.concatenate([below.ts_ms, np.array([at_ms for _, at_ms, _ in found], np.int64)])
    values = np.concatenate([below.values, np.array([value for _, _, value in found])])
    order = np.lexsort((ts_ms, owner))
    owner, ts_ms = owner[order], ts_ms[order]
    first = np.ones(len(order), np.bool_)
    first[1:] = (np.diff(owner) != 0) | (np.diff(ts_ms) != 0)
    histograms = None
    if below.histograms is not None:
        none = np.full(len(found), None, object)
        histograms = np.concatenate([below.histograms, none])[order][first]
    starts_ms = None
    if below.starts_ms is not None:
        none_known = np.zeros(len(found), np.int64)
        starts_ms = np.concatenate([below.starts_ms, none_known])[order][first]
    offsets = np.searchsorted(owner[first], np.arange(len(places) + 1)).astype(np.int64)
    values = values[order][first]
    return SeriesSet(list(places), offsets, ts_ms[first], values, histograms, starts_ms)
