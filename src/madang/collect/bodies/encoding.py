"""Content-Encoding: gzip, deflate, zstd and lists of them, inflated up to a limit."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from madang.collect.bodies.media import UnsupportedMediaError
from madang.core.errors import InvalidInputError, TooLargeError
from madang.core.units import format_size
from madang.core.zstd import ZstdError, ZstdFrames

_PIECE_BYTES = 256 * 1024
_GZIP_WBITS, _ZLIB_WBITS, _RAW_WBITS = 31, 15, -15
_MAX_LAYERS = 4


def decompress(encoding: str | None, chunks: Iterable[bytes], limit_bytes: int) -> bytes:
    """The body behind its Content-Encoding.

    Inflates piece by piece and stops at the limit, so that a small body that unpacks to gigabytes
    costs no more than ``limit_bytes`` plus one piece a layer (256 KiB; 32 MiB for zstd).

    Args:
        encoding: The header: ``gzip``, ``deflate`` (with or without zlib's frame), ``zstd``,
            ``identity``, or a list in the order in which they were applied.
        chunks: The body as it arrived.
        limit_bytes: The largest decompressed body.

    Raises:
        TooLargeError: more than ``limit_bytes``, compressed or not.
        UnsupportedMediaError: an unknown encoding.
        InvalidInputError: the data is damaged, cut off, or has something behind its end.
    """
    names = [name.strip().lower() for name in (encoding or "").split(",")]
    names = [name for name in names if name not in ("", "identity")]
    if len(names) > _MAX_LAYERS:
        raise UnsupportedMediaError(f"{len(names)} encodings on top of each other", hint="use one")
    pieces: Iterable[bytes] = chunks
    for name in reversed(names):
        layer = _LAYERS.get(name)
        if layer is None:
            raise UnsupportedMediaError(
                f"there is no Content-Encoding {name!r}", hint="send gzip, deflate or zstd"
            )
        pieces = layer(_within(pieces, limit_bytes, "compressed body"))
    found: bytes | bytearray = b""
    for piece in _within(pieces, limit_bytes, "body"):
        if not found:
            found = piece
            continue
        # Copied at once: zstandard's pieces sit in 128 KiB allocations, however small they are.
        if isinstance(found, bytes):
            found = bytearray(found)
        found += piece
    return bytes(found)


def _within(pieces: Iterable[bytes], limit_bytes: int, what: str) -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > limit_bytes:
            raise TooLargeError(
                f"the {what} is larger than {format_size(limit_bytes)}",
                hint="send it in several requests",
            )
        yield piece


class _Inflater(Protocol):
    """``zlib.decompressobj``, which has no public type."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def unconsumed_tail(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = ..., /) -> bytes: ...


def _inflate(
    chunks: Iterable[bytes], new: Callable[[], _Inflater], name: str, *, members: bool
) -> Iterator[bytes]:
    inflater, begun, ended = new(), False, False
    for chunk in chunks:
        data = bytes(chunk)
        while data:
            if ended:
                if not members:
                    raise _trailing(name)
                inflater, ended, begun = new(), False, True
            begun = True
            try:
                piece = inflater.decompress(data, _PIECE_BYTES)
            except zlib.error as error:
                raise InvalidInputError(f"the {name} body is damaged: {error}") from None
            if piece:
                yield piece
            if inflater.eof:
                ended, data = True, inflater.unused_data
            else:
                data = inflater.unconsumed_tail
    # What zlib holds back once the input is used up: at most one piece's worth, a call each.
    while begun and not ended:
        piece = inflater.decompress(b"", _PIECE_BYTES)
        ended = inflater.eof
        if not piece and not ended:
            raise InvalidInputError(f"the {name} body is cut off")
        yield piece


def _gzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    return _inflate(chunks, lambda: zlib.decompressobj(_GZIP_WBITS), "gzip", members=True)


def _deflate(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """RFC 9110 means zlib's frame; some clients send the bare stream: the first bytes tell."""
    iterator = iter(chunks)
    head = b""
    while len(head) < 2:
        chunk = next(iterator, None)
        if chunk is None:
            break
        head += chunk
    framed = len(head) >= 2 and head[0] & 15 == 8 and (head[0] << 8 | head[1]) % 31 == 0
    wbits = _ZLIB_WBITS if framed else _RAW_WBITS

    def whole() -> Iterator[bytes]:
        yield head
        yield from iterator

    return _inflate(whole(), lambda: zlib.decompressobj(wbits), "deflate", members=False)


def _zstd(chunks: Iterable[bytes]) -> Iterator[bytes]:
    frames = ZstdFrames()
    try:
        for chunk in chunks:
            yield from frames.unpack(chunk)
    except ZstdError as error:
        raise InvalidInputError(f"the zstd body is damaged: {error}") from None
    if frames.is_cut_off:
        raise InvalidInputError("the zstd body is cut off")


def _trailing(name: str) -> InvalidInputError:
    return InvalidInputError(f"the {name} body goes on behind its end")


_LAYERS: dict[str, Callable[[Iterable[bytes]], Iterator[bytes]]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "zstd": _zstd,
}
