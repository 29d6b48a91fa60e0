"""Idempotency keys of a partition: the youngest N, about 60 bytes each.

A ring of rows in columns of machine integers, found through chained buckets. A dictionary of
200,000 keys takes 40 to 60 MB; this takes about 14.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

_FIRST_CAPACITY = 256
_DTYPES = {
    "high": np.uint64,
    "low": np.uint64,
    "sequence": np.int64,
    "base": np.uint64,
    "appended": np.int64,
    "count": np.uint32,
    "split": np.uint32,
}


@dataclass(frozen=True, slots=True)
class ProducerEntry:
    """The last batch of a producer: its sequence and where it lies."""

    sequence: int
    base_offset: int
    count: int
    appended_at_us: int
    split: int = 0


def digest_of(producer: str) -> tuple[int, int]:
    """128 bits that stand for a producer's name."""
    raw = hashlib.blake2b(producer.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return int.from_bytes(raw[:8], "little"), int.from_bytes(raw[8:], "little")


class KeyTable:
    """Digest → :class:`ProducerEntry`; forgets the oldest beyond ``bound`` or behind a time."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._first = self._next = 0
        self._allocate(_FIRST_CAPACITY)

    def _allocate(self, capacity: int) -> None:
        self._capacity = capacity
        self._columns = {name: np.zeros(capacity, dtype) for name, dtype in _DTYPES.items()}
        self._views = {name: memoryview(column.data) for name, column in self._columns.items()}
        self._links = np.full(capacity, -1, np.int32).data
        self._buckets = np.full(capacity, -1, np.int32).data

    def __len__(self) -> int:
        return self._next - self._first

    def find(self, digest: tuple[int, int]) -> ProducerEntry | None:
        """The entry of ``digest``, or None."""
        row = self._row_of(digest)
        if row < 0:
            return None
        views = self._views
        return ProducerEntry(
            views["sequence"][row],
            views["base"][row],
            views["count"][row],
            views["appended"][row],
            views["split"][row],
        )

    def put(self, digest: tuple[int, int], entry: ProducerEntry) -> None:
        """Remember ``entry`` as the youngest, or replace what ``digest`` had in its place."""
        row = self._row_of(digest)
        if row < 0:
            while len(self) >= self._bound:
                self._forget_oldest()
            if len(self) == self._capacity:
                self._grow()
            row = self._next & (self._capacity - 1)
            self._next += 1
            self._views["high"][row], self._views["low"][row] = digest
            bucket = digest[0] & (self._capacity - 1)
            self._links[row] = self._buckets[bucket]
            self._buckets[bucket] = row
        views = self._views
        views["sequence"][row] = entry.sequence
        views["base"][row] = entry.base_offset
        views["count"][row] = entry.count
        views["appended"][row] = entry.appended_at_us
        views["split"][row] = entry.split

    def forget_before(self, time_us: int) -> None:
        """Forget entries appended before ``time_us``."""
        while (
            self._first < self._next
            and self._views["appended"][self._first & (self._capacity - 1)] < time_us
        ):
            self._forget_oldest()

    def encode(self) -> bytes:
        """The rows, oldest first, column by column; ``len(self)`` of them."""
        rows = np.arange(self._first, self._next) & (self._capacity - 1)
        return b"".join(column[rows].tobytes() for column in self._columns.values())

    @classmethod
    def decode(cls, raw: bytes, count: int, bound: int) -> KeyTable:
        """The table that :meth:`encode` wrote; if it is larger than ``bound``, its youngest part.

        Raises:
            ValueError: ``raw`` has not the size that ``count`` rows take.
        """
        table = cls(bound)
        capacity = _FIRST_CAPACITY
        while capacity < count:
            capacity *= 2
        table._allocate(capacity)
        at = 0
        for name, dtype in _DTYPES.items():
            size = count * np.dtype(dtype).itemsize
            table._columns[name][:count] = np.frombuffer(raw[at : at + size], dtype)
            at += size
        table._next = count
        table._link_all()
        while len(table) > bound:
            table._forget_oldest()
        return table

    @staticmethod
    def encoded_size(count: int) -> int:
        """Bytes that ``count`` rows take."""
        return count * sum(np.dtype(dtype).itemsize for dtype in _DTYPES.values())

    def _row_of(self, digest: tuple[int, int]) -> int:
        high, low = digest
        row = self._buckets[high & (self._capacity - 1)]
        views, links = self._views, self._links
        while row >= 0 and (views["low"][row] != low or views["high"][row] != high):
            row = links[row]
        return row

    def _forget_oldest(self) -> None:
        row = self._first & (self._capacity - 1)
        bucket = self._views["high"][row] & (self._capacity - 1)
        if self._buckets[bucket] == row:
            self._buckets[bucket] = self._links[row]
        else:
            before = self._buckets[bucket]
            while self._links[before] != row:
                before = self._links[before]
            self._links[before] = self._links[row]
        self._first += 1

    def _grow(self) -> None:
        rows = np.arange(self._first, self._next) & (self._capacity - 1)
        kept = {name: column[rows] for name, column in self._columns.items()}
        self._allocate(self._capacity * 2)
        for name, column in kept.items():
            self._columns[name][: len(rows)] = column
        self._first, self._next = 0, len(rows)
        self._link_all()

    def _link_all(self) -> None:
        """Chain rows 0 to next, which lie in order of age; the youngest comes first in a chain."""
        count = self._next
        if not count:
            return
        buckets = (self._columns["high"][:count] & np.uint64(self._capacity - 1)).astype(np.int64)
        order = np.argsort(buckets, kind="stable").astype(np.int32)
        grouped = buckets[order]
        same = grouped[1:] == grouped[:-1]
        links = np.asarray(self._links)
        links[order[1:][same]] = order[:-1][same]
        last = np.append(~same, True)
        np.asarray(self._buckets)[grouped[last]] = order[last]
