"""What writer, reader, recovery and retention of one partition share."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from madang.core.clock import Clock
from madang.core.durable_files import sync_folder
from madang.stream.folder import PartitionFolder
from madang.stream.head import Head, HeadFile
from madang.stream.mapped_segment import MappedSegment
from madang.stream.partition_lock import FileLock
from madang.stream.producers import ProducerMap
from madang.stream.quarantine import Quarantine

_ATTEMPTS = 5


class Partition:
    """One partition on disk: its folder, head, lock, producers and quarantine.

    Args:
        stream: The stream's folder.
        number: The partition.
        schema: Gives the stream's schema as it stands.
        clock: For times of append and of quarantine.
        window_s: How long idempotency keys are remembered.
    """

    def __init__(
        self,
        stream: Path,
        number: int,
        *,
        schema: Callable[[], pa.Schema],
        clock: Clock,
        window_s: float,
    ) -> None:
        self.folder = PartitionFolder.of(stream, number)
        if not self.folder.path.exists():
            self.folder.path.mkdir(exist_ok=True)
            sync_folder(stream)
        self.head = HeadFile(self.folder.head, number)
        self.lock = FileLock(self.folder.lock)
        self.quarantine = Quarantine(self.folder, clock)
        self.producers = ProducerMap(window_s)
        self.schema = schema
        self.clock = clock
        self._listing: tuple[tuple[int, int, bool], list[int]] | None = None
        self._loading = threading.Lock()
        self._producers_loaded = False

    def open_segment(self, base_offset: int) -> MappedSegment:
        """Map the segment that begins at ``base_offset``."""
        return MappedSegment(self.folder.segment(base_offset), base_offset, self.schema())

    def bases(self, head: Head) -> list[int]:
        """First offsets of the segments that count, ascending; listed anew only on change."""
        # The position tells a partition without any segment from one with the segment 0.
        key = (head.segment_base, head.earliest, head.position > 0)
        known = self._listing
        if known is not None and known[0] == key:
            return known[1]
        found = [base for base in self.folder.segments() if base <= head.segment_base]
        # The first one that counts is the last that does not begin behind the earliest offset.
        found = found[max(0, bisect_right(found, head.earliest) - 1) :]
        self._listing = (key, found)
        return found

    def forget_listing(self) -> None:
        """List segments anew next time."""
        self._listing = None

    def known_producers(self, head: Head) -> ProducerMap:
        """The producers, at least up to ``head``."""
        with self._loading:
            if not self._producers_loaded:
                self.producers.load(self.folder.producers)
                self._producers_loaded = True
            for _ in range(_ATTEMPTS):
                if self.producers.place.offset >= head.end:
                    break
                try:
                    self._catch_up(head)
                except FileNotFoundError:
                    # Retention removed a segment between the listing and the mapping.
                    self.forget_listing()
                    head = self.head.require()
        return self.producers

    def _catch_up(self, head: Head) -> None:
        bases = self.bases(head)
        if bases and bases[0] > self.producers.place.offset:
            # Another process removed segments that this one had not read.
            self.producers.load(self.folder.producers)
        self.producers.catch_up(head, bases, self.open_segment)

    def close(self) -> None:
        """Release files."""
        self.head.close()
        self.lock.close()
