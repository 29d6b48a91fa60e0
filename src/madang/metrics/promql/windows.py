"""Range vectors: for each series and step, which of the series' samples are in the window.

The windows of all series are found in one pass over the samples and one over the windows.
Functions get them in blocks that fit the processor's caches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from madang.metrics.matcher import Labels
from madang.metrics.promql.values import Bools, Grid
from madang.metrics.storage import Floats, Ints, SeriesSet

_Array = TypeVar("_Array", Floats, Ints)
_BLOCK = 1 << 15
"""How many windows, or samples, a block has, about."""
_GATHER = 1 << 19
"""How many samples are gathered at once where windows are laid out side by side."""


@dataclass(frozen=True, slots=True)
class Block:
    """Some series with their windows.

    The window of series ``i`` that ends at step ``k`` is ``lo[i, k]`` to before ``hi[i, k]`` of
    ``ts_ms`` and ``values``. ``offsets`` are those of the series. ``ends`` are the times at which
    windows end: one per step, or a single one for all. ``starts_ms`` are the start timestamps of
    the samples, 0 where there is none; None if none has one.
    """

    offsets: Ints
    ts_ms: Ints
    values: Floats
    lo: Ints
    hi: Ints
    ends: Ints
    range_ms: int
    starts_ms: Ints | None = None

    @property
    def counts(self) -> Ints:
        """How many samples each window has."""
        return self.hi - self.lo

    def first(self, array: Floats | Ints) -> Floats:
        """The first sample of each window; of an empty one any number."""
        return _taken(array, self.lo)

    def last(self, array: Floats | Ints | Bools, back: int = 0) -> Floats:
        """The last sample of each window, or one ``back`` before it."""
        return _taken(array, self.hi - 1 - back)

    def within(self, flags: Bools) -> Ints:
        """How many samples of each window have a flag, the first one of each window left out."""
        running = np.concatenate([[0], np.cumsum(flags)])
        low = np.minimum(self.lo + 1, self.hi)
        counts: Ints = running[self.hi] - running[low]
        return counts

    def changes_from_previous(self) -> tuple[Floats, Floats]:
        """Each sample's value and that of the sample before it, whatever series that is of.

        The first sample of all is compared with itself. Where windows leave out their first
        sample, no pair crosses from one series to the next.
        """
        return self.values, before_each(self.values)

    def reduce(self, ufunc: np.ufunc, array: Floats) -> Floats:
        """A ufunc over each window's samples, in their order; of an empty one any number."""
        if not array.size:
            return np.zeros(self.lo.shape)
        bounds = np.empty(2 * self.lo.size, np.int64)
        bounds[0::2] = self.lo.ravel()
        bounds[1::2] = self.hi.ravel()
        # A bound at the very end is no place of reduceat: an element more makes it one.
        padded = np.append(array, array[-1:])
        reduced: Floats = ufunc.reduceat(padded, bounds)[0::2]
        return reduced.reshape(self.lo.shape)

    def gathered(self) -> Iterator[tuple[Ints, Ints]]:
        """Windows laid out side by side, those of one length at a time; empty ones are left out.

        Yields:
            places of windows (flat, over series × steps), and for each window a row with the
            places of its samples.
        """
        lengths = self.counts.ravel()
        low = self.lo.ravel()
        order = np.argsort(lengths, kind="stable")
        distinct, firsts = np.unique(lengths[order], return_index=True)
        bounds = np.append(firsts, len(order))
        for length, begin, end in zip(distinct.tolist(), bounds[:-1], bounds[1:], strict=True):
            if length <= 0:
                continue
            rows = max(_GATHER // length, 1)
            for at in range(begin, end, rows):
                cells = order[at : min(at + rows, end)]
                yield cells, low[cells][:, None] + np.arange(length)


RangeFunction: TypeAlias = Callable[[Block], tuple[Floats, Bools]]
"""From windows to a value each, and whether there is one."""


def before_each(array: _Array) -> _Array:
    """For each sample what the one before it has; the first of all is its own predecessor."""
    previous: _Array = np.concatenate([array[:1], array[:-1]])
    return previous


def _taken(array: npt.NDArray[Any], index: Ints) -> Floats:
    if not array.size:
        return np.zeros(index.shape)
    taken: Floats = array.take(index, mode="clip")
    return taken


@dataclass(frozen=True, slots=True)
class Windows:
    """A range vector at each step.

    ``grid`` holds the ends of the windows: one per step, or one if the window is the same at all
    steps.
    """

    series: SeriesSet
    grid: Grid
    range_ms: int
    unnamed: Bools | None = None

    @property
    def labels(self) -> Sequence[Labels]:
        """The labels of the series."""
        return self.series.labels

    def at_every_step(self, steps: int) -> Windows:
        """With a window for each step, even if all are the same."""
        if self.grid.count == steps:
            return self
        return replace(self, grid=Grid(self.grid.start_ms, 0, steps))

    def blocks(self) -> Iterator[tuple[slice, Block]]:
        """All windows, some series at a time."""
        offsets = self.series.offsets
        per_series = max(self.grid.count, self.series.samples // max(len(self.series), 1), 1)
        size = max(_BLOCK // per_series, 1)
        for begin in range(0, len(self.series), size):
            rows = slice(begin, min(begin + size, len(self.series)))
            yield rows, self._block(offsets[rows.start : rows.stop + 1])

    def _block(self, bounds: Ints) -> Block:
        taken = slice(int(bounds[0]), int(bounds[-1]))
        times = self.series.ts_ms[taken]
        offsets = bounds - bounds[0]
        low, high = self._bounds(times, offsets)
        values = self.series.values[taken]
        starts = None if self.series.starts_ms is None else self.series.starts_ms[taken]
        return Block(offsets, times, values, low, high, self.grid.times(), self.range_ms, starts)

    def _bounds(self, ts_ms: Ints, offsets: Ints) -> tuple[Ints, Ints]:
        grid = self.grid
        earlier = grid.shifted(-self.range_ms)
        ahead, rest = divmod(self.range_ms, grid.step_ms or 1)
        if rest or grid.step_ms == 0 or grid.count == 1 or ahead > grid.count:
            return ends(ts_ms, offsets, earlier), ends(ts_ms, offsets, grid)
        # Each window begins where an earlier step's window ends: both are found in one pass.
        places = ends(ts_ms, offsets, replace(earlier, count=grid.count + ahead))
        return places[:, : grid.count], places[:, ahead:]

    def map(self, function: RangeFunction, steps: int) -> tuple[Floats, Bools]:
        """A function over all windows: values and presence, series × steps."""
        values = np.zeros((len(self.series), steps))
        present = np.zeros((len(self.series), steps), np.bool_)
        for rows, block in self.blocks():
            values[rows], present[rows] = function(block)
        return values, present


def ends(ts_ms: Ints, offsets: Ints, grid: Grid) -> Ints:
    """For each series and step: the place after the last sample that is not after the step.

    Args:
        ts_ms: Times of samples, ascending within each series.
        offsets: Where each series' samples begin, and the end.
        grid: The steps.
    """
    series = len(offsets) - 1
    lengths = np.diff(offsets)
    if grid.count == 1 or grid.step_ms == 0:
        before = np.concatenate([[0], np.cumsum(ts_ms <= grid.start_ms)])
        single: Ints = offsets[:-1] + before[offsets[1:]] - before[offsets[:-1]]
        return np.broadcast_to(single[:, None], (series, grid.count))
    if series > 1 and alike(ts_ms, offsets):
        length = int(lengths[0])
        return ends(ts_ms[:length], np.array([0, length]), grid) + offsets[:-1, None]
    # A sample counts from the first step on that is not before it.
    step = -((grid.start_ms - ts_ms) // grid.step_ms)
    np.clip(step, 0, grid.count, out=step)
    step += np.repeat(np.arange(series, dtype=np.int64) * (grid.count + 1), lengths)
    counts = np.bincount(step, minlength=series * (grid.count + 1))
    places = counts.reshape(series, grid.count + 1)[:, : grid.count].astype(np.int64, copy=False)
    places = np.cumsum(places, axis=1)
    places += offsets[:-1, None]
    return places


def alike(ts_ms: Ints, offsets: Ints) -> bool:
    """Whether all series have samples at the same times, as those of one target have."""
    lengths = np.diff(offsets)
    if not len(lengths) or not lengths[0] or bool((lengths != lengths[0]).any()):
        return False
    rows = ts_ms.reshape(len(lengths), -1)
    # The last series is likely to differ if any does.
    return bool((rows[-1] == rows[0]).all() and (rows == rows[0]).all())
