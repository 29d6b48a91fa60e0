"""Sums that keep what plain sums lose when large values cancel each other out.

Prometheus adds with Kahan's and Neumaier's compensation, one value after the other. The same
exactness comes here from pairwise sums, each with its error (Ogita, Rump, Oishi: Accurate Sum and
Dot Product, 2005), of which each round is one pass over arrays.
"""

from __future__ import annotations

import numpy as np

from madang.metrics.storage import Floats, Ints


def _two_sum(left: Floats, right: Floats) -> tuple[Floats, Floats]:
    total = left + right
    part = total - left
    error = (left - (total - part)) + (right - part)
    return total, np.where(np.isfinite(total), error, 0.0)


def cancels(values: Floats) -> bool:
    """Whether values of both signs are among these, so that a plain sum may lose digits."""
    if not values.size:
        return False
    low, high = float(np.min(values)), float(np.max(values))
    return not (0 <= low <= high < np.inf or -np.inf < low <= high <= 0)


def row_sums(values: Floats) -> Floats:
    """The sum of each row of a matrix."""
    if not cancels(values):
        sums: Floats = values.sum(axis=1)
        return sums
    totals, errors = values.T, np.zeros_like(values.T)
    while len(totals) > 1:
        half = len(totals) // 2
        total, error = _two_sum(totals[:half], totals[half : 2 * half])
        error += errors[:half] + errors[half : 2 * half]
        totals = np.concatenate([total, totals[2 * half :]])
        errors = np.concatenate([error, errors[2 * half :]])
    return _closed(totals[0], errors[0])


def group_sums(values: Floats, starts: Ints) -> Floats:
    """The sums of consecutive rows, group by group.

    Args:
        values: Rows × columns.
        starts: The first row of each group, ascending, none empty.
    """
    if len(starts) == len(values):
        return values
    if not cancels(values):
        return np.add.reduceat(values, starts, axis=0)
    totals, errors = values, np.zeros_like(values)
    while len(starts) < len(totals):
        sizes = np.diff(starts, append=len(totals))
        place = np.arange(len(totals)) - np.repeat(starts, sizes)
        left = np.flatnonzero(place % 2 == 0)
        paired = place[left] + 1 < np.repeat(sizes, sizes)[left]
        total, error = totals[left], errors[left]
        pairs = left[paired]
        sums, lost = _two_sum(totals[pairs], totals[pairs + 1])
        total[paired] = sums
        error[paired] += errors[pairs + 1] + lost
        starts = np.concatenate([[0], np.cumsum((sizes + 1) // 2)[:-1]]).astype(np.int64)
        totals, errors = total, error
    return _closed(totals, errors)


def _closed(totals: Floats, errors: Floats) -> Floats:
    return np.where(np.isfinite(totals), totals + errors, totals)
