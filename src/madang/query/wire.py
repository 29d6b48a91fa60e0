"""The protocol between the pool and a worker, over a Unix socket.

A frame is a byte that says what it is, four bytes of length (big-endian), and a body:

| byte | from | body |
| --- | --- | --- |
| ``Q`` | pool | a ``QueryRequest``, JSON: the connection's one query |
| ``K`` | pool | an ``Identity``, JSON: asks for the catalog |
| ``C`` | pool | empty: cancel; so does closing the connection |
| ``A`` | worker | empty: the query was taken; before it, it can be sent to another worker safely |
| ``M`` | worker | ``QueryMeta``, JSON |
| ``D`` | worker | bytes of the answer |
| ``F`` | worker | ``QueryStats``, JSON: the end |
| ``E`` | worker | ``WireError``, JSON: the end |
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

import msgspec

from madang.core import errors
from madang.core.errors import MadangError, Place, UnavailableError

MAX_FRAME_BYTES = 64 * 2**20
_HEAD = struct.Struct(">cI")
REQUEST, CATALOG, CANCEL = b"Q", b"K", b"C"
ACCEPTED, META, DATA, FINISHED, FAILED = b"A", b"M", b"D", b"F", b"E"


class WireError(msgspec.Struct):
    """A ``MadangError`` as it crosses."""

    kind: str
    message: str
    hint: str | None = None
    where: tuple[str, int, int] | None = None
    extra: dict[str, Any] = {}
    stats: dict[str, Any] | None = None
    """The query's statistics up to the error."""


def pack_error(error: MadangError, stats: Any = None) -> bytes:  # noqa: ANN401
    """The body of a ``FAILED`` frame."""
    at = error.where
    where = (at.name, at.line, at.column) if at else None
    packed = WireError(type(error).__name__, error.message, error.hint, where, error.extra())
    if stats is not None:
        packed.stats = msgspec.to_builtins(stats)
    return msgspec.json.encode(packed)


def unpack_error(body: bytes) -> tuple[MadangError, dict[str, Any] | None]:
    """The error of a ``FAILED`` frame, and the statistics if it came with them."""
    packed = msgspec.json.decode(body, type=WireError)
    kind = getattr(errors, packed.kind, None)
    if not (isinstance(kind, type) and issubclass(kind, MadangError)):
        kind = UnavailableError
    where = Place(*packed.where) if packed.where else None
    return kind(packed.message, hint=packed.hint, where=where, **packed.extra), packed.stats


def send(connection: socket.socket, kind: bytes, body: bytes | memoryview = b"") -> None:
    """Send one frame; blocks while the receiver is slow.

    Raises:
        OSError: The receiver is gone.
    """
    head = _HEAD.pack(kind, len(body))
    if len(body) <= 4096:
        connection.sendall(head + bytes(body))
    else:
        connection.sendall(head)
        connection.sendall(body)


def receive(connection: socket.socket) -> tuple[bytes, bytes] | None:
    """The next frame, or None at the end of the connection."""
    head = _receive_exactly(connection, _HEAD.size)
    if head is None:
        return None
    kind, size = _HEAD.unpack(head)
    if size > MAX_FRAME_BYTES:
        return None
    body = _receive_exactly(connection, size)
    return None if body is None else (kind, body)


def _receive_exactly(connection: socket.socket, size: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(min(size - len(parts), 2**20))
        if not part:
            return None
        parts += part
    return bytes(parts)


async def read_frame(reader: asyncio.StreamReader) -> tuple[bytes, bytes] | None:
    """The next frame, or None at the end of the connection."""
    try:
        kind, size = _HEAD.unpack(await reader.readexactly(_HEAD.size))
        if size > MAX_FRAME_BYTES:
            return None
        return kind, await reader.readexactly(size)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def frame(kind: bytes, body: bytes = b"") -> bytes:
    """One frame, whole."""
    return _HEAD.pack(kind, len(body)) + body
