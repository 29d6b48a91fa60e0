"""Whether a ``.zst`` file is all there: DuckDB takes one that was cut off for a shorter one.

Only the lengths of frames and blocks are read (RFC 8878, 3.1), nothing is decompressed.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

_MAGIC = 0xFD2FB528
_SKIPPABLE = range(0x184D2A50, 0x184D2A60)
_RUN = 1
"""A block of one repeated byte, which alone is stored."""
_DICTIONARY_BYTES = (0, 1, 2, 4)
_CONTENT_SIZE_BYTES = (0, 2, 4, 8)


def ends_whole(path: Path) -> bool:
    """Whether the last frame of ``path`` has its end. What is no frame is left to the reader."""
    if not path.stat().st_size:
        return True
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            return _walk(data)
        except (struct.error, IndexError):
            return False


def _walk(data: mmap.mmap) -> bool:
    position = 0
    while position < len(data):
        (magic,) = struct.unpack_from("<I", data, position)
        if magic in _SKIPPABLE:
            position += 8 + struct.unpack_from("<I", data, position + 4)[0]
        elif magic == _MAGIC:
            position = _after_frame(data, position + 4)
        else:
            return True
    return position == len(data)


def _after_frame(data: mmap.mmap, position: int) -> int:
    descriptor = data[position]
    is_single = bool(descriptor & 0x20)
    content = 1 if is_single and descriptor < 0x40 else _CONTENT_SIZE_BYTES[descriptor >> 6]
    position += 1 + (not is_single) + _DICTIONARY_BYTES[descriptor & 3] + content
    is_last = False
    while not is_last:
        head = data[position] | data[position + 1] << 8 | data[position + 2] << 16
        is_last = bool(head & 1)
        position += 3 + (1 if head >> 1 & 3 == _RUN else head >> 3)
    return position + 4 * bool(descriptor & 0x04)
