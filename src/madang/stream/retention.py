"""Retention: whole segments go, by age and by size, and never what a required group still needs."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from madang.core.errors import CorruptionError
from madang.stream.head import Head
from madang.stream.partition import Partition
from madang.stream.partition_writer import PartitionWriter
from madang.stream.producers import ProducerMap
from madang.stream.space import is_full, storage_full

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HeldBack:
    """What age or size would have removed, and the floor kept: a reason for an alarm.

    Offsets ``floor`` to ``wanted`` have not been taken by every required group.
    """

    partition: int
    floor: int
    wanted: int
    segments: int
    size_bytes: int


@dataclass(slots=True)
class RetentionReport:
    """What retention did to one stream."""

    removed_segments: int = 0
    removed_bytes: int = 0
    rolled: int = 0
    held: list[HeldBack] = field(default_factory=list)


def retain_partition(
    partition: Partition,
    writer: PartitionWriter,
    report: RetentionReport,
    *,
    age_s: float | None,
    size_bytes: int | None,
    floor: int | None,
) -> None:
    """Remove the oldest segments of one partition; see :meth:`LogStream.retain`."""
    now_us = partition.clock.now_us()
    before_us = None if age_s is None else now_us - round(age_s * 1_000_000)
    with writer.exclusive() as found:
        head = found
        if before_us is not None and _begins_before(partition, head, before_us):
            try:
                # Dated by the last append, so that the sealed segment is as old as its records.
                head, _ = writer.roll(head, partition.schema(), head.appended_at_us)
                report.rolled += 1
            except OSError as error:
                # On a full disk sealed segments can still go, which makes room.
                _log.warning("cannot begin a segment in %s: %s", partition.folder.path, error)
        bases = partition.bases(head)
        sizes = [_size(partition, base) for base in bases]
        wanted = _wanted(partition, bases, sizes, before_us=before_us, size_bytes=size_bytes)
        allowed = wanted
        if floor is not None:
            while allowed and bases[allowed] > floor:
                allowed -= 1
            if allowed < wanted:
                report.held.append(
                    HeldBack(
                        partition.folder.number,
                        floor,
                        bases[wanted],
                        wanted - allowed,
                        sum(sizes[allowed:wanted]),
                    )
                )
        if not allowed:
            return
        _keep_producers(partition, bases[allowed])
        partition.head.publish(
            head.moved(
                earliest=bases[allowed],
                sealed_bytes=max(0, head.sealed_bytes - sum(sizes[:allowed])),
            )
        )
        partition.head.sync()
        for base in partition.folder.segments():
            if base < bases[allowed]:
                partition.folder.segment(base).unlink(missing_ok=True)
                partition.folder.index(base).unlink(missing_ok=True)
        report.removed_segments += allowed
        report.removed_bytes += sum(sizes[:allowed])
    partition.forget_listing()


def _wanted(
    partition: Partition,
    bases: list[int],
    sizes: list[int],
    *,
    before_us: int | None,
    size_bytes: int | None,
) -> int:
    """How many of the oldest segments should go; the last one never does."""
    count = 0
    left = sum(sizes)
    for number in range(len(bases) - 1):
        too_old = before_us is not None and _sealed_at_us(partition, bases[number + 1]) < before_us
        too_large = size_bytes is not None and left > size_bytes
        if not too_old and not too_large:
            break
        left -= sizes[number]
        count += 1
    return count


def _sealed_at_us(partition: Partition, following: int) -> int:
    """When the segment before ``following`` was sealed: no record in it is younger."""
    try:
        return partition.open_segment(following).header.created_at_us
    except (CorruptionError, FileNotFoundError):
        return 2**62


def _keep_producers(partition: Partition, earliest: int) -> None:
    """Make sure that the snapshot has the producers that only the frames to be removed name.

    Rolling wrote it, unless the disk was full then.
    """
    if ProducerMap.saved_offset(partition.folder.producers) >= earliest:
        return
    try:
        partition.producers.save(partition.folder.producers)
    except OSError as error:
        if is_full(error):
            raise storage_full(error) from error
        raise


def _begins_before(partition: Partition, head: Head, before_us: int) -> bool:
    """Whether the last segment begins with a record that is older than ``before_us``."""
    if not head.position or head.end == head.segment_base:
        return False
    try:
        segment = partition.open_segment(head.segment_base)
    except (CorruptionError, FileNotFoundError):
        return False
    frame = segment.frame_at(segment.first_at, head.position)
    return frame is not None and frame.appended_at_us < before_us


def _size(partition: Partition, base: int) -> int:
    try:
        return partition.folder.segment(base).stat().st_size
    except FileNotFoundError:
        return 0
