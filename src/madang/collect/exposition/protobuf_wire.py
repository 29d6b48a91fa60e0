"""Protocol Buffers' wire format: the fields of a message, as places in the page."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from madang.collect.exposition.problem import MalformedPageError

VARINT, DOUBLE, BYTES, FLOAT = 0, 1, 2, 5
_MAX_VARINT_BYTES = 10
_DOUBLE = struct.Struct("<d")

WireField = tuple[int, int, int, int]
"""Number, wire type, where the value begins, where it ends."""


def read_varint(body: bytes, at: int, end: int) -> tuple[int, int]:
    """An unsigned number, and where it ends.

    Raises:
        MalformedPageError: it does not end before ``end``, or has more than 64 bits.
    """
    value = shift = 0
    start = at
    while at < end:
        byte = body[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value >> 64:
                break
            return value, at
        shift += 7
        if at - start >= _MAX_VARINT_BYTES:
            break
    raise broken("a number that does not end, or has more than 64 bits", start)


def fields(body: bytes, at: int, end: int) -> Iterator[WireField]:
    """The fields of the message ``body[at:end]``, in their order.

    Raises:
        MalformedPageError: the bytes are no message.
    """
    while at < end:
        start = at
        tag = body[at]
        at += 1
        if tag >= 0x80:
            tag, at = read_varint(body, start, end)
        kind, number = tag & 7, tag >> 3
        if kind == BYTES:
            if at < end and body[at] < 0x80:
                size = body[at]
                at += 1
            else:
                size, at = read_varint(body, at, end)
            stop = at + size
        elif kind == VARINT:
            _, stop = read_varint(body, at, end)
        elif kind == DOUBLE:
            stop = at + 8
        elif kind == FLOAT:
            stop = at + 4
        else:
            raise broken(f"a field of the unknown wire type {kind}", start)
        if stop > end or number == 0:
            raise broken("a field that goes beyond its message, or has no number", start)
        yield number, kind, at, stop
        at = stop


def read_double(body: bytes, at: int) -> float:
    """The 8 bytes at a place as a number."""
    value: float = _DOUBLE.unpack_from(body, at)[0]
    return value


def signed(value: int) -> int:
    """An unsigned 64-bit number as the signed one that it stands for."""
    return value - (1 << 64) if value >> 63 else value


def broken(message: str, at: int) -> MalformedPageError:
    """The error: a protobuf page has no lines, so the message has the byte."""
    return MalformedPageError(f"byte {at}: {message}", -1)
