"""Recovery: what a crash left behind is cut or quarantined before anybody appends."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace

from madang.core.durable_files import sync_folder
from madang.core.errors import CorruptionError
from madang.stream.head import Head, boot_token
from madang.stream.mapped_segment import Damage
from madang.stream.partition import Partition
from madang.stream.producers import ProducerMap
from madang.stream.quarantine import QuarantinedFrame
from madang.stream.segment_format import Frame, align
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

    Whole frames beyond the recorded end are kept: after a power cut the head may be older than what
    was acknowledged. Needs the partition's lock. Idempotent.
    """
    report = PartitionRecovery(stream, partition.folder.number)
    _remove_leftovers(partition)
    head = partition.head.read()
    known = head or Head()
    # A snapshot of the producers reaches only as far as was acknowledged and is on disk.
    saved_end = ProducerMap.saved_offset(partition.folder.producers)
    tail = _Scan(partition, report)
    tail.run(head, closed_cleanly=0 < known.end == saved_end and known.boot == boot_token())
    end = max(tail.end, known.end, saved_end)
    if end > tail.end:
        tail.lost_end(end)
    kept = [base for base in partition.folder.segments() if base <= tail.base]
    earliest = known.earliest if head else kept[0] if kept else 0
    partition.head.publish(
        known.moved(
            end=end,
            segment_base=tail.base,
            position=tail.position,
            appended_at_us=tail.appended_at_us,
            earliest=earliest,
            sealed_bytes=sum(
                partition.folder.segment(base).stat().st_size for base in kept if base < tail.base
            ),
        )
    )
    partition.head.sync()
    sync_folder(partition.folder.path)
    partition.forget_listing()
    report.kept_records = max(0, tail.end - known.end) if head else 0
    report.end = end
    return report


class _Scan:
    """The end of what was found to be sound, as the scan goes on."""

    def __init__(self, partition: Partition, report: PartitionRecovery) -> None:
        self._partition = partition
        self._report = report
        self._verify = True
        self.end = 0
        self.base = 0
        self.position = 0
        self.appended_at_us = 0

    def run(self, head: Head | None, *, closed_cleanly: bool) -> None:
        """Scan the segment that the head names and those behind it; all, if there is no head.

        After a clean close headers are walked, payloads are left to the readers, who check them
        anyway: it costs a start no time.
        """
        self._verify = not closed_cleanly
        bases = self._partition.folder.segments()
        if head is not None:
            self.end = self.base = head.segment_base
            self.appended_at_us = head.appended_at_us
            bases = [base for base in bases if base >= head.segment_base]
        for number, base in enumerate(bases):
            if head is not None and head.segment_base < base < max(head.end, self.end):
                # Begun by a writer that died before it was published; the log went on without it.
                self._partition.folder.segment(base).unlink()
                self._partition.folder.index(base).unlink(missing_ok=True)
                continue
            following = bases[number + 1] if number + 1 < len(bases) else None
            durable = head.position if head is not None and base == head.segment_base else 0
            self._segment(base, following, durable)

    def _segment(self, base: int, following: int | None, durable: int) -> None:
        """Walk one segment: cut its torn tail, record damage, rebuild its index, sync it.

        ``following`` is where the next segment begins, None behind the last one; ``durable`` bytes
        of the segment were acknowledged for certain.
        """
        path = self._partition.folder.segment(base)
        try:
            segment = self._partition.open_segment(base)
        except CorruptionError as error:
            self._unreadable(base, following, durable, error.message)
            return
        if segment.header_damage is not None:
            self._found(self._partition.quarantine.add(segment, segment.header_damage))
        verify = self._verify or segment.size_bytes != durable
        items = list(segment.walk(0, segment.size_bytes, base, end_offset=following, verify=verify))
        cut = segment.size_bytes
        if following is None:
            items, cut = _without_torn_tail(items, durable, cut)
        if cut < segment.size_bytes:
            self._report.cut_bytes += segment.size_bytes - cut
            os.truncate(path, cut)
        # Behind an end that is not aligned, as no writer leaves it, the next append rolls.
        self.end, self.base, self.position = base, base, align(cut)
        entries: list[IndexEntry] = []
        for item in items:
            if isinstance(item, Damage):
                self._found(self._partition.quarantine.add(segment, item))
            else:
                self.appended_at_us = max(self.appended_at_us, item.appended_at_us)
                if not entries or item.position >= entries[-1].position + INTERVAL_BYTES:
                    entries.append(IndexEntry(item.base_offset, item.position, item.appended_at_us))
            self.end = item.end_offset
        write_index(self._partition.folder.index(base), entries)
        with path.open("r+b") as file:
            os.fsync(file.fileno())

    def _unreadable(self, base: int, following: int | None, durable: int, reason: str) -> None:
        if following is None and not durable:
            # Begun, never written to.
            path = self._partition.folder.segment(base)
            self._report.cut_bytes += path.stat().st_size
            path.unlink()
            return
        self.base, self.position = base, 0
        if following is not None:
            damage = Damage(0, 0, base, following, reason)
            self._found(self._partition.quarantine.add_hole(base, damage))
            self.end = following

    def lost_end(self, end: int) -> None:
        """Acknowledged records are gone from the end: their offsets are never given out again."""
        damage = Damage(self.position, self.position, self.end, end, "the end of the log is lost")
        self._found(self._partition.quarantine.add_hole(self.base, damage))

    def _found(self, found: QuarantinedFrame | None) -> None:
        if found is not None:
            self._report.quarantined.append(found)


def _remove_leftovers(partition: Partition) -> None:
    """Remove files of writers that died before they renamed them into place."""
    for pattern in ("*.new", "*.idx.tmp", ".*.tmp"):
        for leftover in partition.folder.path.glob(pattern):
            leftover.unlink(missing_ok=True)


def _without_torn_tail(
    items: list[Frame | Damage], durable: int, size: int
) -> tuple[list[Frame | Damage], int]:
    """Leave out damage beyond the durable end with nothing sound behind it; and where to cut."""
    cut = size
    while items and isinstance(items[-1], Damage):
        last = items[-1]
        if last.position < durable:
            if last.end_position > durable:
                # What was acknowledged is damaged and stays; what is behind it never was.
                items[-1] = replace(last, end_position=durable)
                cut = durable
            break
        cut = last.position
        items.pop()
    return items, cut
