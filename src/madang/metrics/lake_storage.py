"""The tables of samples as PromQL reads them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from madang.core.distinct import distinct
from madang.core.names import SAMPLES, SERIES
from madang.lake import Lake, PinnedFile, Reading
from madang.lake.writer import DAY_US
from madang.metrics.matcher import Labels, Matcher
from madang.metrics.storage import SeriesSet
from madang.metrics.tables.sample_reader import SampleReader
from madang.metrics.tables.series_reader import FoundSeries, SeriesReader
from madang.metrics.texts import first_of

_DAY_MS = DAY_US // 1000


class LakeStorage:
    """A ``SampleStorage`` over ``metrics.samples`` and ``metrics.series``.

    Series come in the order of their numbers. Thread-safe.

    Args:
        lake: Where the tables are; it may be without them.
        reading: Says to upkeep that files are being read; made after forking.
    """

    def __init__(self, lake: Lake, reading: Reading) -> None:
        self._lake = lake
        self._reading = reading
        self._series = SeriesReader()
        self._samples = SampleReader()

    def select(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, limit: int = 0
    ) -> SeriesSet:
        """See ``SampleStorage.select``."""
        with self._reading.held():
            # In this order: the series of what is in one table are in the other before.
            files = self._files(SAMPLES, start_ms, end_ms)
            series = self._matching(matchers, start_ms, end_ms)
            if not files or not len(series.ids):
                return SeriesSet.empty()
            wanted = series.ids_by_name()
            found = self._samples.read(files, wanted, start_ms, end_ms, limit=limit)
        owners = distinct(found.owners)
        offsets = np.append(np.searchsorted(found.owners, owners), len(found.owners))
        return SeriesSet(series.labels(owners), offsets.astype(np.int64), found.ts_ms, found.values)

    def series(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, limit: int = 0
    ) -> list[Labels]:
        """See ``SampleStorage.series``; the time is that of whole days."""
        with self._reading.held():
            found = self._matching(matchers, start_ms, end_ms, limit)
        return found.labels(np.arange(len(found.ids)))

    def label_names(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, limit: int = 0
    ) -> list[str]:
        """See ``SampleStorage.label_names``; the time is that of whole days."""
        with self._reading.held():
            files = self._files(SERIES, start_ms, end_ms)
            found = (piece.names() for piece in self._series.pieces(files, matchers))
            return first_of(found, limit)

    def label_values(
        self,
        name: str,
        matchers: Sequence[Matcher],
        start_ms: int,
        end_ms: int,
        *,
        limit: int = 0,
    ) -> list[str]:
        """See ``SampleStorage.label_values``; the time is that of whole days."""
        with self._reading.held():
            files = self._files(SERIES, start_ms, end_ms)
            found = (piece.values(name) for piece in self._series.pieces(files, matchers))
            return first_of(found, limit)

    def _matching(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, limit: int = 0
    ) -> FoundSeries:
        return self._series.select(self._files(SERIES, start_ms, end_ms), matchers, limit=limit)

    def _files(self, table: str, start_ms: int, end_ms: int) -> list[PinnedFile]:
        if not self._lake.exists(table):
            return []
        return list(_of_days(self._lake.table(table).pin().files, start_ms, end_ms))


def _of_days(files: Iterable[PinnedFile], start_ms: int, end_ms: int) -> Iterable[PinnedFile]:
    first, last = start_ms // _DAY_MS, end_ms // _DAY_MS
    return (file for file in files if file.day is not None and first <= file.day <= last)
