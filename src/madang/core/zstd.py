"""Zstandard: frames one behind the other, unpacked piece by piece; an end that is cut off is told.

The library's own reader takes a frame that is cut off for the end of the file.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO, Final

import zstandard

ZstdError = zstandard.ZstdError
"""The data is damaged."""
MAX_WINDOW_BYTES: Final = 128 * 2**20
"""A frame that refers further back is refused: its window would have to be kept."""
# The bindings bound the input of a call, not its output: a block of four bytes may unpack to
# 128 KiB, so this much input unpacks to 32 MiB at the worst, and 4 KiB in earnest.
_SLICE_BYTES: Final = 1024
_BUFFER_BYTES: Final = 256 * 1024


class ZstdFrames:
    """Unpacks what comes in pieces, cut anywhere."""

    def __init__(self) -> None:
        self._decompressor = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES)
        self._frame = self._decompressor.decompressobj()
        self._begun = False

    @property
    def is_cut_off(self) -> bool:
        """Whether the last frame lacks its end."""
        return self._begun and not self._frame.eof

    def unpack(self, data: bytes | memoryview) -> Iterator[bytes]:
        """What ``data`` unpacks to, in pieces that are not empty.

        Raises:
            ZstdError: it is damaged.
        """
        view = memoryview(data)
        for start in range(0, len(view), _SLICE_BYTES):
            left = bytes(view[start : start + _SLICE_BYTES])
            while left:
                if self._frame.eof:
                    self._frame = self._decompressor.decompressobj()
                self._begun = True
                if piece := self._frame.decompress(left):
                    yield piece
                left = self._frame.unused_data if self._frame.eof else b""


class _Unpacked(io.RawIOBase):
    def __init__(self, packed: BinaryIO) -> None:
        self._packed = packed
        self._frames = ZstdFrames()
        self._pieces: Iterator[bytes] = iter(())
        self._piece = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        while not self._piece:
            piece = next(self._pieces, None)
            if piece is not None:
                self._piece = memoryview(piece)
                continue
            data = self._packed.read(_BUFFER_BYTES)
            if not data:
                if self._frames.is_cut_off:
                    raise EOFError("the zstd frame is cut off")
                return 0
            self._pieces = self._frames.unpack(data)
        count = min(len(buffer), len(self._piece))
        buffer[:count] = self._piece[:count]
        self._piece = self._piece[count:]
        return count

    def close(self) -> None:
        self._packed.close()
        super().close()


def open_zstd(packed: BinaryIO) -> io.BufferedReader:
    """A file of frames, to be read unpacked; closing it closes ``packed``.

    Reading raises ``ZstdError`` where it is damaged, and EOFError where it is cut off.
    """
    return io.BufferedReader(_Unpacked(packed), _BUFFER_BYTES)
