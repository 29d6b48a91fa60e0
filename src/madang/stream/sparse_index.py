"""The sparse index of a segment: (offset, position, time) about every 256 KiB.

Derived: a missing, short or broken index costs a longer walk, never a wrong answer. Each entry has
its own checksum, and whoever uses one checks that a frame with that offset is where it points.
"""

from __future__ import annotations

import os
import struct
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from pathlib import Path

import google_crc32c

INTERVAL_BYTES = 256 * 1024
_HEADER = struct.pack("<8sII", b"MADANGIX", 1, 0)
_ENTRY = struct.Struct("<QQq")
_CRC = struct.Struct("<II")
ENTRY_BYTES = _ENTRY.size + _CRC.size


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """A frame: its first offset, its byte position, when it was appended."""

    offset: int
    position: int
    appended_at_us: int

    def encode(self) -> bytes:
        """The entry's 32 bytes."""
        fields = _ENTRY.pack(self.offset, self.position, self.appended_at_us)
        return fields + _CRC.pack(google_crc32c.value(fields), 0)


class SparseIndex:
    """The entries of one segment that are valid and lie below ``limit``, ascending."""

    def __init__(self, entries: list[IndexEntry]) -> None:
        self._entries = entries
        self._offsets = [entry.offset for entry in entries]
        self._times = [entry.appended_at_us for entry in entries]

    @classmethod
    def load(cls, path: Path, limit: int) -> SparseIndex:
        """Read ``path`` up to the first entry that is broken or not below ``limit``."""
        try:
            raw = path.read_bytes()
        except OSError:
            return cls([])
        entries: list[IndexEntry] = []
        if raw.startswith(_HEADER):
            for at in range(len(_HEADER), len(raw) - ENTRY_BYTES + 1, ENTRY_BYTES):
                fields = raw[at : at + _ENTRY.size]
                if _CRC.unpack_from(raw, at + _ENTRY.size)[0] != google_crc32c.value(fields):
                    break
                entry = IndexEntry(*_ENTRY.unpack(fields))
                if entry.position >= limit:
                    break
                if entries and entry.offset <= entries[-1].offset:
                    continue
                entries.append(entry)
        return cls(entries)

    def __len__(self) -> int:
        return len(self._entries)

    def before_offset(self, offset: int) -> IndexEntry | None:
        """The last entry at or below ``offset``."""
        at = bisect_right(self._offsets, offset)
        return self._entries[at - 1] if at else None

    def before_time(self, time_us: int) -> IndexEntry | None:
        """The last entry that was appended before ``time_us``."""
        at = bisect_left(self._times, time_us)
        return self._entries[at - 1] if at else None


class IndexWriter:
    """Adds entries to a segment's index while its writer appends; needs the partition's lock."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._next_at = 0
        self._size = -1

    def note(self, entry: IndexEntry) -> None:
        """Add ``entry`` if the last one lies at least 256 KiB before it."""
        if entry.position < self._next_at:
            return
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            size = os.fstat(fd).st_size
            whole = size - (size - len(_HEADER)) % ENTRY_BYTES
            if size > whole >= len(_HEADER):
                # A writer died in the middle of an entry.
                os.ftruncate(fd, whole)
                size = whole
            if size != self._size and size > len(_HEADER):
                # Another process wrote: its last entry counts.
                raw = os.pread(fd, _ENTRY.size, size - ENTRY_BYTES)
                self._next_at = _ENTRY.unpack(raw)[1] + INTERVAL_BYTES
            data = entry.encode() if entry.position >= self._next_at else b""
            if size < len(_HEADER):
                os.ftruncate(fd, 0)
                size, data = 0, _HEADER + data
            if data:
                os.write(fd, data)
                self._next_at = entry.position + INTERVAL_BYTES
            self._size = size + len(data)
        finally:
            os.close(fd)


def write_index(path: Path, entries: list[IndexEntry]) -> None:
    """Write an index anew, from a scan of its segment."""
    waiting = path.with_suffix(".idx.tmp")
    waiting.write_bytes(_HEADER + b"".join(entry.encode() for entry in entries))
    waiting.replace(path)
