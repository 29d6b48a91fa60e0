"""Sends all samples on to one receiver, from where it was, in the order of each series."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

from madang.collect.scrape.tls import TlsContext
from madang.core.errors import MadangError
from madang.metrics.head.head import KnownSeries
from madang.metrics.head.view import HeadView
from madang.onward import telemetry
from madang.onward.groups import PLAN
from madang.onward.labels import OutgoingLabels
from madang.onward.receiver import Receiver
from madang.onward.shard import Outcome, Shard, Trouble
from madang.onward.window import Cut, Window, cut, rows_of
from madang.project.http_client_spec import TlsSpec
from madang.project.remote_write_spec import RemoteWriteSpec
from madang.stream import Stream

_log = logging.getLogger(__name__)
_LOOK_S = 0.1
_ROUNDS = 5
"""Requests of a shard in one window."""
_TROUBLE_S = 1.0


@dataclass(slots=True)
class SenderState:
    """How a sender stands. ``dropped``: samples that did not arrive, by reason."""

    name: str
    url: str
    sent: int = 0
    lag: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    reason: str = ""
    error: str = ""
    error_since_s: float = 0.0


class Sender:
    """One receiver and its place in the stream.

    The place is a consumer group; beside it stands another (``….plan``), up to where samples may
    have been sent. A piece between the two is sent again as the same requests, so that each is one
    that the receiver has or has not, never a part of it.

    Args:
        group: The consumer group.
        spec: The receiver.
        stream: ``metrics.samples``.
        head: Knows the labels of series.
        taken: By partition, how far the head has the stream: not read beyond that.
        tables: Know the labels of series that the head has forgotten.
    """

    def __init__(  # noqa: PLR0917 - a place, a receiver, and who knows what
        self,
        group: str,
        spec: RemoteWriteSpec,
        stream: Stream,
        head: Callable[[], HeadView],
        taken: Callable[[], Mapping[int, int]],
        tables: KnownSeries | None = None,
    ) -> None:
        self.group, self.spec = group, spec
        self.state = SenderState(spec.key, spec.url)
        self._stream, self._taken = stream, taken
        self._labels = OutgoingLabels(spec, head, tables)
        self.trouble = Trouble()

    def run(self, stop: threading.Event) -> None:
        """Send until ``stop`` is set; what was not answered then is sent after the next start."""
        shards = self._shards()
        queue = self.spec.queue_config
        least = queue.shards * queue.max_samples_per_send
        try:
            with ThreadPoolExecutor(queue.shards, "onward") as pool:
                done, again = self._begin()
                if again:
                    done = self._send(again, pool, shards, stop, again=True) or done
                waiting_since_s: float | None = None
                while not stop.is_set():
                    done = self._kept(done)
                    window = self._window(done, least * _ROUNDS)
                    count = sum(window.end[one] - window.start[one] for one in window.end)
                    self._tell(done)
                    waiting_since_s = (waiting_since_s or time.monotonic()) if count else None
                    due = waiting_since_s is not None and (
                        count >= least
                        or time.monotonic() - waiting_since_s >= queue.batch_send_deadline
                    )
                    if not due:
                        stop.wait(_LOOK_S)
                        continue
                    self._stream.commit(self.group + PLAN, window.end)
                    sent = self._send(window, pool, shards, stop, again=False)
                    if sent is not None:
                        done, waiting_since_s = sent, None
        finally:
            for shard in shards:
                shard.close()

    def _shards(self) -> list[Shard]:
        tls = TlsContext(self.spec.tls_config or TlsSpec())
        return [
            Shard(self.state.name, self.spec, Receiver(self.spec, tls), self.trouble)
            for _ in range(self.spec.queue_config.shards)
        ]

    def _begin(self) -> tuple[dict[int, int], Window | None]:
        """Where it goes on, and what was being sent at the end; a new sender begins at the end."""
        bounds = {one: self._stream.bounds(one) for one in range(self._stream.partitions)}
        committed = dict(self._stream.committed(self.group))
        if not committed:
            done = {one: found.end for one, found in bounds.items()}
            self._stream.commit(self.group, done)
            return done, None
        done = self._kept({one: committed.get(one, 0) for one in bounds})
        planned = dict(self._stream.committed(self.group + PLAN))
        again = Window(done, {one: max(planned.get(one, 0), done[one]) for one in bounds})
        return done, again if again else None

    def _window(self, done: Mapping[int, int], most: int) -> Window:
        """What is sent next: what the head has, at most so many samples of a partition."""
        taken = self._taken()
        start, end = {}, {}
        for partition in range(self._stream.partitions):
            first, last = done.get(partition, 0), self._stream.bounds(partition).end
            start[partition] = first
            end[partition] = max(first, min(taken.get(partition, 0), last, first + most))
        return Window(start, end)

    def _kept(self, done: Mapping[int, int]) -> dict[int, int]:
        """Where it goes on; what retention took in between is counted."""
        kept = dict(done)
        for partition in range(self._stream.partitions):
            earliest, first = self._stream.bounds(partition).earliest, done.get(partition, 0)
            if first < earliest:
                self._drop("retention", earliest - first, "they were older than is kept")
                kept[partition] = earliest
        return kept

    def _send(
        self,
        window: Window,
        pool: ThreadPoolExecutor,
        shards: list[Shard],
        stop: threading.Event,
        *,
        again: bool,
    ) -> dict[int, int] | None:
        """Send a window and note that it was; None where it was not answered before ``stop``."""
        queue = self.spec.queue_config
        oldest_ms = -(2**62)
        if queue.sample_age_limit:
            oldest_ms = round((time.time() - queue.sample_age_limit) * 1000)
        how = Cut(queue.shards, queue.max_samples_per_send, oldest_ms)
        # What was being sent at the last stop may lie beyond what the head was kept with.
        while any(self._taken().get(one, 0) < end for one, end in window.end.items()):
            if stop.wait(_LOOK_S):
                return None
        requests = cut(rows_of(self._stream, window), self._labels, how)
        futures = [
            pool.submit(shard.send, own, stop, again=again)
            for shard, own in zip(shards, requests.shards, strict=True)
            if own
        ]
        outcomes = [future.result() for future in futures]
        if any(one is None for one in outcomes):
            return None
        for reason, count in requests.left_out.items():
            self._drop(reason, count)
        for outcome in outcomes:
            if outcome is not None:
                self._note(outcome)
        self._stream.commit(self.group, window.end)
        return dict(window.end)

    def _note(self, outcome: Outcome) -> None:
        self.state.sent += outcome.sent
        if outcome.refused:
            self._drop("refused", outcome.refused, outcome.reason)
        if outcome.doubtful:
            self._drop("refused_again", outcome.doubtful)

    def _drop(self, reason: str, count: int, why: str = "") -> None:
        before = self.state.dropped
        if why and reason not in before:
            _log.warning("%s: %d samples are not sent on: %s", self.state.name, count, why)
        self.state.dropped = {**before, reason: before.get(reason, 0) + count}
        self.state.reason = why or self.state.reason
        telemetry.DROPPED.labels(self.state.name, reason).inc(count)

    def _tell(self, done: Mapping[int, int]) -> None:
        ends = [self._stream.bounds(one).end for one in range(self._stream.partitions)]
        self.state.lag = sum(max(0, end - done.get(one, 0)) for one, end in enumerate(ends))
        telemetry.LAG.labels(self.state.name).set(self.state.lag)

    def look(self) -> SenderState:
        """How it stands; from any thread."""
        self.state.error, self.state.error_since_s = self.trouble.error, self.trouble.since_s
        if self.state.error:
            with suppress(MadangError):
                self._tell(self._stream.committed(self.group))
        return self.state
