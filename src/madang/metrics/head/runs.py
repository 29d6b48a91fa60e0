"""Samples as they arrive, kept as few sorted chunks: a log-structured merge in memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from madang.metrics.head.chunk import (
    Chunk,
    Found,
    Rows,
    Sorted,
    Times,
    Values,
    chunk_of,
    rows_of,
)
from madang.metrics.head.label_columns import Refs

_PENDING = 65_536
_FACTOR = 4


@dataclass(slots=True)
class LeftOut:
    """Samples that were not kept, by reason."""

    repeated: int = 0
    conflicting: int = 0

    def count(self, found: Sorted) -> None:
        """Add what sorting left out."""
        self.repeated += found.repeated
        self.conflicting += found.conflicting


class Runs:
    """Samples of series, in chunks whose sizes grow by a factor; oldest and largest first.

    Every sample is sorted when it arrives, with others, and merged a few times. Not thread-safe.
    """

    def __init__(self) -> None:
        self._chunks: list[Chunk] = []
        self._pending: list[Rows] = []
        self._pending_count = 0
        self.left_out = LeftOut()

    def __len__(self) -> int:
        return sum(map(len, self._chunks)) + self._pending_count

    @property
    def chunks(self) -> int:
        """How many sorted runs there are."""
        return len(self._chunks) + bool(self._pending)

    def add(self, refs: Refs, ts_ms: Times, values: Values) -> None:
        """Add samples; the arrays are kept, not copied."""
        self._pending.append(Rows(refs.astype(np.int64), ts_ms, values))
        self._pending_count += len(refs)
        if self._pending_count >= _PENDING:
            self._sort()

    def find(self, refs: Refs, start_ms: int, end_ms: int) -> list[Found]:
        """The samples of ``refs`` (ascending) between two times, both inclusive; oldest first."""
        self._sort()
        return [chunk.find(refs, start_ms, end_ms) for chunk in self._chunks]

    def chunk(self) -> Chunk:
        """All samples as one chunk."""
        self._sort()
        if len(self._chunks) != 1:
            self._merge(0)
        return self._chunks[0]

    def clear(self) -> None:
        """Forget the samples; what was left out stays counted."""
        self._chunks, self._pending, self._pending_count = [], [], 0

    def _sort(self) -> None:
        if not self._pending:
            return
        chunk, found = chunk_of(self._pending)
        self.left_out.count(found)
        self._chunks.append(chunk)
        self._pending, self._pending_count = [], 0
        first = len(self._chunks) - 1
        size = len(chunk)
        while first and len(self._chunks[first - 1]) < _FACTOR * size:
            first -= 1
            size += len(self._chunks[first])
        if first < len(self._chunks) - 1:
            self._merge(first)

    def _merge(self, first: int) -> None:
        merged, found = chunk_of([rows_of(chunk) for chunk in self._chunks[first:]])
        self.left_out.count(found)
        self._chunks[first:] = [merged]
