"""Trends within windows: linear regression and double exponential smoothing."""

from __future__ import annotations

import numpy as np

from madang.metrics.promql.context import Context
from madang.metrics.promql.errors import QueryFailedError
from madang.metrics.promql.functions.family import Function, Histograms, of_windows, over_gathered
from madang.metrics.promql.syntax import Call
from madang.metrics.promql.values import Value
from madang.metrics.storage import Floats, Ints


def _regression(values: Floats, ts_ms: Ints) -> tuple[Floats, Floats, Ints]:
    """Slope per second, value at the first sample of the line, and that sample's time, per row."""
    origin = ts_ms[:, 0]
    x = (ts_ms - origin[:, None]) / 1000.0
    mean_x, mean_y = x.mean(axis=1), values.mean(axis=1)
    dx, dy = x - mean_x[:, None], values - mean_y[:, None]
    slope = (dx * dy).sum(axis=1) / (dx * dx).sum(axis=1)
    first = values[:, 0]
    constant = (values == first[:, None]).all(axis=1)
    slope = np.where(constant, 0.0, slope)
    base = np.where(constant, first, mean_y - slope * mean_x)
    infinite = constant & np.isinf(first)
    return np.where(infinite, np.nan, slope), np.where(infinite, np.nan, base), origin


def _deriv(context: Context, node: Call) -> Value:
    def function(values: Floats, ts_ms: Ints, step: Ints) -> Floats:
        return _regression(values, ts_ms)[0]

    return of_windows(
        context,
        node.args[0],
        lambda block: over_gathered(block, function, 2),
        histograms=Histograms.IGNORED,
    )


def _predict_linear(context: Context, node: Call) -> Value:
    ahead_s = context.scalar(node.args[1])
    now_ms = context.times()

    def function(values: Floats, ts_ms: Ints, step: Ints) -> Floats:
        slope, base, origin_ms = _regression(values, ts_ms)
        return base + slope * ((now_ms[step] - origin_ms) / 1000.0 + ahead_s[step])

    return of_windows(
        context,
        node.args[0],
        lambda block: over_gathered(block, function, 2),
        every_step=True,
        histograms=Histograms.IGNORED,
    )


def _smoothing(context: Context, node: Call) -> Value:
    smoothing, trend = context.scalar(node.args[1]), context.scalar(node.args[2])
    for name, factors, sign in (("smoothing", smoothing, "sf"), ("trend", trend, "tf")):
        wrong = factors[~((factors > 0) & (factors < 1))]
        if wrong.size:
            raise QueryFailedError(
                f"invalid {name} factor. Expected: 0 < {sign} < 1, got: {wrong[0]:f}"
            )

    def function(values: Floats, ts_ms: Ints, step: Ints) -> Floats:
        sf, tf = smoothing[step], trend[step]
        level, before = values[:, 0], np.zeros(len(values))
        slope = values[:, 1] - values[:, 0]
        for place in range(1, values.shape[1]):
            if place > 1:
                slope = tf * (level - before) + (1 - tf) * slope
            before, level = level, sf * values[:, place] + (1 - sf) * (level + slope)
        return level

    return of_windows(
        context,
        node.args[0],
        lambda block: over_gathered(block, function, 2),
        every_step=True,
        histograms=Histograms.IGNORED,
    )


FUNCTIONS: dict[str, Function] = {
    "deriv": _deriv,
    "predict_linear": _predict_linear,
    "double_exponential_smoothing": _smoothing,
}
