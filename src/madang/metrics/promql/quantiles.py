"""Quantiles of sorted values, as ``quantile`` and ``quantile_over_time`` take them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from madang.metrics.promql.context import Context
from madang.metrics.storage import Floats, Ints


def interpolated(quantiles: Floats, counts: Ints, pick: Callable[[Ints], Floats]) -> Floats:
    """Quantiles, linearly interpolated between two values.

    Args:
        quantiles: Below 0 gives -Inf, above 1 +Inf, NaN gives NaN.
        counts: How many values there are, at least 1 each.
        pick: Gives the values of these places in ascending order.
    """
    last = counts - 1
    rank = np.where((quantiles >= 0) & (quantiles <= 1), quantiles, 0.0) * last
    low = np.floor(rank).astype(np.int64)
    weight = rank - low
    found = pick(low) * (1 - weight) + pick(np.minimum(low + 1, last)) * weight
    found = np.where(quantiles < 0, -np.inf, np.where(quantiles > 1, np.inf, found))
    return np.where(np.isnan(quantiles), np.nan, found)


def quantile_of_sorted(quantiles: Floats, ordered: Floats) -> Floats:
    """The quantile of each row of ascending values; ``quantiles`` has one for each row."""
    rows = np.arange(len(ordered))
    counts = np.full(len(ordered), ordered.shape[1])
    return interpolated(quantiles, counts, lambda place: ordered[rows, place])


def warn_of_quantiles(context: Context, quantiles: Floats, pos: int) -> None:
    """Say of which quantiles none exist."""
    outside = quantiles[~((quantiles >= 0) & (quantiles <= 1))]
    for quantile in dict.fromkeys(outside.tolist()):
        context.notes.warn(f"quantile value should be between 0 and 1, got {spoken(quantile)}", pos)


def spoken(number: float) -> str:
    """A number as Go's %g writes it."""
    if np.isnan(number):
        return "NaN"
    if np.isinf(number):
        return "+Inf" if number > 0 else "-Inf"
    return f"{number:.16g}" if float(f"{number:.16g}") == number else repr(number)
