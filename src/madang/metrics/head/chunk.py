"""Samples sorted by series and time, in columns: what the head is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from madang.core.distinct import distinct
from madang.metrics.head.label_columns import Refs

Times = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]
_Places = npt.NDArray[np.int64]
_Kind = TypeVar("_Kind", bound=np.generic)
_MANY = 4_096
"""From so many samples on it pays to look whether they lie evenly."""
_FEW_RANGES = 8
"""Up to so many, each is searched by itself; more are searched all at once."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Samples of some series.

    The samples of ``refs[i]`` are ``ts_ms`` and ``values`` from ``offsets[i]`` to
    ``offsets[i + 1]``; ``refs`` ascend, and the times of each series (ms since 1970).
    """

    refs: Refs
    offsets: npt.NDArray[np.int64]
    ts_ms: Times
    values: Values

    def __len__(self) -> int:
        return len(self.values)

    def slice(self, low: int, high: int) -> Chunk:
        """The samples of the series from the place ``low`` to before ``high``; no copy."""
        begin, end = self.offsets[low], self.offsets[high]
        offsets = self.offsets[low : high + 1] - begin
        return Chunk(self.refs[low:high], offsets, self.ts_ms[begin:end], self.values[begin:end])

    def find(self, refs: Refs, start_ms: int, end_ms: int) -> Found:
        """Where samples of ``refs`` (ascending) between two times, both inclusive, are."""
        if not len(self.refs) or not len(refs):
            none = np.empty(0, np.int64)
            return Found(self, none, none, none)
        places = np.minimum(np.searchsorted(self.refs, refs), len(self.refs) - 1)
        wanted = np.flatnonzero(self.refs[places] == refs)
        places = places[wanted]
        begins, ends = self.offsets[places], self.offsets[places + 1]
        first = _first_not_below(self.ts_ms, begins, ends, start_ms)
        last = _first_not_below(self.ts_ms, first, ends, end_ms + 1)
        return Found(self, wanted, first, last - first)

    def all_at(self, places: npt.NDArray[np.int64]) -> Found:
        """All samples, those of ``refs[i]`` at place ``places[i]`` among the series meant."""
        return Found(self, places, self.offsets[:-1], np.diff(self.offsets))


@dataclass(frozen=True, slots=True)
class Found:
    """Samples in a chunk: of each of ``wanted`` (places among the series meant), ``counts``.

    They stand from ``first`` on.
    """

    chunk: Chunk
    wanted: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return int(self.counts.sum())

    def places(self) -> npt.NDArray[np.int64]:
        """Where the samples stand in the chunk."""
        return _ranges(self.first, self.counts)

    def rows(self) -> Rows:
        """The samples."""
        taken = self.places()
        owners = np.repeat(self.wanted, self.counts)
        return Rows(owners, self.chunk.ts_ms[taken], self.chunk.values[taken])


@dataclass(frozen=True, slots=True)
class Rows:
    """Samples one by one; ``owners`` says whose each is, by its place among the series meant."""

    owners: npt.NDArray[np.int64]
    ts_ms: Times
    values: Values

    def __len__(self) -> int:
        return len(self.owners)

    def owned_by(self, owners: npt.NDArray[np.int64]) -> Rows:
        """The same samples, of ``owners[i]`` where they were of ``i``."""
        return Rows(owners[self.owners], self.ts_ms, self.values)


@dataclass(frozen=True, slots=True)
class Sorted:
    """Samples in order, and what was left out of them.

    ``repeated`` had a time and value that were there before, ``conflicting`` a time that was there
    with another value: the first one stays.
    """

    owners: npt.NDArray[np.int64]
    ts_ms: Times
    values: Values
    repeated: int
    conflicting: int

    def offsets(self, count: int) -> npt.NDArray[np.int64]:
        """Where the samples of each of ``count`` owners begin, and where the last one's end."""
        found: npt.NDArray[np.int64] = np.searchsorted(self.owners, np.arange(count + 1))
        return found


def in_order(parts: Sequence[Rows]) -> Sorted:
    """Samples sorted by owner and time.

    Args:
        parts: What came first is before what came later; where two have one time the first stays.
    """
    owners = np.concatenate([part.owners for part in parts] or [np.empty(0, np.int64)])
    ts_ms = np.concatenate([part.ts_ms for part in parts] or [np.empty(0, np.int64)])
    values = np.concatenate([part.values for part in parts] or [np.empty(0)])
    if np.any(owners[1:] < owners[:-1]):
        # Stable, and quick where it is made of sorted runs, which pages and chunks are.
        order = np.argsort(owners, kind="stable")
        owners, ts_ms, values = owners[order], ts_ms[order], values[order]
    return _settled(owners, ts_ms, values)


