"""What is known of a target's series from scrape to scrape: numbers, who is there, who is new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from madang.collect.exposition import (
    NO_TIMESTAMP,
    Family,
    Page,
    PageCache,
    exposition_of,
    parse_page,
)
from madang.collect.sample_batches import SampleBatch, ending, sample_batch
from madang.collect.scrape.series import SeriesLabels
from madang.core.distinct import distinct
from madang.core.errors import InvalidInputError
from madang.core.samples import STALE_NAN, series_id

REPORT = (
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
)
EXTRA_REPORT = ("scrape_timeout_seconds", "scrape_sample_limit", "scrape_body_size_bytes")
_DROPPED, _REFUSED = -1, -2
_SPARE = 1000
"""So many more series than are there may be known before those that have gone are forgotten."""

Slots = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Counted:
    """What a page came to: samples in it, samples kept, series that are new."""

    scraped: int = 0
    kept: int = 0
    added: int = 0
    duplicates: int = 0


@dataclass(frozen=True, slots=True)
class Taken:
    """The samples of a page, by the slots of their series."""

    slots: Slots
    values: npt.NDArray[np.float64]
    ts_ms: npt.NDArray[np.int64] | None
    histograms: Mapping[int, bytes]
    counted: Counted


_NOTHING = Taken(np.empty(0, np.int32), np.empty(0), None, {}, Counted())


class TargetSeries:
    """Turns pages into batches; arrays throughout, and Python only for series that are new.

    A series has a slot, its place in the arrays here. The first slots are the series that the
    scrape itself reports.

    Args:
        labels: Gives series their final labels.
        fallback: ``fallback_scrape_protocol``.
        sample_limit: The most samples kept of a page; 0 is no limit.
        honor_timestamps: Whether times that stand in the page count.
        track_all: Whether series with times of their own end as well when they vanish.
        extra: Whether the extra series are reported.
    """

    def __init__(
        self,
        labels: SeriesLabels,
        *,
        fallback: str | None = None,
        sample_limit: int = 0,
        honor_timestamps: bool = True,
        track_all: bool = False,
        extra: bool = False,
    ) -> None:
        self._labels = labels
        self._cache = PageCache()
        self._fallback = fallback
        self.families: Sequence[Family] = ()
        """What the last page says of its names: type, unit, help."""
        self._sample_limit = sample_limit
        self._honor_timestamps = honor_timestamps
        self._track_all = track_all
        self._ids = np.empty(0, np.int64)
        self._slot_of: dict[int, int] = {}
        self._places = np.empty(0, np.int32)
        self._in_page = np.empty(0, np.int32)
        self._refused: dict[int, InvalidInputError] = {}
        self._merged = False
        self._unannounced: dict[int, bytes] = {}
        self._present = np.empty(0, np.bool_)
        self._before = np.empty(0, np.int64)
        self._begun = False
        self._steady: tuple[npt.NDArray[np.bool_] | None, Slots] | None = None
        self._report_names = REPORT + (EXTRA_REPORT if extra else ())
        self._report = np.arange(len(self._report_names), dtype=np.int32)
        self._add([labels.report(name) for name in self._report_names])

    def __len__(self) -> int:
        """How many series are known, with those of the scrape itself."""
        return len(self._ids)

    def go_on_with(self, numbers: npt.NDArray[np.int64]) -> None:
        """Series that a loop before this one has left: they end unless the first page has them."""
        self._before = numbers

    def living(self) -> npt.NDArray[np.int64]:
        """The numbers of all series that have not ended, those of the scrape among them."""
        report = self._ids[self._report] if self._begun else self._ids[:0]
        present = self._ids[: len(self._present)][self._present]
        return distinct(report, present, self._before)

    def take(self, body: bytes, content_type: str | None) -> Taken:
        """The samples of a page.

        Raises:
            MadangError: malformed, or over a limit; the error has the attribute ``counted`` where
                samples were counted.
        """
        page = parse_page(body, exposition_of(content_type, self._fallback), self._cache)
        self.families = page.metadata
        added = self._learn(page.labels)
        self._in_page = page.series
        steady = self._steady if page.same_series and not added else None
        kept, slots = steady or self._slots_of(page)
        values, times = page.values, page.ts_ms if self._honor_timestamps else None
        if kept is not None:
            values = values[kept]
            times = None if times is None else times[kept]
        self._steady = (kept, slots)
        counted = Counted(len(page.values) + page.duplicates, len(slots), added, page.duplicates)
        if self._refused:
            self._refuse(page, counted)
        if self._sample_limit and len(slots) > self._sample_limit:
            raise _RefusedPageError(
                f"the page has {len(slots)} samples; sample_limit is {self._sample_limit}", counted
            )
        histograms = {one.place: one.message for one in page.histograms}
        if kept is not None and histograms:
            rows = np.cumsum(kept) - 1
            histograms = {int(rows[at]): one for at, one in histograms.items() if kept[at]}
        taken = Taken(slots, values, times, histograms, counted)
        return self._once(taken) if self._merged else taken

    def batch(self, taken: Taken | None, report: Sequence[float], ts_ms: int) -> SampleBatch:
        """The batch of a scrape at ``ts_ms``: the report, the page, and what has ended.

        ``taken`` is None for a scrape that failed: then all series end.
        """
        taken = taken or _NOTHING
        present = np.zeros(len(self._ids), np.bool_)
        own = None if taken.ts_ms is None else taken.ts_ms != NO_TIMESTAMP
        tracked = taken.slots if own is None or self._track_all else taken.slots[~own]
        present[tracked] = True
        ended = self._ended(present)
        self._present, self._begun = present, True
        slots = np.concatenate((self._report, taken.slots, ended))
        values = np.concatenate(
            (np.asarray(report, np.float64), taken.values, np.full(len(ended), STALE_NAN))
        )
        times = np.full(len(slots), ts_ms, np.int64)
        first = len(self._report)
        if own is not None and taken.ts_ms is not None:
            times[first : first + len(own)] = np.where(own, taken.ts_ms, ts_ms)
        histograms = {first + row: message for row, message in taken.histograms.items()}
        samples = self._batch(slots, values, times, histograms)
        if not len(self._before):
            return samples
        gone = np.setdiff1d(self._before, self._ids[np.concatenate((self._report, tracked))])
        self._before = self._before[:0]
        both = pa.concat_batches([samples.batch, ending(gone, ts_ms).batch])
        return SampleBatch(both, samples.announced)

    def announce_again(self, announced: Mapping[int, bytes]) -> None:
        """A batch that brought these series first was never appended: bring them again."""
        for number, labels in announced.items():
            slot = self._slot_of.get(number)
            if slot is not None:
                self._unannounced[slot] = labels

    def announce_all(self) -> None:
        """Let the labels of every series stand beside its next sample, as from time to time."""
        blanks, labels = self._cache.known.blanks, self._cache.known.labels
        for place, slot in enumerate(self._places.tolist()):
            if slot >= 0:
                final = self._labels.final(labels[place], blanks.get(place, ()))
                assert final is not None
                self._unannounced[slot] = final
        for slot, name in enumerate(self._report_names):
            self._unannounced[slot] = self._labels.report(name)

    def tidy(self) -> None:
        """Forget series that have gone, once they are more than those of the last page."""
        if len(self._places) <= 2 * len(self._in_page) + _SPARE:
            return
        kept = np.zeros(len(self._places), np.bool_)
        kept[self._in_page] = True
        moved = self._cache.compact(kept)
        slots = self._places[kept]
        alive = np.zeros(len(self._ids), np.bool_)
        alive[: len(self._present)] = self._present
        alive[self._report] = True
        alive[slots[slots >= 0]] = True
        renumbered = np.where(alive, np.cumsum(alive, dtype=np.int64) - 1, -1).astype(np.int32)
        self._places = np.empty(len(slots), np.int32)
        self._places[moved[kept]] = np.where(slots >= 0, renumbered[slots], slots)
        self._refused = {
            int(moved[place]): error for place, error in self._refused.items() if kept[place]
        }
        self._present = np.pad(self._present, (0, len(alive) - len(self._present)))[alive]
        self._ids = self._ids[alive]
        self._slot_of = {number: slot for slot, number in enumerate(self._ids.tolist())}
        self._unannounced = {
            int(renumbered[slot]): labels
            for slot, labels in self._unannounced.items()
            if alive[slot]
        }
        self._in_page = moved[self._in_page]
        self._steady = None

    def _learn(self, labels: Sequence[bytes]) -> int:
        """Take in the series that the reader did not know before; how many are kept."""
        known = len(self._places)
        if len(labels) == known:
            return 0
        final: list[bytes] = []
        kinds = np.full(len(labels) - known, _DROPPED, np.int32)
        kept = []
        blanks = self._cache.known.blanks
        for at, canonical in enumerate(labels[known:]):
            try:
                found = self._labels.final(canonical, blanks.get(known + at, ()))
            except InvalidInputError as error:
                self._refused[known + at] = error
                kinds[at] = _REFUSED
                continue
            if found is not None:
                final.append(found)
                kept.append(at)
        kinds[kept] = self._add(final)
        self._places = np.concatenate((self._places, kinds))
        return len(kept)

    def _add(self, labels: Sequence[bytes]) -> Slots:
        """The slots of series, new ones where they are not known."""
        slots = np.empty(len(labels), np.int32)
        new: list[int] = []
        first = len(self._ids)
        for at, canonical in enumerate(labels):
            number = series_id(canonical)
            slot = self._slot_of.get(number)
            if slot is None:
                slot = self._slot_of[number] = first + len(new)
                self._unannounced[slot] = canonical
                new.append(number)
            else:
                self._merged = True
            slots[at] = slot
        if new:
            self._ids = np.concatenate((self._ids, np.array(new, np.int64)))
        return slots

    def _slots_of(self, page: Page) -> tuple[npt.NDArray[np.bool_] | None, Slots]:
        slots = self._places[page.series]
        kept = slots >= 0
        return (None, slots) if kept.all() else (kept, slots[kept])

    def _refuse(self, page: Page, counted: Counted) -> None:
        refused = page.series[self._places[page.series] == _REFUSED]
        if len(refused):
            error = self._refused[int(refused[0])]
            raise _RefusedPageError(error.message, counted, hint=error.hint)

    def _once(self, taken: Taken) -> Taken:
        """Of samples whose series relabelling made one, at one time: the first."""
        order = taken.slots.astype(np.int64)
        if taken.ts_ms is not None:
            pairs = np.stack((order, taken.ts_ms), axis=1)
            _, first = np.unique(pairs, axis=0, return_index=True)
        else:
            _, first = np.unique(order, return_index=True)
        if len(first) == len(order):
            return taken
        first.sort()
        rows = {int(row): at for at, row in enumerate(first.tolist())}
        return Taken(
            taken.slots[first],
            taken.values[first],
            None if taken.ts_ms is None else taken.ts_ms[first],
            {rows[row]: one for row, one in taken.histograms.items() if row in rows},
            Counted(
                taken.counted.scraped,
                taken.counted.kept,
                taken.counted.added,
                taken.counted.duplicates + len(order) - len(first),
            ),
        )

    def _ended(self, present: npt.NDArray[np.bool_]) -> Slots:
        before = self._present
        return np.flatnonzero(before & ~present[: len(before)]).astype(np.int32)

    def _batch(
        self,
        slots: Slots,
        values: npt.NDArray[np.float64],
        times: npt.NDArray[np.int64],
        histograms: Mapping[int, bytes],
    ) -> SampleBatch:
        labels: dict[int, bytes] = {}
        announced: dict[int, bytes] = {}
        if self._unannounced:
            new = np.zeros(len(self._ids), np.bool_)
            new[list(self._unannounced)] = True
            rows = np.flatnonzero(new[slots])
            _, first = np.unique(slots[rows], return_index=True)
            for row in np.sort(rows[first]).tolist():
                slot = int(slots[row])
                labels[row] = self._unannounced.pop(slot)
                announced[int(self._ids[slot])] = labels[row]
        series = self._ids[slots]
        return SampleBatch(sample_batch(times, series, values, labels, histograms), announced)


class _RefusedPageError(InvalidInputError):
    """A page that is refused after its samples were counted."""

    def __init__(self, message: str, counted: Counted, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.counted = counted


def counted_of(error: Exception) -> Counted:
    """What was counted before a page was refused."""
    return error.counted if isinstance(error, _RefusedPageError) else Counted()
