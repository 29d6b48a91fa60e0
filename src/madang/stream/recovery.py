"""Recovery: what a crash left behind is cut or quarantined before anybody appends."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from madang.core.errors import CorruptionError
from madang.stream.folder import sync_folder
from madang.stream.head import Head, boot_token
from madang.stream.mapped_segment import Damage, MappedSegment
from madang.stream.partition import Partition
from madang.stream.quarantine import QuarantinedFrame
from madang.stream.segment_format import Frame
from madang.stream.sparse_index import INTERVAL_BYTES, IndexEntry, write_index


@dataclass(slots=True)
class PartitionRecovery:
    """What recovery did to one partition.

    ``kept_records`` lay beyond the recorded end, whole: a crash came between writing and
    publishing. ``cut_bytes`` did not form frames. ``quarantined`` was found for the first time.
    """

    stream: str
    partition: int
    end: int = 0
    kept_records: int = 0
    cut_bytes: int = 0
    quarantined: list[QuarantinedFrame] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RecoveryReport:
    """What recovery did, per partition, and how long it took."""

    partitions: tuple[PartitionRecovery, ...]
    duration_s: float

    @property
    def cut_bytes(self) -> int:
        """Bytes of torn tails that were cut."""
        return sum(partition.cut_bytes for partition in self.partitions)

    @property
    def quarantined(self) -> tuple[QuarantinedFrame, ...]:
        """Damage that was found for the first time."""
        return tuple(found for partition in self.partitions for found in partition.quarantined)


def needs_recovery(partition: Partition) -> bool:
    """Whether the head is missing, broken, or older than this boot of the machine."""
    head = partition.head.read()
    if head is None:
        return True
    return head.boot != boot_token()


def recover_partition(partition: Partition, stream: str) -> PartitionRecovery:
    """Scan the last segment and what lies beyond the head; publish where the log really ends.

    Needs the partition's lock. Idempotent.
    """
    report = PartitionRecovery(stream, partition.folder.number)
    head = partition.head.read() or Head()
    for leftover in partition.folder.path.glob("*.new"):
        leftover.unlink(missing_ok=True)
    bases = partition.folder.segments()
    last = _Tail(head.end, head.segment_base, head.position, head.appended_at_us)
    first = head.segment_base if head.sequence and head.segment_base in bases else None
    for base in bases:
        if first is not None and base < first:
            continue
        _scan(partition, base, bases, last, report)
    producers_end = _producers_end(partition)
    end = max(last.end, head.end, producers_end)
    position = last.position
    if end > last.end:
        # Acknowledged records are gone from the end: their offsets are never given out again.
        partition.quarantine.add_segment(last.end, end, "the end of the log is lost")
        position = last.position
    kept = [base for base in bases if base <= last.base]
    earliest = max(head.earliest, kept[0] if kept else end)
    sealed = sum(partition.folder.segment(base).stat().st_size for base in kept if base < last.base)
    partition.head.publish(
        head.moved(
            end=end,
            segment_base=last.base,
            position=position,
            appended_at_us=last.appended_at_us,
            earliest=min(earliest, end),
            sealed_bytes=sealed,
        )
    )
    partition.head.sync()
    sync_folder(partition.folder.path)
    partition.forget_listing()
    report.kept_records = max(0, last.end - head.end) if head.sequence else 0
    report.end = end
    return report


@dataclass(slots=True)
class _Tail:
    """The end of what was found to be sound, as the scan goes on."""

    end: int
    base: int
    position: int
    appended_at_us: int


def _producers_end(partition: Partition) -> int:
    partition.producers.load(partition.folder.producers)
    return partition.producers.place.offset


def _scan(
    partition: Partition, base: int, bases: list[int], last: _Tail, report: PartitionRecovery
) -> None:
    """Walk one segment; cut its torn tail; record damage; rebuild its index."""
    following = [other for other in bases if other > base]
    durable = last.position if base == last.base else 0
    path = partition.folder.segment(base)
    try:
        segment = partition.open_segment(base)
    except CorruptionError as error:
        end = following[0] if following else max(last.end, base)
        if end > base:
            _add(report, partition.quarantine.add_segment(base, end, error.message))
        elif not following and base > last.base:
            # Begun, never published.
            report.cut_bytes += path.stat().st_size
            path.unlink()
        return
    items = list(segment.walk(0, segment.size_bytes, base))
    if segment.header_damage is not None:
        _add(report, partition.quarantine.add(segment, segment.header_damage))
    torn: Damage | None = None
    while items and (damage := _torn(items[-1], durable, bool(following))) is not None:
        torn = damage
        items.pop()
    entries: list[IndexEntry] = []
    for item in items:
        if isinstance(item, Damage):
            _add(report, partition.quarantine.add(segment, item))
        elif not entries or item.position >= entries[-1].position + INTERVAL_BYTES:
            entries.append(IndexEntry(item.base_offset, item.position, item.appended_at_us))
    frames = [item for item in items if isinstance(item, Frame)]
    cut = torn.position if torn is not None else segment.size_bytes
    if torn is not None and segment.size_bytes > cut:
        report.cut_bytes += segment.size_bytes - cut
        os.truncate(path, cut)
    write_index(partition.folder.index(base), entries)
    _sync(segment, partition, base)
    ends = [item.end_offset for item in items]
    last.base = base
    last.end = max([last.end, base, *ends])
    last.position = max(cut, segment.first_at)
    if frames:
        last.appended_at_us = max(last.appended_at_us, frames[-1].appended_at_us)


def _torn(item: Frame | Damage, durable: int, sealed: bool) -> Damage | None:
    """``item`` if it is part of a torn tail: beyond the durable end, nothing sound behind it."""
    if isinstance(item, Damage) and item.position >= durable and not sealed:
        return item
    return None


def _add(report: PartitionRecovery, found: QuarantinedFrame | None) -> None:
    if found is not None:
        report.quarantined.append(found)


def _sync(segment: MappedSegment, partition: Partition, base: int) -> None:
    fd = os.open(partition.folder.segment(base), os.O_RDWR | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
