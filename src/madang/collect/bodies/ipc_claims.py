"""What an Arrow IPC body claims to hold, read off its metadata before Arrow allocates it.

Compressed buffers say how large they unpack; Arrow believes them. Source: the Arrow columnar
format, "Serialization and IPC" (https://arrow.apache.org/docs/format/Columnar.html), and its
Message.fbs and File.fbs. Only the few fields that count are read, each offset checked.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from madang.core.errors import InvalidInputError, TooLargeError

MAGIC = b"ARROW1"
_CONTINUATION = 0xFFFFFFFF
_DICTIONARY_BATCH, _RECORD_BATCH = 2, 3
_BLOCK_BYTES = 24
_BUFFERS_OF_NODE = 4
"""A column has three buffers at most, views aside; a batch of more counts as more columns."""
_MAX_NODES = 2**20
"""Columns × batches of a body: each takes some hundred bytes, however few rows it has."""
_MAX_MESSAGES = 2**16
"""Batches of a body: each takes some 30 µs, however little is in it."""
_CAP = 2**40
"""A claim above this counts as this: sums of claims stay within 64 bits."""


@dataclass(frozen=True, slots=True)
class Claims:
    """Of all batches of a body: ``rows``, ``nodes`` (columns × batches), buffers unpacked.

    A batch without columns counts as a node, too.
    """

    rows: int
    nodes: int
    size_bytes: int


class _DamagedError(ValueError):
    """An offset leads out of the body."""


def read_claims(body: memoryview) -> Claims:
    """The claims of an IPC stream or file.

    Raises:
        InvalidInputError: the metadata is damaged.
        TooLargeError: very many batches, or columns in all of them; the rest is not looked at.
    """
    rows = nodes = size_bytes = 0
    try:
        for number, (meta, start) in enumerate(_messages(body)):
            if number > _MAX_MESSAGES:
                raise _too_many(_MAX_MESSAGES, "batches")
            found = _batch(meta, body, start)
            if found is not None:
                rows += found.rows
                nodes += max(1, found.nodes)
                size_bytes += found.size_bytes
            if nodes > _MAX_NODES:
                raise _too_many(_MAX_NODES, "columns in all batches")
    except _DamagedError:
        raise InvalidInputError("the body is not Arrow IPC: its metadata is damaged") from None
    return Claims(rows, nodes, size_bytes)


def _too_many(most: int, what: str) -> TooLargeError:
    return TooLargeError(
        f"the body holds more than {most:,} {what}",
        hint="send larger batches, or fewer in a request",
    )


def _messages(body: memoryview) -> Iterator[tuple[memoryview, int]]:
    """The metadata of each message, and where its buffers begin."""
    if body[: len(MAGIC)] == MAGIC:
        yield from _of_file(body)
        return
    at = 0
    while at < len(body):
        meta, at = _metadata(body, at)
        if not meta:
            return
        yield meta, at
        at += max(0, _long(meta, _field(meta, _root(meta), 3)))


def _of_file(body: memoryview) -> Iterator[tuple[memoryview, int]]:
    end = len(body) - len(MAGIC) - 4
    size = _int(body, end)
    footer = _cut(body, end - size, size)
    for index in (2, 3):
        vector = _vector(footer, _field(footer, _root(footer), index))
        count = _int(footer, vector) if vector is not None else 0
        for number in range(count if vector is not None else 0):
            at = _long(footer, (vector or 0) + 4 + number * _BLOCK_BYTES)
            meta, start = _metadata(body, at)
            yield meta, start


def _metadata(body: memoryview, at: int) -> tuple[memoryview, int]:
    size = _uint(body, at)
    at += 4
    if size == _CONTINUATION:
        size = _uint(body, at)
        at += 4
    return _cut(body, at, size), at + size


def _batch(meta: memoryview, body: memoryview, start: int) -> Claims | None:
    message = _root(meta)
    kind_at = _field(meta, message, 1)
    kind = meta[kind_at] if kind_at is not None and 0 <= kind_at < len(meta) else 0
    batch = _table(meta, _field(meta, message, 2))
    if kind == _DICTIONARY_BATCH:
        batch = _table(meta, _field(meta, batch, 1))
    elif kind != _RECORD_BATCH:
        return None
    rows = _long(meta, _field(meta, batch, 0)) if kind == _RECORD_BATCH else 0
    nodes_at = _vector(meta, _field(meta, batch, 1))
    buffers_at = _vector(meta, _field(meta, batch, 2))
    nodes = _int(meta, nodes_at) if nodes_at is not None else 0
    if buffers_at is None:
        return Claims(max(rows, 0), nodes, 0)
    count = _int(meta, buffers_at)
    spans = np.frombuffer(_cut(meta, buffers_at + 4, 16 * count), "<i8").reshape(count, 2)
    nodes = max(nodes, count // _BUFFERS_OF_NODE)
    offsets, lengths = spans[:, 0], spans[:, 1]
    if (lengths < 0).any() or (offsets < 0).any() or (offsets > len(body)).any():
        raise _DamagedError
    if _field(meta, batch, 3) is not None:
        lengths = _unpacked(body, offsets + start, lengths)
    return Claims(max(rows, 0), nodes, int(np.minimum(lengths, _CAP).sum()))


def _unpacked(body: memoryview, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """What compressed buffers claim: the number in front of each; -1 means it is as it is."""
    packed = lengths >= 8
    begin = starts[packed]
    if (begin + 8 > len(body)).any():
        raise _DamagedError
    array = np.frombuffer(body, np.uint8)
    claims = array[begin[:, None] + np.arange(8)].view("<i8")[:, 0]
    sizes = lengths.copy()
    sizes[packed] = np.where(claims < 0, lengths[packed], claims)
    return sizes


def _cut(data: memoryview, at: int, size: int) -> memoryview:
    if at < 0 or size < 0 or at + size > len(data):
        raise _DamagedError
    return data[at : at + size]


def _int(data: memoryview, at: int) -> int:
    return int(struct.unpack("<i", _cut(data, at, 4))[0])


def _uint(data: memoryview, at: int) -> int:
    return int(struct.unpack("<I", _cut(data, at, 4))[0])


def _long(data: memoryview, at: int | None) -> int:
    return 0 if at is None else int(struct.unpack("<q", _cut(data, at, 8))[0])


def _root(data: memoryview) -> int:
    return _uint(data, 0)


def _field(data: memoryview, table: int, index: int) -> int | None:
    """Where field ``index`` of a flatbuffer's table stands; None where it has its default."""
    vtable = table - _int(data, table)
    slot = 4 + 2 * index
    if slot + 2 > struct.unpack("<H", _cut(data, vtable, 2))[0]:
        return None
    offset = struct.unpack("<H", _cut(data, vtable + slot, 2))[0]
    return table + offset if offset else None


def _table(data: memoryview, at: int | None) -> int:
    if at is None:
        raise _DamagedError
    return at + _uint(data, at)


def _vector(data: memoryview, at: int | None) -> int | None:
    return None if at is None else at + _uint(data, at)
