"""Appending to one partition: a group of batches shares the lock, a write and an fsync."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from madang.core.errors import ConflictError, MadangError, UnavailableError
from madang.stream.active_segment import ActiveSegment
from madang.stream.group_queue import GroupQueue, fail_all
from madang.stream.head import Head
from madang.stream.key_table import ProducerEntry
from madang.stream.page_cache import drop_pages
from madang.stream.partition import Partition
from madang.stream.pending import PendingBatch
from madang.stream.port import Appended
from madang.stream.producers import KEY_PREFIX, LogPlace, check_body
from madang.stream.schema_change import can_hold, conform
from madang.stream.segment_format import align, encode_frame_header
from madang.stream.space import DiskSpace, is_full, storage_full

_log = logging.getLogger(__name__)
GROUP_BYTES = 32 * 2**20
_JOIN_BELOW_BYTES = 16 * 1024


class PartitionWriter:
    """Commits groups of batches to one partition; see :class:`GroupQueue` for how they gather."""

    def __init__(
        self, partition: Partition, *, pool: Executor, space: DiskSpace, segment_size_bytes: int
    ) -> None:
        self._partition = partition
        self._space = space
        self._segment_size_bytes = segment_size_bytes
        self._queue = GroupQueue(
            str(partition.folder.path),
            self._flush,
            pool=pool,
            group_bytes=min(GROUP_BYTES, segment_size_bytes),
        )
        self._failed: str | None = None
        self._active: ActiveSegment | None = None
        self._sealed_base: int | None = None

    def submit(self, pending: PendingBatch) -> None:
        """Queue ``pending``; its future is resolved by the group that takes it.

        Raises:
            UnavailableError: closed, or opened before the process was forked.
            OverloadedError: over 256 MiB are waiting already.
        """
        self._queue.put(pending)

    def _flush(self, group: list[PendingBatch]) -> None:
        try:
            with self.exclusive() as head:
                answers = self._commit(group, head)
        except MadangError as error:
            fail_all(group, error)
        except OSError as error:
            fail_all(group, storage_full(error) if is_full(error) else _io_error(error))
        except Exception as error:  # noqa: BLE001 - callers must not wait for ever
            _log.exception("an append to %s failed", self._partition.folder.path)
            fail_all(group, UnavailableError(f"the append failed: {error}"))
        else:
            for pending, appended in zip(group, answers, strict=True):
                if not pending.future.set_running_or_notify_cancel():
                    continue
                if isinstance(appended, ConflictError):
                    pending.future.set_exception(appended)
                else:
                    pending.future.set_result(appended)

    @contextmanager
    def exclusive(self) -> Iterator[Head]:
        """Hold the partition's lock, with everything that other processes appended taken in.

        Raises:
            UnavailableError: an fsync failed; what is on disk must be checked by recovery first.
        """
        with self._partition.lock.held():
            if self._failed is not None:
                raise UnavailableError(
                    f"{self._partition.folder.path} takes no appends: {self._failed}",
                    hint="check the disk, then restart Madang: it scans the log at start",
                )
            head = self._partition.head.require()
            self._partition.known_producers(head)
            self._take_up(head)
            yield head

    def _take_up(self, head: Head) -> None:
        """Open the segment that ``head`` names and cut what a dead writer left beyond its end."""
        if self._active is not None and self._active.base_offset != head.segment_base:
            self.release()
        if self._active is None and head.position:
            self._active = ActiveSegment.open(self._partition.folder, head.segment_base)
        if self._active is not None and not self._active.cut_to(head.position):
            # Durable bytes are gone; appending would hide the hole. A new segment begins.
            _log.error("%s is shorter than its head", self._partition.folder.path)
            self.release()

    def reset(self) -> None:
        """Forget a failed fsync and the open segment; whoever holds the lock recovers next."""
        self.release()
        self._failed = None

    def release(self) -> None:
        """Let go of the open segment; the next append opens what the head names then."""
        if self._active is not None:
            self._active.close()
            self._active = None

    def _commit(self, group: list[PendingBatch], head: Head) -> list[Appended | ConflictError]:
        now_us = max(self._partition.clock.now_us(), head.appended_at_us)
        answers: list[Appended | ConflictError] = []
        fresh: list[tuple[PendingBatch, ProducerEntry]] = []
        in_group: dict[str, ProducerEntry] = {}
        end = head.end
        for pending in group:
            try:
                known = self._known(pending, in_group, now_us)
            except ConflictError as error:
                answers.append(error)
                continue
            if known is not None:
                answers.append(self._answer(known, duplicate=True))
                continue
            sequence = pending.origin.sequence if pending.origin else 0
            entry = ProducerEntry(sequence, end, pending.count, now_us, pending.split)
            end += pending.count
            if pending.origin:
                in_group[pending.origin.producer] = entry
            fresh.append((pending, entry))
            answers.append(self._answer(entry, duplicate=False))
        if fresh:
            self._write(fresh, head, now_us)
        return answers

    def _known(
        self, pending: PendingBatch, in_group: dict[str, ProducerEntry], now_us: int
    ) -> ProducerEntry | None:
        origin = pending.origin
        if origin is None:
            return None
        entry = in_group.get(origin.producer)
        if entry is None:
            entry = self._partition.producers.find(origin.producer, now_us)
        if entry is not None and origin.producer.startswith(KEY_PREFIX):
            check_body(origin, entry)
            return entry
        return entry if entry is not None and origin.sequence <= entry.sequence else None

    def _answer(self, entry: ProducerEntry, *, duplicate: bool) -> Appended:
        return Appended(
            self._partition.folder.number,
            entry.base_offset,
            entry.count,
            entry.appended_at_us,
            duplicate,
        )

    def _write(
        self, fresh: list[tuple[PendingBatch, ProducerEntry]], head: Head, now_us: int
    ) -> None:
        self._space.require(sum(pending.size_bytes for pending, _ in fresh))
        schema = fresh[0][0].schema
        active = self._active
        if active is None or head.position >= self._segment_size_bytes:
            head, active = self.roll(head, schema, now_us)
        elif not active.schema.equals(schema, check_metadata=True):
            if can_hold(active.schema, schema):
                for pending, _ in fresh:
                    pending.encode(conform(pending.batch, active.schema))
            else:
                head, active = self.roll(head, schema, now_us)
        buffers, size = _encode(fresh, active.header.salt)
        try:
            active.write(buffers, head.position)
        except OSError:
            self._cut_back(head.position)
            raise
        try:
            active.sync()
        except OSError as error:
            self._cut_back(head.position)
            if not is_full(error):
                # The kernel may have dropped the pages and called them clean: nothing that was
                # written since the last good fsync can be trusted, and trying again proves nothing.
                self._failed = f"fsync failed: {error.strerror}"
            raise
        moved = head.moved(
            end=fresh[-1][1].base_offset + fresh[-1][1].count,
            position=head.position + size,
            appended_at_us=now_us,
        )
        self._partition.head.publish(moved)
        self._partition.producers.note(
            [(pending.origin.producer, entry) for pending, entry in fresh if pending.origin],
            LogPlace(moved.end, moved.segment_base, moved.position),
        )
        self._note_index(active, head, now_us)

    def _note_index(self, active: ActiveSegment, head: Head, now_us: int) -> None:
        try:
            active.note(head.end, head.position, now_us)
        except OSError as error:
            # The index is derived: what is appended stays acknowledged.
            _log.warning("cannot extend an index of %s: %s", self._partition.folder.path, error)

    def _cut_back(self, position: int) -> None:
        try:
            if self._active is not None:
                self._active.cut_to(position)
        except OSError as error:
            _log.warning("cannot cut %s back now: %s", self._partition.folder.path, error)
            self.release()

    def roll(self, head: Head, schema: pa.Schema, now_us: int) -> tuple[Head, ActiveSegment]:
        """Seal the last segment and begin the next; needs the lock. The new head is published."""
        partition = self._partition
        sealed = head.position if head.end > head.segment_base else 0
        active = ActiveSegment.create(partition.folder, head.end, schema, now_us)
        if self._sealed_base is not None:
            # Readers are at the segment that is sealed now, or far behind.
            drop_pages(partition.folder.segment(self._sealed_base))
        self._sealed_base = head.segment_base
        self.release()
        self._active = active
        moved = head.moved(
            segment_base=head.end,
            position=active.header.size_bytes,
            sealed_bytes=head.sealed_bytes + sealed,
        )
        partition.head.publish(moved)
        partition.producers.note((), LogPlace(moved.end, moved.segment_base, moved.position))
        self.save_producers()
        return moved, active

    def save_producers(self) -> None:
        """Write the producers' snapshot if that is possible; needs the lock."""
        try:
            self._partition.producers.save(self._partition.folder.producers)
        except OSError as error:
            # Derived from headers; retention makes sure of it before it removes them.
            _log.warning("cannot write producers of %s: %s", self._partition.folder.path, error)

    def close(self) -> None:
        """Finish what was submitted, write the snapshot, release files."""
        self._queue.close()
        if self._active is None:
            return  # nothing was appended here
        try:
            with self.exclusive():
                self.save_producers()
                self._partition.head.sync()
        except MadangError as error:
            _log.warning("%s was not closed cleanly: %s", self._partition.folder.path, error)
        self.release()


