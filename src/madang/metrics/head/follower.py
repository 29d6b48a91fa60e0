"""Follows a stream of samples into a head, and lets several threads ask it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from madang.core.clock import Clock, SystemClock
from madang.core.errors import ConflictError, CorruptionError, InvalidInputError
from madang.core.samples import SAMPLES_SCHEMA
from madang.lake.lineage import source_at
from madang.metrics.head.block import is_before
from madang.metrics.head.cardinality import Cardinality
from madang.metrics.head.chunk import Chunk as Samples
from madang.metrics.head.folder import HeadFolder, Manifest
from madang.metrics.head.giving_back import give_back, misfit, was_given_back
from madang.metrics.head.head import Head, KnownSeries, StoredSamples
from madang.metrics.head.intake import SampleColumns
from madang.metrics.head.label_columns import Matcher
from madang.metrics.head.series_view import SeriesView
from madang.metrics.head.view import HeadView, Selected
from madang.stream import Chunk, Stream

_log = logging.getLogger(__name__)
GROUP = "metrics"
"""The consumer group: what it committed is in the head's files, and in the tables if there are."""
_READ_BYTES = 4 * 2**20


@dataclass(frozen=True, slots=True)
class FollowLimits:
    """When the head is written: after ``write_every_s``, or when so many samples are in memory."""

    write_every_s: float = 300.0
    write_at_samples: int = 20_000_000


class Archive(KnownSeries, StoredSamples, Protocol):
    """What a follower asks of the tables that its samples go to."""

    def reached(self) -> Mapping[int, int]:
        """By partition, the stream's offsets before which everything is in the tables."""
        ...


