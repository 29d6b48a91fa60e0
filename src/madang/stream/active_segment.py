"""The segment that a partition's writer appends to."""

from __future__ import annotations

import os
import secrets
from typing import Any

import pyarrow as pa

from madang.core.durable_files import sync_folder
from madang.core.errors import CorruptionError
from madang.stream.folder import PartitionFolder
from madang.stream.segment_format import FILE_FIXED_BYTES, FileHeader, decode_file_header
from madang.stream.sparse_index import IndexEntry, IndexWriter

_MOST_BUFFERS = 1000
_HEADER_BYTES = FILE_FIXED_BYTES + 2**20


class ActiveSegment:
    """An open segment file. Every method needs the partition's lock."""

    def __init__(
        self, folder: PartitionFolder, base_offset: int, fd: int, head: FileHeader
    ) -> None:
        self.base_offset = base_offset
        self.header = head
        self.schema: pa.Schema = head.schema()
        self._fd = fd
        self._index = IndexWriter(folder.index(base_offset))

    @classmethod
    def create(
        cls, folder: PartitionFolder, base_offset: int, schema: pa.Schema, now_us: int
    ) -> ActiveSegment:
        """Begin a segment, durably; one of that name without records is replaced."""
        header = FileHeader(
            folder.number,
            base_offset,
            now_us,
            secrets.randbits(64),
            schema.serialize().to_pybytes(),
        )
        path = folder.segment(base_offset)
        # Renamed into place: a reader may have mapped the file that is replaced.
        waiting = path.with_suffix(".new")
        folder.index(base_offset).unlink(missing_ok=True)
        fd = os.open(waiting, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        try:
            os.pwrite(fd, header.encode(), 0)
            os.fsync(fd)
            waiting.rename(path)
            sync_folder(folder.path)
        except BaseException:
            os.close(fd)
            waiting.unlink(missing_ok=True)
            raise
        return cls(folder, base_offset, fd, header)

    @classmethod
    def open(cls, folder: PartitionFolder, base_offset: int) -> ActiveSegment | None:
        """Open the segment to append to it; None if that is not possible: a new one must begin."""
        try:
            fd = os.open(folder.segment(base_offset), os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            header = decode_file_header(os.pread(fd, _HEADER_BYTES, 0))
        except CorruptionError:
            os.close(fd)
            return None
        return cls(folder, base_offset, fd, header)

    def cut_to(self, position: int) -> bool:
        """Cut what lies beyond ``position``; False if the file is shorter than that."""
        size = os.fstat(self._fd).st_size
        if size > position:
            os.ftruncate(self._fd, position)
        return size >= position

    def write(self, buffers: list[Any], position: int) -> None:
        """Write ``buffers`` one behind the other from ``position`` on."""
        for at in range(0, len(buffers), _MOST_BUFFERS):
            part = buffers[at : at + _MOST_BUFFERS]
            left = sum(len(buffer) for buffer in part)
            written = os.pwritev(self._fd, part, position)
            position += written
            if written < left:
                # Rare (a signal, a full disk): the rest goes as one copy.
                rest = memoryview(b"".join(part))[written:]
                while rest:
                    written = os.pwrite(self._fd, rest, position)
                    position += written
                    rest = rest[written:]

    def sync(self) -> None:
        """Put the data and the size on disk."""
        os.fdatasync(self._fd)

    def note(self, offset: int, position: int, appended_at_us: int) -> None:
        """Offer a frame, visible by now, to the sparse index."""
        self._index.note(IndexEntry(offset, position, appended_at_us))

    def close(self) -> None:
        """Release the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
