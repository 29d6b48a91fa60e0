"""From selectors and subqueries to samples, at each step or in the window before it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from madang.core.errors import TooLargeError
from madang.core.samples import OPAQUE, is_opaque, is_stale
from madang.metrics.matcher import Labels, Matcher
from madang.metrics.promql.context import Context
from madang.metrics.promql.errors import QueryFailedError
from madang.metrics.promql.syntax import Anchor, Node, RangeSelector, Selector, Shift, Subquery
from madang.metrics.promql.values import Bools, Grid, Vector, as_series
from madang.metrics.promql.windows import Block, Windows, alike, ends
from madang.metrics.storage import Floats, Ints, SeriesSet

_BLOCK_CELLS = 1 << 18


def shifted(context: Context, shift: Shift) -> Grid:
    """The times that are read: one if ``@`` fixes it, else one per step."""
    at = shift.at
    if at is None:
        return context.grid.shifted(-shift.offset_ms)
    if isinstance(at, Anchor):
        at = context.query.start_ms if at is Anchor.START else context.query.end_ms
    return Grid(at - shift.offset_ms, 1, 1)


def instant(context: Context, selector: Selector) -> Vector:
    """The newest sample of each series at each step."""
    return _instant(context, selector, timed=False)[0]


def instant_and_times(context: Context, selector: Selector) -> tuple[Vector, Floats]:
    """The newest sample of each series at each step, and its time in milliseconds."""
    return _instant(context, selector, timed=True)


def _instant(context: Context, selector: Selector, *, timed: bool) -> tuple[Vector, Floats]:
    grid = shifted(context, selector.shift)
    lookback = context.options.lookback_ms
    series = _selected(context, selector, grid.start_ms - lookback + 1, grid.end_ms)
    context.budget.allocate(len(series), context.steps)
    shape = (len(series), grid.count)
    values, present = np.zeros(shape), np.zeros(shape, np.bool_)
    times = np.zeros(shape if timed else (0, 0))
    since = grid.times() - lookback
    per_series = max(grid.count, series.samples // max(len(series), 1), 1)
    size = max(_BLOCK_CELLS // per_series, 1)
    stale: Bools | None = is_stale(series.values)
    if stale is not None and not stale.any():
        stale = None
    for begin in range(0, len(series), size):
        rows = slice(begin, min(begin + size, len(series)))
        bounds = series.offsets[rows.start : rows.stop + 1]
        taken = slice(int(bounds[0]), int(bounds[-1]))
        block = _Block(
            series.ts_ms[taken],
            series.values[taken],
            None if stale is None else stale[taken],
            bounds - bounds[0],
        )
        newest = block.newest(grid, since, values[rows], present[rows])
        if timed:
            times[rows] = newest
    shape = (len(series), context.steps)
    vector = Vector(series.labels, np.broadcast_to(values, shape), np.broadcast_to(present, shape))
    kept: Bools = np.logical_or.reduce(present, axis=1)
    if timed:
        times = np.broadcast_to(times, shape)
    if kept.all():
        return vector, times
    return vector.rows(kept), times[kept] if timed else times


@dataclass(frozen=True, slots=True)
class _Block:
    """The samples of some series, and which of them are marks of staleness, if any is."""

    ts_ms: Ints
    values: Floats
    stale: Bools | None
    offsets: Ints

    def newest(self, grid: Grid, since: Ints, values: Floats, present: Bools) -> Ints:
        """Fill in the newest sample of each series at each step; returns their times.

        Args:
            grid: The steps.
            since: Per step, the time after which a sample has to be.
            values: Series × steps, to be filled.
            present: The same, whether there is one.
        """
        if alike(self.ts_ms, self.offsets):
            return self._newest_alike(grid, since, values, present)
        place = ends(self.ts_ms, self.offsets, grid) - 1
        np.greater_equal(place, self.offsets[:-1, None], out=present)
        np.maximum(place, 0, out=place)
        newest = self.ts_ms.take(place)
        present &= newest > since
        if self.stale is not None:
            present &= ~self.stale.take(place)
        self.values.take(place, out=values, mode="clip")
        return newest

    def _newest_alike(self, grid: Grid, since: Ints, values: Floats, present: Bools) -> Ints:
        """The same where all series have samples at the same times: they are looked up once."""
        times = self.ts_ms[: int(self.offsets[1])]
        place = np.searchsorted(times, grid.times(), side="right") - 1
        found = place >= 0
        np.maximum(place, 0, out=place)
        newest: Ints = times[place]
        present[...] = found & (newest > since)
        samples = (len(values), len(times))
        if self.stale is not None:
            present &= ~self.stale.reshape(samples).take(place, axis=1)
        self.values.reshape(samples).take(place, axis=1, out=values, mode="clip")
        return newest


def start_times(context: Context, selector: Selector) -> Vector:
    """The start timestamp of each series' newest sample at each step, in seconds; 0 for none."""
    grid = shifted(context, selector.shift)
    lookback = context.options.lookback_ms
    series = _selected(context, selector, grid.start_ms - lookback + 1, grid.end_ms)
    context.budget.allocate(len(series), context.steps)

    def newest(block: Block) -> tuple[Floats, Bools]:
        assert block.starts_ms is not None
        there: Bools = (block.counts > 0) & ~is_stale(block.last(block.values))
        return block.last(block.starts_ms) / 1000.0, there

    found = Windows(replace(series, starts_ms=_starts_of(series)), grid, lookback)
    return Vector(series.labels, *found.map(newest, context.steps)).without_empty()


