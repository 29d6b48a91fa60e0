"""Samples in plain memory: for tests, for rules that are tried out, for small data."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from madang.core.errors import ConflictError, TooLargeError
from madang.core.samples import METRIC_NAME
from madang.metrics.matcher import Labels, Matcher, MatchKind, labels_text
from madang.metrics.storage import Floats, Ints, SeriesSet
from madang.metrics.texts import first_texts

Objects = npt.NDArray[Any]


class MemoryStorage:
    """Series kept as arrays, found by the metric's name and then one by one."""

    def __init__(self) -> None:
        self._labels: list[Labels] = []
        self._ts_ms: list[Ints] = []
        self._values: list[Floats] = []
        self._histograms: list[Objects | None] = []
        self._starts_ms: list[Ints | None] = []
        self._ids: dict[Labels, int] = {}
        self._names: dict[str, list[int]] = {}

    def append(
        self,
        labels: Labels,
        ts_ms: Ints,
        values: Floats,
        histograms: Sequence[Any] | None = None,
        *,
        starts_ms: Ints | None = None,
    ) -> None:
        """Add samples, ascending in time, to one series; what exists at those times is replaced.

        Args:
            labels: Sorted by name, none empty.
            ts_ms: Milliseconds since 1970, ascending.
            values: As many values.
            histograms: None, or for each sample a native histogram or None.
            starts_ms: None, or for each sample its start timestamp, 0 where it has none.

        Raises:
            ConflictError: the times do not ascend.
        """
        if len(ts_ms) > 1 and bool((np.diff(ts_ms) <= 0).any()):
            raise ConflictError(f"times of {labels_text(labels)} do not ascend")
        held = np.empty(len(values), object) if histograms is not None else None
        if held is not None and histograms is not None:
            held[:] = histograms
        starts = None if starts_ms is None else np.asarray(starts_ms, np.int64)
        known = self._ids.get(labels)
        if known is None:
            self._ids[labels] = len(self._labels)
            self._names.setdefault(dict(labels).get(METRIC_NAME, ""), []).append(len(self._labels))
            self._labels.append(labels)
            self._ts_ms.append(np.asarray(ts_ms, np.int64))
            self._values.append(np.asarray(values, np.float64))
            self._histograms.append(held)
            self._starts_ms.append(starts)
            return
        ts_ms, values = np.asarray(ts_ms, np.int64), np.asarray(values, np.float64)
        self._merge(known, ts_ms, values, held, starts)

    def _merge(
        self,
        series: int,
        ts_ms: Ints,
        values: Floats,
        histograms: Objects | None,
        starts_ms: Ints | None,
    ) -> None:
        keep = ~np.isin(self._ts_ms[series], ts_ms)
        times = np.concatenate([self._ts_ms[series][keep], ts_ms])
        order = np.argsort(times, kind="stable")
        if self._histograms[series] is not None or histograms is not None:
            old = _or_none(self._histograms[series], len(keep))[keep]
            new = _or_none(histograms, len(ts_ms))
            self._histograms[series] = np.concatenate([old, new])[order]
        if self._starts_ms[series] is not None or starts_ms is not None:
            old_starts = _or_zero(self._starts_ms[series], len(keep))[keep]
            new_starts = _or_zero(starts_ms, len(ts_ms))
            self._starts_ms[series] = np.concatenate([old_starts, new_starts])[order]
        self._ts_ms[series] = times[order]
        self._values[series] = np.concatenate([self._values[series][keep], values])[order]

    def select(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, limit: int = 0
    ) -> SeriesSet:
        """See ``SampleStorage.select``."""
        found = self._matching(matchers, start_ms, end_ms)
        if not found:
            return SeriesSet.empty()
        counts = np.array([high - low for _, low, high in found])
        if limit and counts.sum() > limit:
            raise TooLargeError(f"the selector finds {counts.sum():,} samples, over {limit:,}")
        histograms = None
        if any(self._histograms[series] is not None for series, _, _ in found):
            histograms = np.concatenate(
                [
                    _or_none(self._histograms[series], len(self._ts_ms[series]))[low:high]
                    for series, low, high in found
                ]
            )
        starts_ms = None
        if any(self._starts_ms[series] is not None for series, _, _ in found):
            starts_ms = np.concatenate(
                [
                    _or_zero(self._starts_ms[series], len(self._ts_ms[series]))[low:high]
                    for series, low, high in found
                ]
            )
        return SeriesSet(
            [self._labels[series] for series, _, _ in found],
            np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            np.concatenate([self._ts_ms[series][low:high] for series, low, high in found]),
            np.concatenate([self._values[series][low:high] for series, low, high in found]),
            histograms,
            starts_ms,
        )

    def series(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, limit: int = 0
    ) -> list[Labels]:
        """See ``SampleStorage.series``."""
        found = [
            self._labels[series] for series, _, _ in self._matching(matchers, start_ms, end_ms)
        ]
        return found[: limit or None]

    def label_names(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, limit: int = 0
    ) -> list[str]:
        """See ``SampleStorage.label_names``."""
        found = self._matching(matchers, start_ms, end_ms)
        names = {name for series, _, _ in found for name, _ in self._labels[series]}
        return first_texts(names, limit)

    def label_values(
        self,
        name: str,
        matchers: Sequence[Matcher],
        start_ms: int,
        end_ms: int,
        *,
        limit: int = 0,
    ) -> list[str]:
        """See ``SampleStorage.label_values``."""
        found = self._matching(matchers, start_ms, end_ms)
        values = {dict(self._labels[series]).get(name, "") for series, _, _ in found}
        return first_texts(values - {""}, limit)

    def _matching(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int
    ) -> list[tuple[int, int, int]]:
        """The matching series with samples in a time: its place, its first sample, its end."""
        candidates: Sequence[int] = range(len(self._labels))
        for matcher in matchers:
            if matcher.name == METRIC_NAME and matcher.kind is MatchKind.EQUAL:
                candidates = self._names.get(matcher.value, [])
        known: list[dict[str, bool]] = [{} for _ in matchers]
        found = []
        for series in candidates:
            labels = dict(self._labels[series])
            for matcher, verdicts in zip(matchers, known, strict=True):
                value = labels.get(matcher.name, "")
                verdict = verdicts.get(value)
                if verdict is None:
                    verdict = verdicts[value] = matcher.matches(value)
                if not verdict:
                    break
            else:
                times = self._ts_ms[series]
                low = int(np.searchsorted(times, start_ms, "left"))
                high = int(np.searchsorted(times, end_ms, "right"))
                if low < high:
                    found.append((series, low, high))
        return found


def _or_none(histograms: Objects | None, size: int) -> Objects:
    return np.full(size, None, object) if histograms is None else histograms


def _or_zero(starts_ms: Ints | None, size: int) -> Ints:
    return np.zeros(size, np.int64) if starts_ms is None else starts_ms


def labels_from(pairs: dict[str, str]) -> Labels:
    """Labels in their one form, from a mapping."""
    labels = tuple(sorted((name, value) for name, value in pairs.items() if value))
    assert all(left[0] < right[0] for left, right in pairwise(labels))
    return labels