def _io_error(error: OSError) -> UnavailableError:
    return UnavailableError(
        f"the disk failed: {error.strerror}", hint="check the disk; nothing was accepted"
    )


def _encode(fresh: list[tuple[PendingBatch, ProducerEntry]], salt: int) -> tuple[list[Any], int]:
    """The buffers of all frames and their size together; small ones are joined."""
    buffers: list[Any] = []
    small: list[bytes] = []
    size = 0
    for pending, entry in fresh:
        head = encode_frame_header(
            salt=salt,
            base_offset=entry.base_offset,
            count=pending.count,
            appended_at_us=entry.appended_at_us,
            sequence=entry.sequence,
            producer=pending.producer,
            attributes=pending.attributes,
            payload_length=pending.payload.size,
            payload_crc=pending.crc,
            flags=pending.flags,
            split=pending.split,
        )
        padding = align(pending.payload.size) - pending.payload.size
        size += len(head) + pending.payload.size + padding
        small.append(head)
        if pending.payload.size < _JOIN_BELOW_BYTES:
            small.append(pending.payload.to_pybytes())
        else:
            buffers.append(b"".join(small))
            small.clear()
            buffers.append(memoryview(pending.payload))
        small.append(bytes(padding))
    buffers.append(b"".join(small))
    return buffers, size
