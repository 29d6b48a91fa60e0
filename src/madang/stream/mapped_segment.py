"""A segment mapped into memory, and the walk over its frames that steps over damage."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from madang.core.errors import CorruptionError
from madang.stream.segment_format import (
    ALIGNMENT,
    FILE_FIXED_BYTES,
    FRAME_HEADER_BYTES,
    FRAME_MAGIC,
    FileHeader,
    Frame,
    align,
    decode_file_header,
    decode_frame_header,
    frame_salt,
    payload_is_sound,
)

_HEADER_GUESS_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Damage:
    """A stretch of a segment that is not what was written.

    Bytes ``position`` to ``end_position``; the records from ``base_offset`` to ``end_offset`` are
    lost to readers (none, if the two are equal).
    """

    position: int
    end_position: int
    base_offset: int
    end_offset: int
    reason: str


class MappedSegment:
    """A segment's bytes as they were when it was mapped; survives the removal of the file.

    Args:
        path: The segment.
        base_offset: Its first offset, from the file name.
        schema: The stream's schema, for a segment whose own header is damaged.

    Raises:
        CorruptionError: the file is too short, or holds no frame behind a damaged header.
        ConflictError: a newer Madang wrote it.
        FileNotFoundError: retention removed it.
    """

    def __init__(self, path: Path, base_offset: int, schema: pa.Schema) -> None:
        self.base_offset = base_offset
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self.size_bytes = os.fstat(fd).st_size
            if self.size_bytes < FILE_FIXED_BYTES:
                raise CorruptionError(f"{path} has only {self.size_bytes} bytes")
            self._map = mmap.mmap(fd, self.size_bytes, access=mmap.ACCESS_READ)
        finally:
            os.close(fd)
        self.data: pa.Buffer = pa.py_buffer(self._map)
        self.header_damage: Damage | None = None
        try:
            self.header = decode_file_header(self._map[:_HEADER_GUESS_BYTES])
            if self.header.size_bytes > _HEADER_GUESS_BYTES:
                self.header = decode_file_header(self._map[: self.header.size_bytes])
            self.first_at = self.header.size_bytes
        except CorruptionError as error:
            self._adopt(schema, error)
        self.schema = self.header.schema()

    def _adopt(self, schema: pa.Schema, error: CorruptionError) -> None:
        """Read on behind a damaged file header: frames carry the salt, the stream the schema."""
        found = self._find_frame(0, self.size_bytes, self.base_offset, salt=None)
        if found is None:
            raise error
        salt = frame_salt(self.data, found.position)
        self.header = FileHeader(0, self.base_offset, 0, salt, schema.serialize().to_pybytes())
        self.first_at = found.position
        self.header_damage = Damage(
            0, found.position, self.base_offset, self.base_offset, error.message
        )

    def walk(
        self,
        position: int,
        limit: int,
        expected: int,
        *,
        end_offset: int | None = None,
        verify: bool = True,
    ) -> Iterator[Frame | Damage]:
        """Frames from ``position`` to ``limit``, in order, with the damage between them.

        Args:
            position: Where a frame begins, or 0 for the first.
            limit: The first byte that does not count.
            expected: The offset that the first frame must have.
            end_offset: The offset that the last frame must reach; what is missing is damage too.
            verify: Check payloads, not headers only.
        """
        limit = min(limit, self.size_bytes)
        position = max(position, self.first_at)
        salt = self.header.salt
        while position < limit:
            frame = decode_frame_header(self.data, position, limit, salt)
            if frame is None or frame.base_offset < expected:
                reason = "no valid frame header"
                frame = self._find_frame(position + ALIGNMENT, limit, expected, salt=salt)
                if frame is None:
                    yield Damage(position, limit, expected, end_offset or expected, reason)
                    return
                yield Damage(position, frame.position, expected, frame.base_offset, reason)
            elif frame.base_offset > expected:
                yield Damage(position, position, expected, frame.base_offset, "records are missing")
            if verify and not payload_is_sound(self.data, frame):
                yield Damage(
                    frame.position,
                    frame.end_position,
                    frame.base_offset,
                    frame.end_offset,
                    "the payload's checksum fails",
                )
            else:
                yield frame
            position, expected = frame.end_position, frame.end_offset
        if end_offset is not None and expected < end_offset:
            yield Damage(position, position, expected, end_offset, "the end of the segment is lost")

    def frame_at(self, position: int, limit: int) -> Frame | None:
        """The frame that begins at ``position``, or None."""
        return decode_frame_header(
            self.data, position, min(limit, self.size_bytes), self.header.salt
        )

    def _find_frame(
        self, position: int, limit: int, expected: int, *, salt: int | None
    ) -> Frame | None:
        position = align(position)
        while True:
            position = self._map.find(FRAME_MAGIC, position, limit)
            if position < 0 or position + FRAME_HEADER_BYTES > limit:
                return None
            if position % ALIGNMENT == 0:
                own = frame_salt(self.data, position) if salt is None else salt
                frame = decode_frame_header(self.data, position, limit, own)
                if frame is not None and frame.base_offset >= expected:
                    return frame
            position += 1
