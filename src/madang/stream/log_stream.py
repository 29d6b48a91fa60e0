"""The embedded stream: a segmented log on local disk, shared by every process that opens it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from madang.core.clock import Clock
from madang.core.errors import InvalidInputError, MadangError, UnavailableError
from madang.stream.consumer_groups import ConsumerGroups
from madang.stream.description import IdentityFile, StreamDescription, follow
from madang.stream.partition import Partition
from madang.stream.partition_reader import PartitionReader
from madang.stream.partition_writer import PartitionWriter
from madang.stream.pending import PendingBatch
from madang.stream.port import Appended, Bounds, Chunk, LogIdentity, Origin
from madang.stream.producers import KEY_PREFIX, check_body
from madang.stream.quarantine import QuarantinedFrame
from madang.stream.recovery import PartitionRecovery, needs_recovery, recover_partition
from madang.stream.retention import RetentionReport, retain_partition
from madang.stream.schema_change import can_hold, conform
from madang.stream.space import DiskSpace

_POLL_FIRST_S = 0.002
_POLL_MOST_S = 0.05
_LOOK_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What every stream of a store shares.

    ``compression`` is an Arrow IPC codec for bodies (``lz4``, ``zstd``) or None.
    """

    clock: Clock
    pool: Executor
    space: DiskSpace
    segment_size_bytes: int
    idempotency_window_s: float
    compression: str | None = None


@dataclass(slots=True)
class _Part:
    partition: Partition
    writer: PartitionWriter
    reader: PartitionReader


