"""Groups → samples: at an interval all of them, and what changes at once.

So the stream has what a Prometheus would see that scrapes a push gateway with ``honor_labels``:
the labels of the groups as they are, the time of the scrape, and ends of what is there no more.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future

import numpy as np
import pyarrow as pa

from madang.collect.pushed import NativeHistograms, Pushed
from madang.collect.pushed_batches import PushedBatches
from madang.collect.pushgateway.group import Group
from madang.collect.pushgateway.series import NO_SERIES, Series, joined
from madang.collect.pushgateway.store import Change
from madang.collect.sample_batches import ending
from madang.collect.scrape.timeline import Timeline
from madang.core.clock import Clock, SystemClock
from madang.core.errors import MadangError, UnavailableError
from madang.core.samples import STALE_NAN, Samples
from madang.stream import Appended, Origin, Stream

_log = logging.getLogger(__name__)
_GAP_S = 0.05
"""Between two batches of changes: those that come meanwhile share one."""
_APPEND_S = 30.0
_ATTRIBUTES = {"source": "pushgateway"}


class GroupSampler:
    """Appends samples of groups to the stream of samples, in a thread that rests without groups.

    Args:
        open_stream: Gives the stream; asked before every append, so it must be cheap.
        interval_s: Seconds between two samples of all groups; asked at every turn.
        written: Told the number of the last change that is in the stream, with the ends it brought.
        clock: Injected time.
    """

    def __init__(
        self,
        open_stream: Callable[[], Stream],
        *,
        interval_s: Callable[[], float],
        written: Callable[[int], None] = lambda number: None,
        clock: Clock | None = None,
    ) -> None:
        self._open_stream = open_stream
        self._interval_s = interval_s
        self._written = written
        self._clock = clock or SystemClock()
        self._groups: dict[bytes, Group] = {}
        self._all: Series | None = NO_SERIES
        self._owed: dict[int, bytes | None] = {}
        """Series whose end is not in the stream yet, with their labels where those are known."""
        self._taken = self._told = 0
        self._batches = PushedBatches()
        self._timeline: Timeline | None = None
        self._producer = f"pushgateway:{socket.gethostname()}"
        self._condition = threading.Condition()
        self._queue: deque[Change] = deque()
        self._thread: threading.Thread | None = None
        self._closed = False
        self.error: MadangError | None = None
        """Why the last samples could not be appended."""

    def changed(self, changes: Sequence[Change]) -> None:
        """Groups have changed; any thread."""
        with self._condition:
            self._queue.extend(changes)
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(
                    target=self._run, name="pushgateway-samples", daemon=True
                )
                self._thread.start()
            self._condition.notify()

    def close(self) -> None:
        """Append what has changed, then stop. Series do not end: a restart goes on with them."""
        with self._condition:
            self._closed = True
            self._condition.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        due_s = self._next_due_s()
        while True:
            with self._condition:
                while not self._queue and not self._closed:
                    left_s = due_s - self._clock.monotonic_s()
                    if self._groups or self._owed:
                        if left_s <= 0:
                            break
                        self._condition.wait(left_s)
                    else:
                        self._condition.wait()
                        due_s = self._next_due_s()
                changes = list(self._queue)
                self._queue.clear()
                closed = self._closed
            try:
                if changes:
                    self._take(changes)
                if not closed and self._clock.monotonic_s() >= due_s:
                    self._write(self._series_of_all())
                    due_s = self._next_due_s()
            except Exception:  # noqa: BLE001 -- a bug; the next samples come
                _log.exception("samples of pushed groups could not be made")
                due_s = self._next_due_s()
            if closed and not self._queue:
                return
            time.sleep(_GAP_S)

    def _next_due_s(self) -> float:
        return self._clock.monotonic_s() + self._interval_s()

    def _take(self, changes: Sequence[Change]) -> None:
        """Append what has changed: a group that changed twice is written twice."""
        turn: dict[bytes, Group | None] = {}
        for change in changes:
            if change.key in turn:
                self._write_turn(turn)
                turn = {}
            turn[change.key] = change.group
            self._taken = change.number
            labels: Sequence[bytes | None] = change.labels or [None] * len(change.ended)
            self._owed.update(zip(change.ended.tolist(), labels, strict=True))
            self._all = None
            if change.group is None:
                self._groups.pop(change.key, None)
            else:
                self._groups[change.key] = change.group
        self._write_turn(turn)

    def _write_turn(self, turn: dict[bytes, Group | None]) -> None:
        living = joined([group.series for group in turn.values() if group is not None])
        if self._owed:
            # Another group may have the same series: labels without a value are none.
            owed = np.fromiter(self._owed, np.int64, len(self._owed))
            for number in owed[np.isin(owed, self._series_of_all().ids)].tolist():
                del self._owed[number]
        self._write(living)

    def _series_of_all(self) -> Series:
        if self._all is None:
            self._all = joined([group.series for group in self._groups.values()])
        return self._all

    def _write(self, living: Series) -> None:
        """Append samples of series, and the ends that are owed."""
        if len(living) or self._owed:
            try:
                self._append(living)
            except Exception as error:  # noqa: BLE001 -- whatever it is, groups go on
                self._note(error)
                return
            self.error = None
        self._owed.clear()
        if self._taken > self._told:
            self._told = self._taken
            self._written(self._taken)

    def _note(self, error: Exception) -> None:
        if not isinstance(error, MadangError):
            if not isinstance(error, TimeoutError):
                _log.error("samples of pushed groups could not be made", exc_info=error)
            error = UnavailableError(f"{type(error).__name__}: {error}")
        if self.error is None:
            _log.warning("samples of pushed groups are not taken now: %s", error)
        self.error = error

    def _append(self, living: Series) -> None:
        stream = self._open_stream()
        now_s = self._clock.now_us() / 1e6
        timeline = self._timeline_of(stream)
        ts_ms = timeline.stamp(now_s, now_s, self._clock.monotonic_s())
        batches = self._batches.batches(
            _pushed(joined([living, _ended(self._owed)]), ts_ms),
            self._clock.now_us() // 1000,
            stream=stream.identity.id,
            partitions=stream.partitions,
        )
        ends = _nameless_ends(self._owed, ts_ms, stream.partitions)
        futures = []
        for one in batches:
            end = ends.pop(one.partition, None)
            batch = one.batch if end is None else pa.concat_batches([one.batch, end])
            futures.append((one, self._submit(stream, one.partition, batch, timeline.sequence)))
        rest = [self._submit(stream, *end, timeline.sequence) for end in ends.items()]
        for one, future in futures:
            future.result(_APPEND_S)
            self._batches.appended(one)
        for future in rest:
            future.result(_APPEND_S)

    def _submit(
        self, stream: Stream, partition: int, batch: pa.RecordBatch, sequence: int
    ) -> Future[Appended]:
        origin = Origin(self._producer, sequence)
        return stream.submit(batch, partition=partition, origin=origin, attributes=_ATTRIBUTES)

    def _timeline_of(self, stream: Stream) -> Timeline:
        if self._timeline is None:
            last_ms = max(
                stream.last_sequence(partition, self._producer) or 0
                for partition in range(stream.partitions)
            )
            self._timeline = Timeline(self._interval_s(), last_ms)
        return self._timeline


def _pushed(living: Series, ts_ms: int) -> Pushed:
    native = sorted(living.histograms)
    plain = np.arange(len(living), dtype=np.int32)
    if native:
        plain = np.delete(plain, native)
    at = np.array(native, np.int32)
    times = np.full(len(living), ts_ms, np.int64)
    return Pushed(
        samples=Samples(living.labels, plain, times[: len(plain)], living.values[plain]),
        series_ids=living.ids,
        histograms=NativeHistograms(
            at, times[: len(at)], living.values[at], [living.histograms[place] for place in native]
        ),
    )


def _ended(owed: Mapping[int, bytes | None]) -> Series:
    """Series that have ended, with the values that say so."""
    known = {number: labels for number, labels in owed.items() if labels is not None}
    ids = np.fromiter(known, np.int64, len(known))
    return Series(list(known.values()), ids, np.full(len(known), STALE_NAN), {})


def _nameless_ends(
    owed: Mapping[int, bytes | None], ts_ms: int, partitions: int
) -> dict[int, pa.RecordBatch]:
    """By partition, the ends of series whose labels were said before a restart."""
    ids = np.array([number for number, labels in owed.items() if labels is None], np.int64)
    owners = ids.view(np.uint64) % np.uint64(partitions)
    return {
        partition: ending(ids[owners == partition], ts_ms).batch
        for partition in np.unique(owners).tolist()
    }
