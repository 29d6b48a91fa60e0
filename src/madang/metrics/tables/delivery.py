"""Brings what a head has written into its tables, every sample exactly once, over any crash.

One round, and why a crash between any two of its steps neither loses nor doubles a sample:

1. The head was written: its manifest names parts, and the stream's offsets at which each was made.
2. The offsets in the table ``metrics.samples`` tell which parts it has: those from before them.
   Parts are cut at these offsets when a head is read anew (:mod:`madang.metrics.head.follower`).
3. Series that a day does not have yet are committed to ``metrics.series``; which those are, the
   table itself tells.
4. The rows of all other parts are committed with the manifest's offsets, fenced by those of 2.
5. The consumer group is committed, for the stream's retention; the next round repairs it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pyiceberg.manifest import DataFile

from madang.core.clock import Clock, SystemClock
from madang.core.distinct import distinct
from madang.core.errors import MadangError
from madang.core.names import SAMPLES, SERIES
from madang.lake import Lake, LakeTable
from madang.lake.lineage import offsets_of, source_at, starts
from madang.lake.table import CommitReport
from madang.lake.writer import DAY_US, DayFile, discard
from madang.metrics.head.chunk import Chunk
from madang.metrics.head.follower import HeadFollower, Unarchived
from madang.metrics.head.series_view import SeriesView
from madang.metrics.tables.forms import SAMPLES_FORM, SAMPLES_TABLE, SERIES_FORM, SERIES_TABLE
from madang.metrics.tables.known_series import TableSeries
from madang.metrics.tables.sample_reader import SampleReader
from madang.metrics.tables.sample_rows import write_day
from madang.metrics.tables.series_order import in_table_order
from madang.metrics.tables.series_rows import Seen, series_rows
from madang.metrics.tables.stored_samples import stored_samples
from madang.stream import Stream

_LOG = logging.getLogger(__name__)
_DAY_MS = DAY_US // 1000
_BACK_OFF_S = (1.0, 60.0)
_IDLE_S = 1.0


@dataclass(slots=True)
class SampleDeliveryState:
    """How it stands; counters count since this process began.

    ``error`` is why it does not go on; None when it does.
    """

    samples: int = 0
    series: int = 0
    commits: int = 0
    last_commit: CommitReport | None = None
    last_commit_at_us: int | None = None
    error: MadangError | None = None
    failures: int = 0


class SampleTables:
    """The tables of the samples of one stream, as the head's follower asks them.

    Args:
        lake: Where they are, or will be made.
        stream: Of samples.
    """

    def __init__(self, lake: Lake, stream: Stream) -> None:
        self.lake = lake
        self.stream = stream
        self._series = TableSeries(lake)
        self._reader = SampleReader()

    def reached(self) -> Mapping[int, int]:
        """By partition, the stream's offsets before which every sample is in the table.

        Raises:
            ConflictError: the table was filled from another log.
        """
        if not self._exists():
            return {}
        table = self.lake.table(SAMPLES)
        stored = offsets_of(self.stream, table.offsets())
        found = starts(SAMPLES, self.stream, stored, table.sources().get(self.stream.name))
        return {number: offset for number, offset in found.items() if offset}

    def stored(self) -> Mapping[str, int]:
        """``<stream>/<partition>`` → the next offset, as the table of samples says."""
        return own_offsets(self.stream, self.lake.table(SAMPLES)) if self._exists() else {}

    def _exists(self) -> bool:
        return self.lake.exists(SAMPLES)

    def labels_of(self, ids: npt.NDArray[np.int64]) -> Mapping[int, bytes]:
        """See ``KnownSeries.labels_of``."""
        return self._series.labels_of(ids)

    def samples_of(self, series: SeriesView, chunk: Chunk) -> Iterator[Chunk]:
        """See ``StoredSamples.samples_of``."""
        return stored_samples(self.lake, self._reader, series, chunk)

    def samples(self) -> LakeTable:
        """``metrics.samples``, made where it is not there."""
        if self.lake.exists(SAMPLES):
            return self.lake.table(SAMPLES)
        return self.lake.create(SAMPLES, SAMPLES_TABLE, form=SAMPLES_FORM)

    def series(self) -> LakeTable:
        """``metrics.series``, made where it is not there."""
        if self.lake.exists(SERIES):
            return self.lake.table(SERIES)
        return self.lake.create(SERIES, SERIES_TABLE, form=SERIES_FORM)


class SampleDelivery:
    """Delivers the head of a follower. One thread polls it; any may read ``state``.

    Args:
        tables: The same as the follower's archive.
        follower: Restored.
        clock: Injected time.
        on_step: Called with the name of each step after it is done; tests crash there.
    """

    def __init__(
        self,
        tables: SampleTables,
        follower: HeadFollower,
        *,
        clock: Clock | None = None,
        on_step: Callable[[str], None] | None = None,
    ) -> None:
        self._tables = tables
        self._stream = tables.stream
        self._follower = follower
        self._clock = clock or SystemClock()
        self._on_step = on_step or (lambda _: None)
        self._known: dict[int, npt.NDArray[np.int64]] = {}
        self._retry_at_s = 0.0
        self.state = SampleDeliveryState()

    def poll(self) -> float:
        """Deliver what was written, if anything was; when to ask again (monotonic s). No raising.

        Costs a look at offsets where nothing was written.
        """
        now_s = self._clock.monotonic_s()
        if now_s < self._retry_at_s:
            return self._retry_at_s
        try:
            self.deliver()
        except Exception as error:  # noqa: BLE001  (the head and the stream keep the samples)
            self._fail(error)
            return self._retry_at_s
        self.state.error, self.state.failures = None, 0
        return now_s + _IDLE_S

    def deliver(self) -> bool:
        """Deliver what was written; whether there was anything.

        Raises:
            FencedError: another process delivers, too.
            ConflictError: the table was filled from another log.
            StorageFullError: no room.
            OSError: likewise.
        """
        if self._follower.unarchived() is None:
            return False
        stored = self._tables.stored()
        reached = self._tables.reached()
        if reached != self._follower.archived_offsets:
            # A commit whose end this process did not see, or a table that was restored.
            self._follower.archived(reached)
        found = self._follower.unarchived()
        if found is None:
            return True
        days: dict[int, list[Chunk]] = {}
        for start_ms, parts in found.parts.items():
            days.setdefault(start_ms // _DAY_MS, []).extend(parts)
        seen = {day: Seen.of(parts) for day, parts in days.items()}
        self._deliver_series(found, seen)
        self._on_step("series")
        self._deliver_samples(found, days, seen, stored)
        self._on_step("samples")
        self._follower.archived(found.reached)
        self._on_step("group")
        return True

    def _deliver_samples(
        self,
        found: Unarchived,
        days: Mapping[int, Sequence[Chunk]],
        seen: Mapping[int, Seen],
        stored: Mapping[str, int],
    ) -> None:
        table = self._tables.samples()
        state = table.state()
        layout = table.layout(state, state.schema())
        files: list[DataFile] = []
        try:
            for day, parts in days.items():
                order = in_table_order(found.series, seen[day].refs)
                files.append(write_day(layout, day, parts, order))
                self._on_step("file")
        except BaseException:
            discard(files)
            raise
        report = self._commit(table, files, found, stored)
        self.state.samples += report.rows
        self.state.commits += 1
        self.state.last_commit, self.state.last_commit_at_us = report, self._clock.now_us()

    def _deliver_series(self, found: Unarchived, seen: Mapping[int, Seen]) -> None:
        table = self._tables.series()
        state = table.state()
        layout = table.layout(state, state.schema())
        files: list[DataFile] = []
        known = {}
        try:
            for day, each in seen.items():
                had = self._known_on(table, day)
                ids = found.series.ids_of(each.refs)
                new = ~_is_in(ids, had)
                order = in_table_order(found.series, each.refs[new])
                known[day] = distinct(had, ids)
                if not np.any(new):
                    continue
                with DayFile(layout, day) as file:
                    for rows in series_rows(found.series, order, each):
                        file.write(rows)
                    files.append(file.finish())
        except BaseException:
            discard(files)
            raise
        if files:
            self._known.clear()  # until it is known that they are there
            # No fence: a row that is there twice says nothing else than once.
            report = self._commit(table, files, found, own_offsets(self._stream, table))
            self.state.series += report.rows
        self._known = known

    def _known_on(self, table: LakeTable, day: int) -> npt.NDArray[np.int64]:
        if day not in self._known:
            self._known[day] = TableSeries(self._tables.lake).ids_on(table, day)
        return self._known[day]

    def _commit(
        self,
        table: LakeTable,
        files: Sequence[DataFile],
        found: Unarchived,
        expected: Mapping[str, int],
    ) -> CommitReport:
        stream = self._stream
        reached = {f"{stream.name}/{number}": at for number, at in found.reached.items()}
        # Partitions of a log that this one follows, and does not have.
        reached = dict.fromkeys(expected, 0) | reached
        before = table.sources().get(stream.name)
        if before is not None and before.id != stream.identity.id:
            before = None
        return table.commit_files(
            files,
            expected=expected,
            reached=reached,
            sources={stream.name: source_at(stream, found.reached, before)},
        )

    def _fail(self, error: Exception) -> None:
        state = self.state
        state.failures += 1
        least, most = _BACK_OFF_S
        pause_s = min(most, least * 2 ** min(state.failures - 1, 10))
        self._retry_at_s = self._clock.monotonic_s() + pause_s
        if not isinstance(error, MadangError):
            _LOG.exception("samples cannot be delivered", exc_info=error)
            error = MadangError(
                f"samples cannot be delivered to {SAMPLES}: {type(error).__name__}: {error}"
            )
        elif type(error) is not type(state.error):
            _LOG.warning("samples cannot be delivered to %s: %s", SAMPLES, error)
        state.error = error


def own_offsets(stream: Stream, table: LakeTable) -> dict[str, int]:
    """``<stream>/<partition>`` → the next offset that a table says, of one stream."""
    stored = table.offsets()
    return {
        key: stored[key]
        for number in offsets_of(stream, stored)
        if (key := f"{stream.name}/{number}")
    }


def _is_in(ids: npt.NDArray[np.int64], known: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    if not len(known):
        return np.zeros(len(ids), np.bool_)
    places = np.minimum(np.searchsorted(known, ids), len(known) - 1)
    found: npt.NDArray[np.bool_] = known[places] == ids
    return found