def windows(context: Context, node: Node, *, histograms: bool = False) -> Windows:
    """The windows of a range selector or a subquery.

    Raises:
        NativeHistogramError: there are native histograms, and they are not ``histograms``, wanted.
    """
    if isinstance(node, RangeSelector):
        grid = shifted(context, node.selector.shift)
        start_ms = grid.start_ms - node.range_ms + 1
        series = _selected(context, node.selector, start_ms, grid.end_ms)
        if context.budget.histograms and not histograms and is_opaque(series.values).any():
            context.refuse_histograms()
        found = Windows(_fresh(series), grid, node.range_ms)
    elif isinstance(node, Subquery):
        found = _subquery(context, node)
    else:
        raise QueryFailedError(f"expected a range vector, got {type(node).__name__}")
    context.budget.allocate(len(found.series), context.steps)
    return found


def _subquery(context: Context, node: Subquery) -> Windows:
    grid = shifted(context, node.shift)
    step_ms = node.step_ms or context.options.subquery_step_ms
    # Steps are multiples of the step's length since 1970; a window is open at its left.
    first = ((grid.start_ms - node.range_ms) // step_ms + 1) * step_ms
    count = (grid.end_ms - first) // step_ms + 1
    if count <= 0:
        return Windows(SeriesSet.empty(), grid, node.range_ms)
    context.budget.allocate(1, count)
    inner_context = context.on(Grid(first, step_ms, count))
    inner = inner_context.vector(node.expr).without_empty()
    series = as_series(inner, inner_context.grid)
    context.budget.read(series.samples, len(series))
    return Windows(series, grid, node.range_ms, inner.unnamed)


def _selected(context: Context, selector: Selector, start_ms: int, end_ms: int) -> SeriesSet:
    sets = [_read(context, matchers, start_ms, end_ms) for matchers in selector.groups]
    series = sets[0] if len(sets) == 1 else _united(sets)
    if series.starts_ms is not None and not context.options.start_timestamps:
        series = replace(series, starts_ms=None)
    if series.histograms is None:
        if is_opaque(series.values).any():
            context.budget.histograms = True
        return series
    nothing: Any = None
    there: Bools = (series.histograms != nothing).astype(np.bool_)
    there &= ~is_stale(series.values)
    if there.any():
        context.budget.histograms = True
    values = np.where(there, OPAQUE, series.values)
    return replace(series, values=values, histograms=None)


def _read(context: Context, matchers: tuple[Matcher, ...], start_ms: int, end_ms: int) -> SeriesSet:
    try:
        series = context.storage.select(matchers, start_ms, end_ms, limit=context.budget.left)
    except TooLargeError as error:
        raise QueryFailedError(
            "query processing would load too many samples into memory in query execution: "
            f"{error.message}",
            hint="ask for less time or fewer series",
        ) from error
    context.budget.read(series.samples, len(series))
    return series


def _united(sets: list[SeriesSet]) -> SeriesSet:
    """Several answers as one; a series that is in several of them comes once."""
    seen: set[Labels] = set()
    kept: list[tuple[SeriesSet, int]] = []
    for answer in sets:
        for row, labels in enumerate(answer.labels):
            if labels not in seen:
                seen.add(labels)
                kept.append((answer, row))
    if not kept:
        return SeriesSet.empty()
    spans = [(answer, slice(*answer.offsets[row : row + 2].tolist())) for answer, row in kept]
    lengths = [span.stop - span.start for _, span in spans]
    histograms = None
    if any(answer.histograms is not None for answer in sets):
        parts = [
            np.full(span.stop - span.start, None, object)
            if answer.histograms is None
            else answer.histograms[span]
            for answer, span in spans
        ]
        histograms = np.concatenate(parts)
    starts_ms = None
    if any(answer.starts_ms is not None for answer in sets):
        starts_ms = np.concatenate([_starts_of(answer)[span] for answer, span in spans])
    return SeriesSet(
        [answer.labels[row] for answer, row in kept],
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        np.concatenate([answer.ts_ms[span] for answer, span in spans]),
        np.concatenate([answer.values[span] for answer, span in spans]),
        histograms,
        starts_ms,
    )


def _starts_of(series: SeriesSet) -> Ints:
    return np.zeros_like(series.ts_ms) if series.starts_ms is None else series.starts_ms


def _fresh(series: SeriesSet) -> SeriesSet:
    """Without the marks of staleness, which range vectors do not have."""
    stale = is_stale(series.values)
    return narrowed(series, ~stale) if stale.any() else series


def narrowed(series: SeriesSet, keep: Bools) -> SeriesSet:
    """The same series with some of their samples."""
    before: Ints = np.concatenate([[0], np.cumsum(keep)]).astype(np.int64)
    return SeriesSet(
        series.labels,
        before[series.offsets],
        series.ts_ms[keep],
        series.values[keep],
        starts_ms=None if series.starts_ms is None else series.starts_ms[keep],
    )
