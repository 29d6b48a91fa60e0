"""Samples as they arrive, kept as few sorted chunks: a log-structured merge in memory."""

from __future__ import annotations

from collections.abc import Sequence
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
    merged,
)
from madang.metrics.head.label_columns import Refs

_PENDING = 65_536
_PENDING_BATCHES = 64
_FACTOR = 4


@dataclass(slots=True)
class LeftOut:
    """Samples that were not kept because their series has one at that time.

    ``repeated`` had the same value, ``duplicate`` another.
    """

    repeated: int = 0
    duplicate: int = 0

    def count(self, found: Sorted) -> None:
        """Add what sorting left out."""
        self.repeated += found.repeated
        self.duplicate += found.conflicting


@dataclass(frozen=True, slots=True)
class _Level:
    chunks: tuple[Chunk, ...]
    pending: list[Rows]


@dataclass(frozen=True, slots=True)
class RunsView:
    """Runs at some moment: sorted chunks, and rows as they came."""

    chunks: tuple[Chunk, ...]
    pending: tuple[Rows, ...]

    def find(self, refs: Refs, start_ms: int, end_ms: int) -> list[Found]:
        """The samples of ``refs`` (ascending) between two times, both inclusive; oldest first.

        Where two have one time, the one that is found first is the one that counts.
        """
        found = [chunk.find(refs, start_ms, end_ms) for chunk in self.chunks]
        newest = [_pick(rows, refs, start_ms, end_ms) for rows in self.pending]
        if any(len(rows.owners) for rows in newest):
            chunk, _ = chunk_of(newest)  # whose refs are places
            found.append(chunk.all_at(chunk.refs.astype(np.int64)))
        return found


class Runs:
    """Samples of series, in chunks whose sizes grow by a factor; oldest and largest first.

    Every sample is sorted after it arrived, with others, and merged a few times. One thread
    changes it; others may take views meanwhile.

    Args:
        left_out: Counts what is not kept.
    """

    def __init__(self, left_out: LeftOut | None = None) -> None:
        # Another object for each change of what is sorted, so that a view needs no lock.
        self._level = _Level((), [])
        self._pending_count = 0
        self.left_out = left_out or LeftOut()

    def __len__(self) -> int:
        return sum(map(len, self._level.chunks)) + self._pending_count

    @property
    def chunks(self) -> int:
        """How many sorted runs there are."""
        return len(self._level.chunks) + bool(self._level.pending)

    def add(self, refs: Refs, ts_ms: Times, values: Values) -> None:
        """Add samples; the arrays are kept, not copied."""
        self._level.pending.append(Rows(refs.astype(np.int64), ts_ms, values))
        self._pending_count += len(refs)
        # A query looks at each batch by itself.
        if self._pending_count >= _PENDING or len(self._level.pending) >= _PENDING_BATCHES:
            self._sort()

    def view(self) -> RunsView:
        """What it holds now, for any thread; it stays as it is."""
        level = self._level
        return RunsView(level.chunks, tuple(level.pending))

    def chunk(self) -> Chunk:
        """All samples as one chunk."""
        self._sort()
        if len(self._level.chunks) != 1:
            self._level = _Level((self._merged(self._level.chunks),), [])
        return self._level.chunks[0]

    def clear(self) -> None:
        """Forget the samples; what was left out stays counted."""
        self._level, self._pending_count = _Level((), []), 0

    def _sort(self) -> None:
        if not self._level.pending:
            return
        chunk, found = chunk_of(self._level.pending)
        self.left_out.count(found)
        chunks = (*self._level.chunks, chunk)
        first = len(chunks) - 1
        size = len(chunk)
        while first and len(chunks[first - 1]) < _FACTOR * size:
            first -= 1
            size += len(chunks[first])
        if first < len(chunks) - 1:
            chunks = (*chunks[:first], self._merged(chunks[first:]))
        self._level, self._pending_count = _Level(chunks, []), 0

    def _merged(self, chunks: Sequence[Chunk]) -> Chunk:
        whole, found = merged(chunks)
        self.left_out.count(found)
        return whole


def _pick(rows: Rows, refs: Refs, start_ms: int, end_ms: int) -> Rows:
    """Of rows whose owners are refs, those of ``refs`` between two times, owned by their places."""
    if not len(refs) or not len(rows.owners):
        return Rows(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    places = np.minimum(np.searchsorted(refs, rows.owners), len(refs) - 1)
    kept = (refs[places] == rows.owners) & (rows.ts_ms >= start_ms) & (rows.ts_ms <= end_ms)
    return Rows(places[kept], rows.ts_ms[kept], rows.values[kept])
