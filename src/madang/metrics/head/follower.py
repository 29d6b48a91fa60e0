"""Follows a stream of samples into a head, and lets several threads ask it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from madang.core.clock import Clock, SystemClock
from madang.core.errors import CorruptionError, InvalidInputError
from madang.core.samples import SAMPLES_SCHEMA
from madang.metrics.head.cardinality import Cardinality
from madang.metrics.head.folder import HeadFolder
from madang.metrics.head.head import Head
from madang.metrics.head.intake import SampleColumns
from madang.metrics.head.label_columns import Matcher
from madang.metrics.head.view import Selected
from madang.stream import Chunk, Stream

_log = logging.getLogger(__name__)
GROUP = "metrics"
"""The consumer group: what it committed is in the head's files."""
_READ_BYTES = 4 * 2**20


@dataclass(frozen=True, slots=True)
class FollowLimits:
    """When the head is written: after ``write_every_s``, or when so many samples are in memory."""

    write_every_s: float = 300.0
    write_at_samples: int = 20_000_000


class HeadFollower:
    """A head that follows a stream.

    One thread calls ``restore`` once and then ``poll``; any thread may ``select``.

    Args:
        stream: Typed, with ``SAMPLES_SCHEMA``.
        head: New.
        folder: Where it is kept.
        clock: Injected time.
        limits: When it is written.

    Raises:
        InvalidInputError: the stream has another schema.
    """

    def __init__(
        self,
        stream: Stream,
        head: Head,
        folder: HeadFolder,
        *,
        clock: Clock | None = None,
        limits: FollowLimits | None = None,
    ) -> None:
        if not stream.schema.equals(SAMPLES_SCHEMA):
            raise InvalidInputError(
                f"the stream {stream.name!r} does not hold samples",
                hint=f"its columns have to be {', '.join(SAMPLES_SCHEMA.names)}",
            )
        self._stream = stream
        self._head = head
        self._folder = folder
        self._clock = clock or SystemClock()
        self._limits = limits or FollowLimits()
        self._offsets: dict[int, int] = {}
        self._written: dict[int, int] = {}
        self._written_at_s = self._clock.monotonic_s()

    def restore(self) -> None:
        """Take back what was written; after damage, begin anew from the stream.

        Raises:
            OSError: the files cannot be read.
        """
        try:
            found = self._folder.restore(self._head, self._stream.identity.id)
        except CorruptionError as error:
            _log.warning("%s: the head is read anew from the stream", error)
            self._folder.forget()
            self._head.clear()
            found = {}
        self._offsets = dict(found)
        self._written = dict(found)

    def poll(self) -> bool:
        """Take what the stream has, a few MiB of each partition; whether there was anything.

        Raises:
            OSError: the head could not be written; nothing is lost, the next poll tries it again.
        """
        worked = False
        for partition in range(self._stream.partitions):
            offset = self._offsets.get(partition, 0)
            for chunk in self._stream.read(partition, offset, max_bytes=_READ_BYTES):
                self._take(chunk)
                worked = True
            self._stream.evict(partition, self._offsets.get(partition, 0))
        late = self._clock.monotonic_s() - self._written_at_s >= self._limits.write_every_s
        if self._head.in_memory >= self._limits.write_at_samples or (
            late and self._offsets != self._written
        ):
            self.write()
        return worked

    def write(self) -> None:
        """Write what the head took; then the stream may forget it. Raises OSError."""
        offsets = dict(self._offsets)
        self._folder.write(self._head, self._stream.identity.id, offsets)
        self._written, self._written_at_s = offsets, self._clock.monotonic_s()
        if offsets:
            self._stream.commit(GROUP, offsets)

    def lag(self) -> Mapping[int, int]:
        """By partition, how many samples of the stream are not in the head yet."""
        ends = {
            number: self._stream.bounds(number).end for number in range(self._stream.partitions)
        }
        return {number: end - self._offsets.get(number, 0) for number, end in ends.items()}

    def select(
        self, matchers: Iterable[Matcher], start_ms: int, end_ms: int, *, limit: int = 0
    ) -> Selected:
        """See ``Head.select``."""
        return self._head.select(matchers, start_ms, end_ms, limit=limit)

    def label_names(self, matchers: Iterable[Matcher]) -> list[str]:
        """See ``Head.label_names``."""
        return self._head.label_names(matchers)

    def label_values(self, name: str, matchers: Iterable[Matcher]) -> list[str]:
        """See ``Head.label_values``."""
        return self._head.label_values(name, matchers)

    def cardinality(self, limit: int) -> Cardinality:
        """See ``Head.cardinality``."""
        return self._head.cardinality(limit)

    def _take(self, chunk: Chunk) -> None:
        samples = SampleColumns.of(chunk.batch)
        self._head.take(samples, chunk.appended_at_us // 1000)
        self._offsets[chunk.partition] = chunk.end_offset
