"""Batches on their way to the stream: each target's in order, all of them within bounds."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from zlib import crc32

from madang.collect.sample_batches import SampleBatch
from madang.core.errors import MadangError, OverloadedError
from madang.stream import Appended, Origin, Stream

_log = logging.getLogger(__name__)
MOST_BYTES = 64 * 2**20
_PAUSE_S = 1.0
_ATTRIBUTES = {"source": "scrape"}

Dropped = Callable[[SampleBatch], None]


@dataclass(slots=True, eq=False)
class _Entry:
    producer: str
    partition: int
    sequence: int
    samples: SampleBatch
    dropped: Dropped
    size_bytes: int
    under_way: bool = False
    gone: bool = False


class Outbox:
    """Appends batches; one of each producer is under way, the others wait behind it.

    While the stream takes nothing, the newest batches are kept, up to a size; the oldest go and are
    counted. All methods belong to the loop's thread.

    Args:
        stream: Takes the batches.
        most_bytes: What may wait, over all producers.
    """

    def __init__(self, stream: Stream, *, most_bytes: int = MOST_BYTES) -> None:
        self._stream = stream
        self._most_bytes = most_bytes
        self._queues: dict[str, deque[_Entry]] = {}
        self._oldest: deque[_Entry] = deque()
        self._loop = asyncio.get_running_loop()
        self._retry: asyncio.TimerHandle | None = None
        self.idle = asyncio.Event()
        self.idle.set()
        self.failed: asyncio.Future[None] = self._loop.create_future()
        """Ends, with the error, when the stream refuses what it will always refuse."""
        self.waiting_for: MadangError | None = None
        self.waiting_bytes = 0
        self.appended = 0
        """Samples."""
        self.dropped = 0
        """Batches."""

    def put(
        self,
        producer: str,
        identity: bytes,
        sequence: int,
        samples: SampleBatch,
        dropped: Dropped = lambda _: None,
    ) -> None:
        """Append a batch behind the others of ``producer``.

        ``identity`` decides the partition. ``dropped`` is called with the batch if it had to go
        before the stream took it.
        """
        entry = _Entry(
            producer, self._partition(identity), sequence, samples, dropped, samples.batch.nbytes
        )
        queue = self._queues.setdefault(producer, deque())
        queue.append(entry)
        self._oldest.append(entry)
        self.idle.clear()
        self.waiting_bytes += entry.size_bytes
        if self._retry is None and queue[0] is entry:
            self._send(entry)
        while self.waiting_bytes > self._most_bytes and self._drop_oldest():
            pass

    def last_sequence(self, producer: str, identity: bytes) -> int:
        """The highest sequence of ``producer`` that the stream has; 0 for none."""
        return self._stream.last_sequence(self._partition(identity), producer) or 0

    def _partition(self, identity: bytes) -> int:
        return crc32(identity) % self._stream.partitions

    def _tidy(self, producer: str) -> None:
        if not self._queues[producer]:
            del self._queues[producer]
        if not self._queues:
            self.idle.set()

    def _drop_oldest(self) -> bool:
        skipped: list[_Entry] = []
        found = None
        while self._oldest:
            entry = self._oldest.popleft()
            if entry.gone:
                continue
            if entry.under_way:
                skipped.append(entry)
                continue
            found = entry
            break
        self._oldest.extendleft(reversed(skipped))
        if found is None:
            return False
        self._queues[found.producer].remove(found)
        self._gone(found)
        self._tidy(found.producer)
        self.dropped += 1
        found.dropped(found.samples)
        return True

    def _gone(self, entry: _Entry) -> None:
        entry.gone = True
        self.waiting_bytes -= entry.size_bytes
        while self._oldest and self._oldest[0].gone:
            self._oldest.popleft()

    def _send(self, entry: _Entry) -> None:
        entry.under_way = True
        future = self._stream.submit(
            entry.samples.batch,
            partition=entry.partition,
            origin=Origin(entry.producer, entry.sequence),
            attributes=_ATTRIBUTES,
        )
        future.add_done_callback(lambda done: self._tell(entry, done))

    def _tell(self, entry: _Entry, done: Future[Appended]) -> None:
        try:
            self._loop.call_soon_threadsafe(self._done, entry, done)
        except RuntimeError:
            return  # the loop is closed: the source was told to stop and did not wait longer

    def _done(self, entry: _Entry, done: Future[Appended]) -> None:
        error = done.exception()
        entry.under_way = False
        if error is None:
            self.appended += entry.samples.batch.num_rows
            self.waiting_for = None
            queue = self._queues[entry.producer]
            queue.popleft()
            self._gone(entry)
            if queue:
                if self._retry is None:
                    self._send(queue[0])
            else:
                self._tidy(entry.producer)
        elif isinstance(error, MadangError) and error.retryable:
            if self.waiting_for is None:
                _log.warning("the stream %s takes nothing now: %s", self._stream.name, error)
            self.waiting_for = error
            pause_s = error.retry_after_s if isinstance(error, OverloadedError) else _PAUSE_S
            if self._retry is None:
                self._retry = self._loop.call_later(max(pause_s, 0.05), self._send_all)
        elif not self.failed.done():
            self.failed.set_exception(error)

    def _send_all(self) -> None:
        self._retry = None
        for queue in list(self._queues.values()):
            if queue and not queue[0].under_way:
                self._send(queue[0])