def gathered(parts: Sequence[Found], count: int) -> Sorted:
    """What was found of ``count`` series, sorted by their places and time, without a sort.

    Args:
        parts: What came first is before what came later; where two have one time the first stays.
        count: How many series were meant.
    """
    totals = np.zeros(count, np.int64)
    for part in parts:
        totals[part.wanted] += part.counts
    filled = np.cumsum(totals) - totals
    size = int(totals.sum())
    ts_ms, values = np.empty(size, np.int64), np.empty(size)
    for part in parts:
        begins = filled[part.wanted]
        filled[part.wanted] += part.counts
        many = len(part) >= _MANY
        if many and _evenly(part.first, part.counts) and _evenly(begins, part.counts):
            for whole, own in ((ts_ms, part.chunk.ts_ms), (values, part.chunk.values)):
                _matrix(whole, begins, part.counts)[...] = _matrix(own, part.first, part.counts)
            continue
        source, target = _ranges(part.first, part.counts), _ranges(begins, part.counts)
        ts_ms[target] = part.chunk.ts_ms[source]
        values[target] = part.chunk.values[source]
    return _settled(np.repeat(np.arange(count), totals), ts_ms, values)


def _settled(owners: npt.NDArray[np.int64], ts_ms: Times, values: Values) -> Sorted:
    """Samples that are sorted by owner, in the order of their times, each time once."""
    # Mostly only the first samples of series are not after the one before.
    back = np.flatnonzero(ts_ms[1:] <= ts_ms[:-1])
    back = back[owners[back + 1] == owners[back]]
    if not len(back):
        return Sorted(owners, ts_ms, values, 0, 0)
    if np.any(ts_ms[back + 1] < ts_ms[back]):
        order = np.lexsort((ts_ms, owners))
        owners, ts_ms, values = owners[order], ts_ms[order], values[order]
        back = np.flatnonzero((owners[1:] == owners[:-1]) & (ts_ms[1:] == ts_ms[:-1]))
    again = back + 1
    if not len(again):
        return Sorted(owners, ts_ms, values, 0, 0)
    kept = np.ones(len(owners), np.bool_)
    kept[again] = False
    first = np.flatnonzero(kept)
    stays = first[np.searchsorted(first, again) - 1]
    bits = values.view(np.uint64)
    equal = int(np.count_nonzero(bits[stays] == bits[again]))
    return Sorted(owners[kept], ts_ms[kept], values[kept], equal, len(again) - equal)


def chunk_of(parts: Sequence[Rows]) -> tuple[Chunk, Sorted]:
    """A chunk of samples whose owners are refs, and what was left out."""
    found = in_order(parts)
    first = np.flatnonzero(np.diff(found.owners, prepend=-1))
    offsets = np.append(first, len(found.owners)).astype(np.int64)
    refs = found.owners[first].astype(np.int32)
    return Chunk(refs, offsets, found.ts_ms, found.values), found


def merged(chunks: Sequence[Chunk]) -> tuple[Chunk, Sorted]:
    """Chunks as one, and what was left out; what came first is before what came later."""
    refs = distinct(*(chunk.refs for chunk in chunks))
    parts = [chunk.all_at(np.searchsorted(refs, chunk.refs)) for chunk in chunks]
    found = gathered(parts, len(refs))
    return Chunk(refs, found.offsets(len(refs)), found.ts_ms, found.values), found


def _first_not_below(ts_ms: Times, begins: _Places, ends: _Places, bound: int) -> _Places:
    """For each range of ``ts_ms``, the first place with a time not below ``bound``, or its end."""
    if len(begins) <= _FEW_RANGES:
        ranges = zip(begins.tolist(), ends.tolist(), strict=True)
        found = [begin + int(ts_ms[begin:end].searchsorted(bound)) for begin, end in ranges]
        return np.array(found, np.int64)
    low, high = begins.copy(), ends.copy()
    open_ = np.flatnonzero(low < high)
    while len(open_):
        middle = (low[open_] + high[open_]) // 2
        below = ts_ms[middle] < bound
        low[open_[below]] = middle[below] + 1
        high[open_[~below]] = middle[~below]
        open_ = open_[low[open_] < high[open_]]
    return low


def _ranges(begins: _Places, counts: _Places) -> _Places:
    """The numbers of all ranges, one after the other."""
    total = int(counts.sum())
    before = np.cumsum(counts) - counts
    places: _Places = np.arange(total) + np.repeat(begins - before, counts)
    return places


def _evenly(begins: _Places, counts: _Places) -> bool:
    """Whether ranges have one length and lie at one distance, as those of one scrape do."""
    if len(begins) < 2:
        return len(begins) == 1
    return bool(np.all(counts == counts[0]) and np.all(np.diff(begins) == begins[1] - begins[0]))


def _matrix(array: npt.NDArray[_Kind], begins: _Places, counts: _Places) -> npt.NDArray[_Kind]:
    """Ranges of an array that lie evenly, as the rows of a matrix; no copy."""
    step = int(begins[1] - begins[0]) if len(begins) > 1 else 0
    strides = (step * array.strides[0], array.strides[0])
    found: npt.NDArray[_Kind] = np.lib.stride_tricks.as_strided(
        array[int(begins[0]) :], (len(begins), int(counts[0])), strides
    )
    return found