@dataclass(frozen=True, slots=True)
class Unarchived:
    """What was written of a head and is not in the tables yet.

    ``parts`` by the start of their block (ms since 1970), in the order in which they were written;
    ``series`` are all of theirs and more; ``reached`` are the offsets at which the tables stand
    when they have them.
    """

    reached: Mapping[int, int]
    parts: Mapping[int, Sequence[Samples]]
    series: SeriesView


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A head did not fit and was read anew; ``samples`` that only it held went to the stream."""

    why: str
    samples: int
    at_us: int

    @property
    def message(self) -> str:
        """What happened, for people."""
        held = f"{self.samples:,} samples that only these files and no table had were put into it"
        return (
            f"the newest hours of metrics did not fit: {self.why}; they were read anew from the "
            f"stream{f'; {held}' if self.samples else ''}"
        )


class HeadFollower:
    """A head that follows a stream.

    One thread calls ``restore`` once and then ``poll``; another may bring what is ``unarchived``
    into the tables and say so with ``archived``; any thread may ``select``.

    Args:
        stream: Typed, with ``SAMPLES_SCHEMA``.
        head: New.
        folder: Where it is kept.
        clock: Injected time.
        limits: When it is written.
        archive: The tables. Without any, samples stay in the head.

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
        archive: Archive | None = None,
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
        self._archive = archive
        self._offsets: dict[int, int] = {}
        self._written: dict[int, int] = {}
        self._written_at_s = self._clock.monotonic_s()
        self._full = False
        self._archived: dict[int, int] = {}
        self._until: dict[int, int] = {}
        self.rebuilt: Rebuilt | None = None
        """That what was written did not fit the stream or the tables, if it did not."""

    def restore(self) -> None:
        """Take back what was written.

        Where it is damaged, or does not fit the stream or the tables because they were restored
        from an older backup, the head begins anew from the stream, which gets back what only the
        head held.

        Raises:
            MadangError: the tables do not say what they have.
            StorageFullError: the stream cannot take what only the head holds.
            OSError: the files cannot be read.
        """
        reached: Mapping[int, int] | None = {}
        if self._archive is not None:
            self._head.known_series = self._head.stored = self._archive
            try:
                reached = self._archived = dict(self._archive.reached())
                self._keep_for(reached)
            except ConflictError as error:
                # Delivery stands still and says why; the newest samples can be asked for.
                _log.warning("%s", error)
                reached = None
        try:
            written = self._folder.restore(self._head)
        except CorruptionError as error:
            _log.warning("%s: the head is read anew from the stream", error)
            self._begin_anew()
            written = None
        misfits = written is not None and not self._fits(written, reached)
        if written is None or misfits:
            self._head.whole_from_ms = self._first_whole_ms()
        else:
            self._offsets = dict(written.offsets)
        self._written = dict(self._offsets)
        if misfits or reached is None or (written is None and self._stream.identity.follows):
            # The tables may have any sample until now that the stream does not have.
            now_ms = self._clock.now_us() // 1000 + self._head.ahead_ms
            self._head.whole_from_ms = max(now_ms, self._head.whole_from_ms or now_ms)
        # What the tables have must not be in one part with what they do not have.
        self._until = {
            number: offset
            for number, offset in self._archived.items()
            if self._offsets.get(number, 0) < offset
        }

    def poll(self) -> bool:
        """Take what the stream has, a few MiB of each partition; whether there was anything.

        Raises:
            OSError: the head could not be written; nothing is lost, the next poll tries it again.
        """
        worked = False
        for partition in range(self._stream.partitions):
            offset = self._offsets.get(partition, 0)
            if self._until and offset >= self._until.get(partition, 0):
                continue
            for chunk in self._stream.read(partition, offset, max_bytes=_READ_BYTES):
                self._take(chunk)
                worked = True
                if self._until and self._offsets[partition] >= self._until[partition]:
                    break
            if self._offsets.get(partition, 0) != offset:
                self._stream.evict(partition, self._offsets[partition])
        if self._until and all(
            self._offsets.get(number, 0) >= offset for number, offset in self._until.items()
        ):
            self.write()
            self._until = {}
            return True
        if worked:
            self._full = self._head.in_memory >= self._limits.write_at_samples
        late = self._clock.monotonic_s() - self._written_at_s >= self._limits.write_every_s
        if self._full or (late and self._offsets != self._written):
            self.write()
        return worked

    def write(self) -> None:
        """Write what the head took, without the blocks that may go. Raises OSError."""
        offsets = dict(self._offsets)
        if self._archive is not None:
            self._head.drop_archived(self._archived)
        source = source_at(self._stream, offsets, None)
        self._folder.write(self._head, source, offsets, self._archived)
        self._written, self._written_at_s = offsets, self._clock.monotonic_s()
        self._full = False
        if offsets and self._archive is None:
            self._stream.commit(GROUP, offsets)

    def unarchived(self) -> Unarchived | None:
        """What the tables are to have next; None where they have everything that was written."""
        written, archived = self._written, self._archived
        if is_before(written, archived):
            return None
        parts = {
            start_ms: [
                part.samples
                for part in parts
                # A part that is just being written is in the manifest only afterwards.
                if is_before(part.reached, written) and not is_before(part.reached, archived)
            ]
            for start_ms, parts in self._head.parts().items()
        }
        found = {start_ms: each for start_ms, each in parts.items() if each}
        return Unarchived(written, found, self._head.view().series)

    def archived(self, reached: Mapping[int, int]) -> None:
        """The tables have everything before some offsets: the stream may forget it."""
        self._archived = dict(reached)
        if reached:
            self._stream.commit(GROUP, reached)

    @property
    def archived_offsets(self) -> Mapping[int, int]:
        """What ``archived`` said last."""
        return self._archived

    def view(self) -> HeadView:
        """See ``Head.view``."""
        return self._head.view()

    def lag(self) -> Mapping[int, int]:
        """By partition, how many samples of the stream are not in the head yet."""
        ends = {
            number: self._stream.bounds(number).end for number in range(self._stream.partitions)
        }
        return {number: end - self._offsets.get(number, 0) for number, end in ends.items()}

    def taken(self) -> Mapping[int, int]:
        """By partition, up to which offset the head has the stream's samples."""
        return dict(self._offsets)

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
        batch, end = chunk.batch, chunk.end_offset
        if self._until and end > self._until[chunk.partition]:
            end = max(self._until[chunk.partition], chunk.base_offset)
            batch = batch.slice(0, end - chunk.base_offset)
        # Times of appending never go back, so they are ahead where the clock was for a while.
        arrived_us = min(chunk.appended_at_us, self._clock.now_us())
        self._head.take(
            SampleColumns.of(batch),
            arrived_us // 1000,
            chunk.partition,
            late_too=was_given_back(chunk),
        )
        self._offsets[chunk.partition] = end

    def _keep_for(self, reached: Mapping[int, int]) -> None:
        """Let the stream keep what tables lack that stand before what was committed."""
        try:
            committed = self._stream.committed(GROUP)
        except CorruptionError as error:
            _log.warning("%s: it is written anew from the tables", error)
            everywhere = dict.fromkeys(range(self._stream.partitions), 0)
            self._stream.commit(GROUP, everywhere | dict(reached))
            return
        if not is_before(committed, reached):
            self._stream.commit(GROUP, {number: reached.get(number, 0) for number in committed})

    def _fits(self, written: Manifest, reached: Mapping[int, int] | None) -> bool:
        """Whether a head goes on as it was written; one that does not is cleared."""
        found = misfit(written, self._stream, reached)
        if found is None:
            return True
        samples = 0
        if not found.whole:
            samples = give_back(self._head, written, found, self._stream, self._archive)
        self.rebuilt = Rebuilt(found.why, samples, self._clock.now_us())
        _log.warning("%s", self.rebuilt.message)
        self._begin_anew()
        return False

    def _begin_anew(self) -> None:
        self._folder.forget()
        self._head.clear()

    def _first_whole_ms(self) -> int | None:
        """From when on the stream has every sample; None where it lost none yet."""
        first_ms = [
            chunk.appended_at_us // 1000 + self._head.ahead_ms
            for number in range(self._stream.partitions)
            if self._stream.bounds(number).earliest > 0
            for chunk in self._stream.read(number, 0, max_bytes=1)[:1]
        ]
        return max(first_ms, default=None)
