"""``…_over_time``: a window's samples made one value."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from madang.metrics.promql.context import Context
from madang.metrics.promql.functions.family import Function, Histograms, of_windows, over_gathered
from madang.metrics.promql.quantiles import quantile_of_sorted, warn_of_quantiles
from madang.metrics.promql.sums import cancels, row_sums
from madang.metrics.promql.syntax import Call
from madang.metrics.promql.values import Bools, Value
from madang.metrics.promql.windows import Block, RangeFunction
from madang.metrics.storage import Floats, Ints


def _simple(
    function: RangeFunction, *, named: bool = False, histograms: Histograms = Histograms.REFUSED
) -> Function:
    def call(context: Context, node: Call) -> Value:
        return of_windows(context, node.args[-1], function, named=named, histograms=histograms)

    return call


def _rows(function: Callable[[Floats], Floats]) -> Function:
    """A function of windows laid out side by side as rows of values."""
    return _simple(
        lambda block: over_gathered(block, lambda values, _, __: function(values)),
        histograms=Histograms.IGNORED,
    )


def _sum(block: Block) -> tuple[Floats, Bools]:
    if cancels(block.values):
        return over_gathered(block, lambda values, _, __: row_sums(values))
    return block.reduce(np.add, block.values), block.counts > 0


def _avg(block: Block) -> tuple[Floats, Bools]:
    sums, present = _sum(block)
    counts = np.maximum(block.counts, 1)
    means = sums / counts
    overflown = ~np.isfinite(sums) & present
    if overflown.any():
        # A sum may be too large for a float where its mean is not.
        rows, _ = over_gathered(block, lambda values, _, __: mean_of_rows(values))
        means = np.where(overflown, rows, means)
    return means, present


def mean_of_rows(values: Floats) -> Floats:
    """The mean of each row, also where its sum is too large for a float."""
    shares: Floats = values / values.shape[1]
    return row_sums(shares)


def _stdvar_rows(values: Floats) -> Floats:
    means = mean_of_rows(values)
    variances: Floats = row_sums((values - means[:, None]) ** 2) / values.shape[1]
    return variances


def _mad_rows(values: Floats) -> Floats:
    half = np.full(len(values), 0.5)
    median = quantile_of_sorted(half, np.sort(values, axis=1))
    found = quantile_of_sorted(half, np.sort(np.abs(values - median[:, None]), axis=1))
    return np.where(np.isnan(values).any(axis=1), np.nan, found)


def _count(block: Block) -> tuple[Floats, Bools]:
    return block.counts.astype(np.float64), block.counts > 0


def _present(block: Block) -> tuple[Floats, Bools]:
    return np.ones(block.lo.shape), block.counts > 0


def _first(block: Block) -> tuple[Floats, Bools]:
    return block.first(block.values), block.counts > 0


def _last(block: Block) -> tuple[Floats, Bools]:
    return block.last(block.values), block.counts > 0


def _ts_of_first(block: Block) -> tuple[Floats, Bools]:
    return block.first(block.ts_ms) / 1000.0, block.counts > 0


def _ts_of_last(block: Block) -> tuple[Floats, Bools]:
    return block.last(block.ts_ms) / 1000.0, block.counts > 0


def _min(block: Block) -> tuple[Floats, Bools]:
    return block.reduce(np.fmin, block.values), block.counts > 0


def _max(block: Block) -> tuple[Floats, Bools]:
    return block.reduce(np.fmax, block.values), block.counts > 0


def _ts_of(sign: float) -> Function:
    def latest(values: Floats, ts_ms: Ints, step: Ints) -> Floats:
        signed = np.where(np.isnan(values), -np.inf, sign * values)
        # Of equal values the latest counts; argmax finds the first of a reversed row.
        place = values.shape[1] - 1 - np.argmax(signed[:, ::-1], axis=1)
        found: Floats = ts_ms[np.arange(len(values)), place] / 1000.0
        return found

    return _simple(lambda block: over_gathered(block, latest), histograms=Histograms.IGNORED)


def _quantile(context: Context, node: Call) -> Value:
    quantiles = context.scalar(node.args[0])

    def function(values: Floats, ts_ms: Ints, step: Ints) -> Floats:
        return quantile_of_sorted(quantiles[step], _nan_first(values))

    result = of_windows(
        context,
        node.args[1],
        lambda block: over_gathered(block, function),
        every_step=True,
        histograms=Histograms.IGNORED,
    )
    if len(result):
        warn_of_quantiles(context, quantiles[result.present.any(axis=0)], node.args[0].pos)
    return result


def _nan_first(values: Floats) -> Floats:
    """Rows sorted, NaN before all numbers."""
    ordered = np.sort(values, axis=1)
    missing = np.isnan(ordered).sum(axis=1)
    if not missing.any():
        return ordered
    place = (np.arange(values.shape[1])[None, :] - missing[:, None]) % values.shape[1]
    return np.take_along_axis(ordered, place, axis=1)


FUNCTIONS: dict[str, Function] = {
    "sum_over_time": _simple(_sum),
    "avg_over_time": _simple(_avg),
    "count_over_time": _simple(_count, histograms=Histograms.TAKEN),
    "present_over_time": _simple(_present, histograms=Histograms.TAKEN),
    "first_over_time": _simple(_first, named=True, histograms=Histograms.TAKEN),
    "last_over_time": _simple(_last, named=True, histograms=Histograms.TAKEN),
    "min_over_time": _simple(_min, histograms=Histograms.IGNORED),
    "max_over_time": _simple(_max, histograms=Histograms.IGNORED),
    "ts_of_first_over_time": _simple(_ts_of_first, histograms=Histograms.TAKEN),
    "ts_of_last_over_time": _simple(_ts_of_last, histograms=Histograms.TAKEN),
    "ts_of_max_over_time": _ts_of(1.0),
    "ts_of_min_over_time": _ts_of(-1.0),
    "stdvar_over_time": _rows(_stdvar_rows),
    "stddev_over_time": _rows(lambda values: np.sqrt(_stdvar_rows(values))),
    "mad_over_time": _rows(_mad_rows),
    "quantile_over_time": _quantile,
}
