"""Reading one partition: found through index and cursor, checked, not copied."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable

import pyarrow as pa

from madang.core.errors import CorruptionError
from madang.stream.head import Head
from madang.stream.mapped_segment import Damage, MappedSegment
from madang.stream.page_cache import drop_pages
from madang.stream.partition import Partition
from madang.stream.port import Chunk
from madang.stream.schema_change import can_hold, conform
from madang.stream.segment_format import Frame
from madang.stream.sparse_index import SparseIndex

_MAPS = 3
_CURSORS = 32
_COALESCE_BELOW_BYTES = 32 * 1024
_COALESCE_RECORDS = 65_536
_COALESCE_WITHIN_US = 60_000_000
"""Whoever reads a chunk takes its time for that of all its records, be it only roughly."""
_ATTEMPTS = 5


class PartitionReader:
    """Reads what the head says is durable; thread-safe, in any process.

    Segments are mapped; a batch keeps its mapping alive, also after the segment was removed.
    """

    def __init__(self, partition: Partition) -> None:
        self._partition = partition
        self._mutex = threading.Lock()
        # A segment that was mapped while it was the last one is mapped anew once it is sealed.
        self._maps: OrderedDict[tuple[int, bool], MappedSegment] = OrderedDict()
        self._indexes: dict[int, SparseIndex] = {}
        self._cursors: OrderedDict[int, tuple[int, int]] = OrderedDict()
        self._evicted_base: int | None = None

    def read(self, offset: int, max_bytes: int) -> list[Chunk]:
        """Chunks from ``offset`` on, about ``max_bytes`` of them, at least one if there is any."""
        max_bytes = max(1, max_bytes)
        for _ in range(_ATTEMPTS):
            head = self._partition.head.require()
            try:
                at = offset
                while True:
                    frames, at = self._find(head, at, max_bytes)
                    chunks = list(self._chunks(frames, offset))
                    if chunks or at >= head.end:
                        return chunks
            except FileNotFoundError:
                # Retention removed the segment between the listing and the mapping.
                self._partition.forget_listing()
        raise CorruptionError(
            f"a segment of {self._partition.folder.path} that holds offset {offset} is not there"
        )

    def _find(
        self, head: Head, offset: int, max_bytes: int
    ) -> tuple[list[tuple[MappedSegment, Frame]], int]:
        """Sound frames from ``offset`` on, and the offset behind what was looked at."""
        bases = self._partition.bases(head)
        at = max(offset, head.earliest)
        if at < head.end and (not bases or bases[0] > at):
            at = self._missing(head, at, bases[0] if bases else head.end)
        frames: list[tuple[MappedSegment, Frame]] = []
        size = 0
        while at < head.end and bases and size < max_bytes:
            number = bisect_right(bases, at) - 1
            base = bases[number]
            end = bases[number + 1] if number + 1 < len(bases) else head.end
            segment = self._segment(base, head, end)
            if segment is None:
                at = end
                continue
            limit = head.position if base == head.segment_base else segment.size_bytes
            position, expected = self._locate(segment, at, limit)
            for item in segment.walk(position, limit, expected, end_offset=end):
                if isinstance(item, Damage):
                    self._partition.quarantine.add(segment, item)
                    at = max(at, item.end_offset)
                elif item.end_offset > at:
                    frames.append((segment, item))
                    at = item.end_offset
                    size += item.payload_length
                    if size >= max_bytes:
                        self._remember(at, base, item.end_position)
                        break
            else:
                if base == head.segment_base:
                    self._remember(end, base, limit)
                at = end
        if not frames:
            # The reader is at the end: mapped pages would count as this process's memory.
            self._release_maps()
        return frames, at

    def _missing(self, head: Head, at: int, end: int) -> int:
        """Report that no segment holds the offsets from ``at`` to ``end``, which is returned."""
        if self._partition.head.require().earliest != head.earliest:
            raise FileNotFoundError  # removed just now: listed anew
        damage = Damage(0, 0, at, end, "the segment is missing")
        self._partition.quarantine.add_hole(at, damage)
        return end

    def _segment(self, base: int, head: Head, end: int | None = None) -> MappedSegment | None:
        """The segment, mapped far enough; None if nothing in it can be read."""
        active = base == head.segment_base
        key = (base, active)
        with self._mutex:
            segment = self._maps.get(key)
            if segment is not None and active and segment.size_bytes < head.position:
                segment = None
            if segment is None:
                try:
                    segment = self._partition.open_segment(base)
                except CorruptionError as error:
                    if end is not None:
                        damage = Damage(0, 0, base, end, error.message)
                        self._partition.quarantine.add_hole(base, damage)
                    return None
                self._maps[key] = segment
                if segment.header_damage is not None:
                    self._partition.quarantine.add(segment, segment.header_damage)
            self._maps.move_to_end(key)
            while len(self._maps) > _MAPS:
                gone, _ = self._maps.popitem(last=False)
                self._indexes.pop(gone[0], None)
        return segment

    def evict(self, offset: int) -> None:
        """Drop what lies below ``offset``, where a read ended, from the page cache."""
        with self._mutex:
            cursor = self._cursors.get(offset)
        self._release_maps()  # mapped pages would stay
        if cursor is None:
            return
        base, position = cursor
        last, self._evicted_base = self._evicted_base, base
        if last is not None and last != base:
            drop_pages(self._partition.folder.segment(last))
        drop_pages(self._partition.folder.segment(base), position)

    def _release_maps(self) -> None:
        with self._mutex:
            self._maps.clear()

    def _remember(self, offset: int, base: int, position: int) -> None:
        with self._mutex:
            self._cursors[offset] = (base, position)
            while len(self._cursors) > _CURSORS:
                self._cursors.popitem(last=False)

    def _locate(self, segment: MappedSegment, offset: int, limit: int) -> tuple[int, int]:
        """A place at or before ``offset`` from where to walk: a position and the offset there."""
        with self._mutex:
            cursor = self._cursors.get(offset)
        if cursor is not None and cursor[0] == segment.base_offset:
            return cursor[1], offset
        if offset == segment.base_offset:
            return 0, offset
        entry = self._index(segment, limit).before_offset(offset)
        if entry is not None:
            frame = segment.frame_at(entry.position, limit)
            if frame is not None and frame.base_offset == entry.offset:
                return entry.position, entry.offset
        return 0, segment.base_offset

    def _index(self, segment: MappedSegment, limit: int) -> SparseIndex:
        head = self._partition.head.require()
        sealed = segment.base_offset != head.segment_base
        with self._mutex:
            known = self._indexes.get(segment.base_offset)
        if known is not None:
            return known
        found = SparseIndex.load(self._partition.folder.index(segment.base_offset), limit)
        if sealed:
            with self._mutex:
                self._indexes[segment.base_offset] = found
        return found

    def _chunks(self, frames: list[tuple[MappedSegment, Frame]], offset: int) -> Iterable[Chunk]:
        """Chunks of ``frames``; neighbours of a few records and equal attributes are joined."""
        run: list[tuple[Frame, pa.RecordBatch]] = []
        records = 0
        for segment, frame in frames:
            batch = self._decode(segment, frame)
            if batch is None:
                continue
            if run and not _may_follow(run, frame, batch, records):
                yield self._chunk(run, offset)
                run, records = [], 0
            run.append((frame, batch))
            records += frame.count
        if run:
            yield self._chunk(run, offset)

    def _decode(self, segment: MappedSegment, frame: Frame) -> pa.RecordBatch | None:
        payload = segment.data[frame.payload_at : frame.payload_at + frame.payload_length]
        try:
            batch = pa.ipc.read_record_batch(payload, segment.schema)
        except (pa.ArrowException, OSError) as error:
            reason = f"the checksum holds, but it is no batch of the segment's schema: {error}"
            damage = Damage(
                frame.position, frame.end_position, frame.base_offset, frame.end_offset, reason
            )
            self._partition.quarantine.add(segment, damage)
            return None
        schema = self._partition.schema()
        if segment.schema.equals(schema, check_metadata=True) or not can_hold(schema, batch.schema):
            return batch
        return conform(batch, schema)

    def _chunk(self, run: list[tuple[Frame, pa.RecordBatch]], offset: int) -> Chunk:
        first, batch = run[0]
        if len(run) > 1:
            batch = pa.concat_batches([part for _, part in run])
        base = first.base_offset
        if base < offset < base + batch.num_rows:
            batch, base = batch.slice(offset - base), offset
        return Chunk(
            self._partition.folder.number, base, batch, first.appended_at_us, first.attributes
        )

    def offset_at(self, time_us: int) -> int:
        """The first offset appended at or after ``time_us``, or the end."""
        for _ in range(_ATTEMPTS):
            head = self._partition.head.require()
            try:
                return self._offset_at(head, time_us)
            except FileNotFoundError:
                self._partition.forget_listing()
        return self._partition.head.require().end

    def _offset_at(self, head: Head, time_us: int) -> int:
        if head.appended_at_us < time_us:
            return head.end
        bases = self._partition.bases(head)
        # The last segment that begins before the time: it may hold the first batch after it.
        low, high = 0, len(bases)
        while high - low > 1:
            middle = (low + high) // 2
            first = self._first_time(bases[middle], head)
            low, high = (middle, high) if first is not None and first < time_us else (low, middle)
        for number in range(low, len(bases)):
            segment = self._segment(bases[number], head)
            if segment is None:
                continue
            limit = head.position if bases[number] == head.segment_base else segment.size_bytes
            entry = self._index(segment, limit).before_time(time_us)
            position, expected = (
                (entry.position, entry.offset) if entry else (0, segment.base_offset)
            )
            for item in segment.walk(position, limit, expected, verify=False):
                if isinstance(item, Frame) and item.appended_at_us >= time_us:
                    return max(item.base_offset, head.earliest)
        return head.end

    def _first_time(self, base: int, head: Head) -> int | None:
        segment = self._segment(base, head)
        if segment is None:
            return None
        limit = head.position if base == head.segment_base else segment.size_bytes
        frame = segment.frame_at(segment.first_at, limit)
        return frame.appended_at_us if frame else None

    def forget(self) -> None:
        """Drop mappings and cursors, as after recovery."""
        with self._mutex:
            self._maps.clear()
            self._indexes.clear()
            self._cursors.clear()
        self._partition.forget_listing()


def _is_dated(batch: pa.RecordBatch) -> bool:
    """Whether every record says its time: the column ``ts``, as in a raw stream."""
    place = batch.schema.get_field_index("ts")
    if place < 0 or not pa.types.is_timestamp(batch.schema.field(place).type):
        return False
    return bool(batch.column(place).null_count == 0)


def _may_follow(
    run: list[tuple[Frame, pa.RecordBatch]], frame: Frame, batch: pa.RecordBatch, records: int
) -> bool:
    """Whether ``frame`` is joined to a run: copying it costs little."""
    last = run[-1]
    before = last[0]
    if abs(frame.appended_at_us - run[0][0].appended_at_us) > _COALESCE_WITHIN_US:
        return False
    # A chunk has one time of appending: records without a time of their own are dated by it.
    if before.appended_at_us != frame.appended_at_us and not (
        _is_dated(batch) and _is_dated(last[1])
    ):
        return False
    return (
        frame.payload_length < _COALESCE_BELOW_BYTES
        and before.payload_length < _COALESCE_BELOW_BYTES
        and before.end_offset == frame.base_offset
        and before.attributes_json == frame.attributes_json
        and records + frame.count <= _COALESCE_RECORDS
        and last[1].schema.equals(batch.schema)
    )
