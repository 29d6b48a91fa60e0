"""The head as PromQL reads it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from madang.metrics.head.follower import HeadFollower
from madang.metrics.head.head import Head
from madang.metrics.matcher import Labels, Matcher
from madang.metrics.storage import SeriesSet
from madang.metrics.texts import first_texts


class HeadStorage:
    """A ``SampleStorage`` over the newest hours.

    Args:
        head: A follower, which threads may ask at once, or a head alone, which they may not.
    """

    def __init__(self, head: Head | HeadFollower) -> None:
        self._head = head

    def select(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, limit: int = 0
    ) -> SeriesSet:
        """See ``SampleStorage.select``."""
        found = self._head.select(matchers, start_ms, end_ms, limit=limit)
        return SeriesSet(
            found.labels,
            np.asarray(found.offsets, np.int64),
            np.asarray(found.samples.ts_ms, np.int64),
            np.asarray(found.samples.values, np.float64),
        )

    def series(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, limit: int = 0
    ) -> list[Labels]:
        """See ``SampleStorage.series``."""
        return self._head.view().series_within(matchers, start_ms, end_ms, limit=limit)

    def label_names(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, limit: int = 0
    ) -> list[str]:
        """See ``SampleStorage.label_names``; the time is that of the whole head."""
        return first_texts(self._head.label_names(matchers), limit)

    def label_values(
        self,
        name: str,
        matchers: Sequence[Matcher],
        start_ms: int,
        end_ms: int,
        *,
        limit: int = 0,
    ) -> list[str]:
        """See ``SampleStorage.label_values``; the time is that of the whole head."""
        return self._head.view().label_values(name, matchers, limit=limit)
