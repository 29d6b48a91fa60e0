"""What a file holds: bytes at a position, of a plain file or of a compressed one."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from madang.core.errors import InvalidInputError
from madang.core.zstd import ZstdError, open_zstd

_SKIP_BYTES = 4 * 2**20


class Content(Protocol):
    """The text of a file. Not thread-safe."""

    growing: bool
    """Whether more may come behind the end."""

    def size(self) -> int | None:
        """Bytes as of now, or None where only reading to the end tells."""
        ...

    def read(self, position: int, count: int) -> bytes:
        """At most ``count`` bytes from ``position``; fewer, or none, at the end."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


class _Reader(Protocol):
    def read(self, size: int, /) -> bytes: ...
    def close(self) -> None: ...


class PlainContent:
    """A plain file behind an open descriptor, wherever it is renamed to."""

    growing = True

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    @classmethod
    def open(cls, path: Path) -> PlainContent:
        """Open for reading. Raises OSError."""
        return cls(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK))

    def status(self) -> os.stat_result:
        """The file's status, also when it has no name any more."""
        return os.fstat(self.descriptor)

    def size(self) -> int:
        """Bytes as of now."""
        return self.status().st_size

    def read(self, position: int, count: int) -> bytes:
        """At most ``count`` bytes from ``position``."""
        return os.pread(self.descriptor, count, position)

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self.descriptor)


class PackedContent:
    """A compressed file, whose positions are those of the text inside.

    Reading goes forward; going back further than the last read starts over. What inflates past
    ``position + count`` is not kept, so memory stays at the size of a read.
    """

    growing = False

    def __init__(self, path: Path) -> None:
        self.path = path
        self._open = PACKED[path.suffix.lower()]
        self._stream: _Reader | None = None
        self._at = 0
        self._size: int | None = None
        self._head = b""
        self._last = b""

    def size(self) -> int | None:
        """Bytes of the text, once it was read to its end."""
        return self._size

    def read(self, position: int, count: int) -> bytes:
        """At most ``count`` bytes from ``position``.

        Raises:
            InvalidInputError: the file is damaged or not complete.
            OSError: it cannot be read.
        """
        if position + count <= len(self._head):
            return self._head[position : position + count]
        back = self._at - position
        if self._stream is not None and count <= back <= len(self._last):
            start = len(self._last) - back
            return self._last[start : start + count]
        try:
            if self._stream is None or position < self._at:
                self.close()
                self._stream, self._at = self._open(self.path), 0
            while self._at < position:
                skipped = len(self._take(min(position - self._at, _SKIP_BYTES)))
                if skipped == 0:
                    return b""
            return self._take(count)
        except (EOFError, zlib.error, lzma.LZMAError, ZstdError) as error:
            self.close()
            raise InvalidInputError(f"{self.path} cannot be unpacked: {error}") from None
        except OSError as error:
            self.close()
            if error.errno is None:  # bz2 and gzip say "damaged" this way
                raise InvalidInputError(f"{self.path} cannot be unpacked: {error}") from None
            raise

    def _take(self, count: int) -> bytes:
        assert self._stream is not None
        pieces, missing = [], count
        while missing:
            piece = self._stream.read(missing)
            if not piece:
                self._size = self._at
                break
            pieces.append(piece)
            missing -= len(piece)
            self._at += len(piece)
        taken = self._last = b"".join(pieces)
        if self._at == len(taken):
            self._head = taken[:4096]
        return taken

    def close(self) -> None:
        """Close the file."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None


PACKED: dict[str, Callable[[Path], _Reader]] = {
    ".gz": gzip.GzipFile,
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
    ".zst": lambda path: open_zstd(path.open("rb")),
}
"""How a compressed file is opened, by the end of its name."""
