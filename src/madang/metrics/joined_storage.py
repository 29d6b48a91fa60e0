"""The head and the tables behind it as one storage: each sample once, none missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from madang.core.errors import TooLargeError
from madang.metrics.head.chunk import Rows, in_order
from madang.metrics.head.view import HeadView
from madang.metrics.matcher import Labels, Matcher
from madang.metrics.storage import SampleStorage, SeriesSet
from madang.metrics.texts import first_texts


class JoinedStorage:
    """A ``SampleStorage`` that asks the head, and for what is older the tables, too.

    From ``HeadView.whole_from_ms`` on the head has every sample, and before it the tables have all
    but those that came late and were not delivered yet: these the head has. So the tables are
    asked up to that time and the head for all of it. Where both have a sample it counts once; the
    tables' counts where they differ, for that came first.

    Args:
        head: A view of the head as it is now, for any thread.
        tables: The older samples.
    """

    def __init__(self, head: Callable[[], HeadView], tables: SampleStorage) -> None:
        self._head = head
        self._tables = tables

    def select(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, limit: int = 0
    ) -> SeriesSet:
        """See ``SampleStorage.select``."""
        # The view first: what it does not have any more is in the tables by now.
        view = self._head()
        found = view.select(matchers, start_ms, end_ms, limit=limit)
        newer = SeriesSet(
            found.labels,
            np.asarray(found.offsets, np.int64),
            np.asarray(found.samples.ts_ms, np.int64),
            np.asarray(found.samples.values, np.float64),
        )
        until_ms = self._until_ms(view, end_ms)
        if until_ms is None or until_ms < start_ms:
            return newer
        older = self._tables.select(matchers, start_ms, until_ms, limit=limit)
        if limit and older.samples + newer.samples > limit:
            raise TooLargeError(
                f"the selector finds over {limit:,} samples, which is the limit",
                hint="ask for less time, or for fewer series",
            )
        return _joined(older, newer)

    def series(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, limit: int = 0
    ) -> list[Labels]:
        """See ``SampleStorage.series``."""
        view = self._head()
        newer = view.series_within(matchers, start_ms, end_ms, limit=limit)
        until_ms = self._until_ms(view, end_ms)
        if until_ms is None or until_ms < start_ms:
            return newer
        if limit and len(newer) >= limit:
            return newer
        older = self._tables.series(matchers, start_ms, until_ms, limit=limit)
        return list(dict.fromkeys((*older, *newer)))[: limit or None]

    def label_names(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, limit: int = 0
    ) -> list[str]:
        """See ``SampleStorage.label_names``; the time is that of whole days, or of the head."""
        view = self._head()
        names = view.label_names(matchers)
        until_ms = self._until_ms(view, end_ms)
        if until_ms is None or until_ms < start_ms:
            return first_texts(names, limit)
        older = self._tables.label_names(matchers, start_ms, until_ms, limit=limit)
        return first_texts({*names, *older}, limit)

    def label_values(
        self,
        name: str,
        matchers: Sequence[Matcher],
        start_ms: int,
        end_ms: int,
        *,
        limit: int = 0,
    ) -> list[str]:
        """See ``SampleStorage.label_values``; the time is that of whole days, or of the head."""
        view = self._head()
        values = view.label_values(name, matchers, limit=limit)
        until_ms = self._until_ms(view, end_ms)
        if until_ms is None or until_ms < start_ms:
            return values
        older = self._tables.label_values(name, matchers, start_ms, until_ms, limit=limit)
        return first_texts({*values, *older}, limit)

    def _until_ms(self, view: HeadView, end_ms: int) -> int | None:
        return None if view.whole_from_ms is None else min(end_ms, view.whole_from_ms - 1)


def _joined(older: SeriesSet, newer: SeriesSet) -> SeriesSet:
    if not len(older):
        return newer
    if not len(newer):
        return older
    labels: list[Labels] = [*older.labels]
    places = {each: place for place, each in enumerate(labels)}
    own = np.empty(len(newer), np.int64)
    for number, each in enumerate(newer.labels):
        place = places.setdefault(each, len(labels))
        if place == len(labels):
            labels.append(each)
        own[number] = place
    found = in_order([_rows(older, np.arange(len(older))), _rows(newer, own)])
    return SeriesSet(labels, found.offsets(len(labels)), found.ts_ms, found.values)


def _rows(series: SeriesSet, owners: np.typing.NDArray[np.int64]) -> Rows:
    return Rows(np.repeat(owners, np.diff(series.offsets)), series.ts_ms, series.values)
