"""Snappy's framed format, with a limit that holds before anything is unpacked."""

from __future__ import annotations

import google_crc32c
import pyarrow as pa

from madang.collect.remote_write.snappy import unpack
from madang.core.errors import InvalidInputError, TooLargeError
from madang.core.units import format_size

IDENTIFIER = b"\xff\x06\x00\x00sNaPpY"
_PACKED, _PLAIN, _BEGIN = 0x00, 0x01, 0xFF
_SKIPPABLE_FROM = 0x80
_CHECKSUM_BYTES = 4
_MOST_CHUNK_BYTES = 65_536
_MASK = 0xA282EAD8


def unpack_frames(body: bytes, limit_bytes: int) -> bytes:
    """Unpack a body.

    Raises:
        TooLargeError: it unpacks to more than ``limit_bytes``.
        InvalidInputError: it is not in snappy's framed format.
    """
    if body and not body.startswith(IDENTIFIER):
        raise _corrupt("it does not begin with its identifier")
    pieces: list[bytes] = []
    at, size = 0, 0
    while at < len(body):
        kind, length = body[at], int.from_bytes(body[at + 1 : at + 4], "little")
        start, at = at + 4, at + 4 + length
        if at > len(body):
            raise _corrupt("it is cut off")
        if kind in (_PACKED, _PLAIN):
            piece = _piece(body[start:at], packed=kind == _PACKED)
            pieces.append(piece)
            size += len(piece)
        elif kind < _SKIPPABLE_FROM:
            raise _corrupt(f"a chunk of the unknown kind {kind}")
        elif kind == _BEGIN and body[start:at] != IDENTIFIER[4:]:
            raise _corrupt("an identifier that is none")
        if size > limit_bytes:
            raise TooLargeError(
                f"the body is larger than {format_size(limit_bytes)}",
                hint="send it in several requests",
            )
    return b"".join(pieces)


def pack_frames(body: bytes) -> bytes:
    """Pack a body."""
    out = [IDENTIFIER]
    for at in range(0, len(body), _MOST_CHUNK_BYTES):
        piece = body[at : at + _MOST_CHUNK_BYTES]
        packed = pa.compress(piece, codec="snappy", asbytes=True)
        head = bytes([_PACKED]) + (len(packed) + _CHECKSUM_BYTES).to_bytes(3, "little")
        out += (head, _checksum(piece), packed)
    return b"".join(out)


def _piece(chunk: bytes, *, packed: bool) -> bytes:
    checksum, data = chunk[:_CHECKSUM_BYTES], chunk[_CHECKSUM_BYTES:]
    if packed:
        try:
            data = unpack(data, _MOST_CHUNK_BYTES)
        except (InvalidInputError, TooLargeError):
            raise _corrupt("a chunk cannot be unpacked") from None
    if len(data) > _MOST_CHUNK_BYTES or checksum != _checksum(data):
        raise _corrupt("a chunk's checksum is wrong")
    return data


def _checksum(data: bytes) -> bytes:
    crc: int = google_crc32c.value(data)
    return (((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF).to_bytes(4, "little")


def _corrupt(said: str) -> InvalidInputError:
    return InvalidInputError(f"snappy: corrupt input: {said}")