class LogStream:
    """Implements :class:`madang.stream.Stream`; made by :meth:`LogStore.open`."""

    def __init__(
        self,
        name: str,
        path: Path,
        settings: LogSettings,
        described: StreamDescription,
    ) -> None:
        self.name = name
        self.schema = described.arrow_schema()
        self.path = path
        self.attributes: Mapping[str, str] = {}
        """Of every batch that is appended through this object, unless it says otherwise."""
        self._settings = settings
        self._closed = False
        self._turns = itertools.count()
        self._identity = IdentityFile(path, described.identity())
        self._groups = ConsumerGroups(path, settings.clock, lambda: self.identity.id)
        self._parts: list[_Part] = []
        self.partitions = 0
        self.grow(described.partitions)
        self._head_was = self._head_now()
        self._look_at_s = 0.0

    def grow(self, partitions: int) -> None:
        """Open further partitions, up to ``partitions``."""
        for number in range(len(self._parts), partitions):
            settings = self._settings
            partition = Partition(
                self.path,
                number,
                schema=lambda: self.schema,
                clock=settings.clock,
                window_s=settings.idempotency_window_s,
            )
            if needs_recovery(partition):
                with partition.lock.held():
                    if needs_recovery(partition):
                        recover_partition(partition, self.name)
            writer = PartitionWriter(
                partition,
                pool=settings.pool,
                space=settings.space,
                segment_size_bytes=settings.segment_size_bytes,
            )
            self._parts.append(_Part(partition, writer, PartitionReader(partition)))
            self.partitions = len(self._parts)

    @property
    def identity(self) -> LogIdentity:
        """Which log this is, as ``stream.json`` says now; a look at the file's times."""
        return self._identity.read()

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closed

    def _part(self, partition: int) -> _Part:
        if self._closed:
            raise UnavailableError(f"the stream {self.name!r} is closed")
        if not 0 <= partition < len(self._parts):
            raise InvalidInputError(
                f"the stream {self.name!r} has no partition {partition}",
                hint=f"it has {len(self._parts)}, counted from 0",
            )
        return self._parts[partition]

    def _head_now(self) -> tuple[int, int] | None:
        """Which file the first partition's head is, by its path; None if there is none."""
        try:
            found = self._parts[0].partition.folder.head.stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def _check_folder(self) -> None:
        """Refuse to acknowledge what would go into files that were removed; one look a second.

        Raises:
            UnavailableError: the folder is not the one that was opened.
        """
        now_s = time.monotonic()
        if now_s < self._look_at_s:
            return
        if self._head_now() != self._head_was:
            raise UnavailableError(
                f"{self.path} was removed or replaced while Madang runs: nothing is accepted",
                hint="stop Madang, see to the folder, and start it again",
            )
        self._look_at_s = now_s + _LOOK_EVERY_S

    def submit(
        self,
        batch: pa.RecordBatch,
        *,
        partition: int = 0,
        origin: Origin | None = None,
        attributes: Mapping[str, str] | None = None,
        split: int = 0,
    ) -> Future[Appended]:
        """Append ``batch``; the future ends when it is on disk and readable.

        Cheap enough for an event loop: the batch is encoded here, everything that waits is left to
        a thread.

        Args:
            batch: Of the stream's schema; columns of it that may be null may be missing.
            partition: Where to.
            origin: Makes the append idempotent.
            attributes: Hold for every record.
            split: The number of partitions over which the origin's batch was divided; kept in the
                frame so that a repetition is divided the same way.
        """
        try:
            part = self._part(partition)
            self._check_folder()
            schema = self.schema
            if not batch.schema.equals(schema, check_metadata=True):
                if not can_hold(schema, batch.schema):
                    raise InvalidInputError(
                        f"a batch with the columns {', '.join(batch.schema.names) or 'none'} does "
                        f"not fit the stream {self.name!r}",
                        hint=f"its schema is {_show(schema)}",
                    )
                batch = conform(batch, schema)
            pending = PendingBatch(
                batch,
                origin,
                {**self.attributes, **(attributes or {})} if self.attributes else attributes,
                split=split,
                compression=self._settings.compression,
            )
            pending.schema = schema  # one object, so that a group is compared by identity
            part.writer.submit(pending)
        except MadangError as error:
            failed: Future[Appended] = Future()
            failed.set_exception(error)
            return failed
        return pending.future

    def read(self, partition: int, offset: int, *, max_bytes: int = 8 * 2**20) -> Sequence[Chunk]:
        """Durable chunks from ``offset`` on; neighbours of a few records may be joined."""
        return self._part(partition).reader.read(offset, max_bytes)

    def bounds(self, partition: int) -> Bounds:
        """Readable offsets, from the mapped head: no lock, no system call."""
        head = self._part(partition).partition.head.require()
        return Bounds(head.earliest, head.end, head.sealed_bytes + head.position)

    def evict(self, partition: int, offset: int) -> None:
        """Drop what lies below ``offset``, where a read ended, from the page cache."""
        self._part(partition).reader.evict(offset)

    def last_appended_us(self, partition: int) -> int | None:
        """When the last batch was appended, or None if there was none."""
        return self._part(partition).partition.head.require().appended_at_us or None

    def offset_at(self, partition: int, time_us: int) -> int:
        """The offset of the first batch that was appended at or after ``time_us``, or the end."""
        return self._part(partition).reader.offset_at(time_us)

    def find(self, partition: int, origin: Origin) -> tuple[Appended, int] | None:
        """The acknowledgement of ``origin`` if it was appended, and its batch's ``split``.

        Raises:
            ConflictError: it is an idempotency key that was used for another body.
        """
        own = self._part(partition).partition
        head = own.head.require()
        entry = own.known_producers(head).find(origin.producer, self._settings.clock.now_us())
        if entry is None:
            return None
        if origin.producer.startswith(KEY_PREFIX):
            check_body(origin, entry)
        elif entry.sequence < origin.sequence:
            return None
        found = Appended(
            partition, entry.base_offset, entry.count, entry.appended_at_us, duplicate=True
        )
        return found, entry.split

    def last_sequence(self, partition: int, producer: str) -> int | None:
        """The highest sequence appended by ``producer``, in any process, or None."""
        own = self._part(partition).partition
        head = own.head.require()
        entry = own.known_producers(head).find(producer, self._settings.clock.now_us())
        return None if entry is None else entry.sequence

    def take_the_place_of(self, before: str, starts: Mapping[int, int]) -> None:
        """Write down that this log follows another one, whose offsets tables still name.

        Args:
            before: The other's identity; if this one has the same, this one gets another.
            starts: Partition → the first offset that was not in the other; absent: 0.
        """
        follow(self.path, before, starts, renew=before == self.identity.id)

    def commit(self, group: str, offsets: Mapping[int, int]) -> None:
        """Remember the next offset per partition for a consumer group."""
        self._groups.commit(group, offsets)

    def committed(self, group: str) -> Mapping[int, int]:
        """The offsets that the group committed; partitions without one are absent.

        What it committed in another log of this name does not count here.
        """
        return self._groups.committed(group)

    def groups(self) -> list[str]:
        """The consumer groups that ever committed."""
        return self._groups.names()

    def lag(self, group: str) -> int:
        """Records that the group has not taken yet, over all partitions."""
        committed = self.committed(group)
        total = 0
        for number in range(self.partitions):
            bounds = self.bounds(number)
            total += bounds.end - min(bounds.end, max(committed.get(number, 0), bounds.earliest))
        return total

    def retain(
        self,
        *,
        age_s: float | None,
        size_bytes: int | None,
        floor: Mapping[int, int] | None = None,
    ) -> RetentionReport:
        """Remove old segments.

        Args:
            age_s: Segments whose records are all older go. None: no limit.
            size_bytes: The oldest segments of a partition go while it is larger. None: no limit.
            floor: Per partition the first offset that a required group has not taken; nothing at or
                above it goes. A partition that is absent has no floor.
        """
        report = RetentionReport()
        for number in range(self.partitions):
            part = self._part(number)
            retain_partition(
                part.partition,
                part.writer,
                report,
                age_s=age_s,
                size_bytes=size_bytes,
                floor=None if floor is None else floor.get(number),
            )
        return report

    def recover(self) -> list[PartitionRecovery]:
        """Scan every partition's last segment; see :meth:`LogStore.recover`."""
        reports = []
        for part in self._parts:
            with part.partition.lock.held():
                part.writer.reset()
                reports.append(recover_partition(part.partition, self.name))
            part.reader.forget()
        return reports

    def quarantined(self) -> list[QuarantinedFrame]:
        """Damage that was ever found in this stream, by any process."""
        return [found for part in self._parts for found in part.partition.quarantine.records()]

    def next_turn(self) -> int:
        """0, 1, 2, …: spreads batches without a key over partitions."""
        return next(self._turns)

    def wait(
        self,
        partition: int,
        offset: int,
        timeout_s: float,
        *,
        stop: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Wait until a record at ``offset`` is readable; False after ``timeout_s`` or on ``stop``.

        Any process may append, so the mapped head is looked at, 20 to 500 times a second.
        """
        until = time.monotonic() + timeout_s
        pause = _POLL_FIRST_S
        while self.bounds(partition).end <= offset:
            left = until - time.monotonic()
            if left <= 0 or stop():
                return False
            time.sleep(min(pause, left))
            pause = min(pause * 1.5, _POLL_MOST_S)
        return True

    def close(self) -> None:
        """Finish what was submitted, then release files; later calls fail."""
        if self._closed:
            return
        self._closed = True
        for part in self._parts:
            part.writer.close()
            part.reader.forget()
            part.partition.close()
        self._groups.close()


def _show(schema: pa.Schema) -> str:
    return ", ".join(
        f"{field.name} {field.type}{'' if field.nullable else ' not null'}" for field in schema
    )
