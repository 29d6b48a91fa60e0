"""Quantiles and fractions from cumulative buckets, for many histograms at once.

As Prometheus computes them (promql/quantile.go), with its mending of buckets that are not
cumulative. ``counts`` are buckets × columns, ``bounds`` the buckets' upper bounds, ascending.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from madang.metrics.promql.values import Bools
from madang.metrics.storage import Floats

_TOLERANCE = 1e-12


def _coalesced(bounds: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """Buckets of equal bounds, such as ``1`` and ``1.0``, made one."""
    distinct, starts = np.unique(bounds, return_index=True)
    if len(distinct) == len(bounds):
        return bounds, counts
    return distinct, np.add.reduceat(counts, starts, axis=0)


def _mended(counts: Floats) -> tuple[Floats, Bools]:
    """Counts that never fall from one bucket to the next, and where they had."""
    forced = np.zeros(counts.shape[1], np.bool_)
    if all((above >= below).all() for below, above in pairwise(counts)):
        return counts, forced
    rising = counts.copy()
    previous = rising[0]
    for row in range(1, len(rising)):
        current = rising[row]
        # What differs by no more than the floats' precision counts as equal, either way.
        sizes = np.abs(previous) + np.abs(current)
        near = np.abs(current - previous) < _TOLERANCE * sizes
        falls = (current < previous) & ~near
        forced |= falls
        rising[row] = previous = np.where(near | falls, previous, current)
    return rising, forced


def bucket_quantile(quantiles: Floats, bounds: Floats, counts: Floats) -> tuple[Floats, Bools]:
    """The quantile of each column, and which columns had counts that fall.

    Args:
        quantiles: One per column.
        bounds: Upper bounds, ascending, the last one +Inf.
        counts: How many observations are within each bound.
    """
    columns = counts.shape[1]
    nothing = np.zeros(columns, np.bool_)
    limits = np.where(quantiles < 0, -np.inf, np.where(quantiles > 1, np.inf, np.nan))
    if bounds[-1] != np.inf:
        return limits, nothing
    bounds, counts = _coalesced(bounds, counts)
    counts, forced = _mended(counts)
    if len(bounds) < 2:
        return limits, forced
    total = counts[-1]
    rank = quantiles * total
    bucket = np.minimum((counts[:-1] < rank).sum(axis=0), len(bounds) - 1)
    column = np.arange(columns)
    before = np.maximum(bucket - 1, 0)
    below = np.where(bucket > 0, counts[before, column], 0.0)
    start = np.where(bucket > 0, bounds[before], 0.0)
    width = bounds[bucket] - start
    found = start + width * ((rank - below) / (counts[bucket, column] - below))
    found = np.where((bucket == 0) & (bounds[0] <= 0), bounds[0], found)
    found = np.where(bucket == len(bounds) - 1, bounds[-2], found)
    found = np.where(total == 0, np.nan, found)
    return np.where((quantiles >= 0) & (quantiles <= 1), found, limits), forced


def bucket_fraction(lower: Floats, upper: Floats, bounds: Floats, counts: Floats) -> Floats:
    """Which part of the observations of each column is between two values.

    Args:
        lower: One value per column.
        upper: Another one.
        bounds: Upper bounds, ascending, the last one +Inf.
        counts: How many observations are within each bound.
    """
    if bounds[-1] != np.inf:
        return np.full(counts.shape[1], np.nan)
    bounds, counts = _coalesced(bounds, counts)
    total = counts[-1]
    inside = _rank(upper, bounds, counts) - _rank(lower, bounds, counts)
    fraction = np.where(lower >= upper, 0.0, inside / total)
    unknown = (total == 0) | np.isnan(lower) | np.isnan(upper)
    return np.where(unknown, np.nan, fraction)


def _rank(value: Floats, bounds: Floats, counts: Floats) -> Floats:
    """How many observations are below a value, within its bucket linearly interpolated."""
    first = 0.0 if bounds[0] > 0 else -np.inf
    starts = np.concatenate([[first], bounds[:-1]])
    before = np.concatenate([np.zeros((1, counts.shape[1])), counts[:-1]])
    bucket = np.minimum(np.searchsorted(bounds, value, "right"), len(bounds) - 1)
    column = np.arange(counts.shape[1])
    low, own = before[bucket, column], counts[bucket, column]
    start = starts[bucket]
    found = low + (own - low) * (value - start) / (bounds[bucket] - start)
    found = np.where(np.isinf(start), own, found)
    found = np.where(value <= start, low, found)
    found = np.where(value == np.inf, counts[-1], found)
    ranks: Floats = np.minimum(found, counts[-1])
    return ranks
