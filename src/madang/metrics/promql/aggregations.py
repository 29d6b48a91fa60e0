"""``sum``, ``avg``, ``min``, … over series: all steps at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from madang.core.samples import is_opaque
from madang.metrics.promql.context import Context
from madang.metrics.promql.groups import Groups
from madang.metrics.promql.quantiles import interpolated, warn_of_quantiles
from madang.metrics.promql.ranking import RANKINGS
from madang.metrics.promql.syntax import Aggregate
from madang.metrics.promql.value_counts import count_values
from madang.metrics.promql.values import Value, Vector
from madang.metrics.storage import Floats, Ints

_COUNTING = frozenset({"count", "group", "limitk", "limit_ratio"})
_OF_NUMBERS = frozenset({"min", "max", "stddev", "stdvar", "quantile", "topk", "bottomk"})


def aggregate(context: Context, node: Aggregate) -> Value:
    """An aggregation at all steps."""
    vector = _samples(context, node)
    if node.op in RANKINGS:
        return RANKINGS[node.op](context, node, vector)
    if node.op == "count_values":
        return count_values(context, node, vector)
    quantiles = np.zeros(0)
    if node.op == "quantile" and node.param is not None:
        quantiles = context.scalar(node.param)
    if not len(vector):
        return Vector.empty(context.steps)
    groups = Groups.for_aggregation(vector.labels, node.labels, without=node.without)
    counts = groups.counts(vector.present)
    if node.op == "quantile" and node.param is not None:
        warn_of_quantiles(context, quantiles[(counts > 0).any(axis=0)], node.param.pos)
        values = _quantiles(groups, vector, counts, quantiles)
    else:
        values = _AGGREGATIONS[node.op](groups, vector, counts)
    return Vector(groups.labels, values, counts > 0, groups.unnamed(vector)).without_empty()


def _samples(context: Context, node: Aggregate) -> Vector:
    if node.op in _COUNTING:
        return context.samples(node.expr)
    if node.op not in _OF_NUMBERS:
        return context.vector(node.expr)
    vector = context.samples(node.expr)
    if not context.budget.histograms:
        return vector
    numbers = replace(vector, present=vector.present & ~is_opaque(vector.values))
    if not np.array_equal(numbers.present, vector.present):
        context.notes.inform(f"ignored histogram in {node.op} aggregation", node.expr.pos)
    return numbers.without_empty()


def _sum(groups: Groups, vector: Vector, counts: Ints) -> Floats:
    return groups.sums(vector.values, vector.present)


def _avg(groups: Groups, vector: Vector, counts: Ints) -> Floats:
    sums = groups.sums(vector.values, vector.present)
    some = np.maximum(counts, 1)
    means = sums / some
    if not np.isfinite(sums).all():
        # A sum may be too large for a float where its mean is not.
        shares = vector.values / some[groups.of]
        means = np.where(np.isfinite(sums), means, groups.sums(shares, vector.present))
    return means


def _stdvar(groups: Groups, vector: Vector, counts: Ints) -> Floats:
    # From the least value on, so that the mean of equal values is exactly theirs.
    least = _extreme(np.fmin)(groups, vector, counts)
    least = np.where(np.isfinite(least), least, 0.0)
    above = replace(vector, values=vector.values - least[groups.of])
    means = least + _avg(groups, above, counts)
    squares = (vector.values - means[groups.of]) ** 2
    return groups.sums(squares, vector.present) / np.maximum(counts, 1)


def _stddev(groups: Groups, vector: Vector, counts: Ints) -> Floats:
    return np.sqrt(_stdvar(groups, vector, counts))


def _extreme(ufunc: np.ufunc) -> Callable[[Groups, Vector, Ints], Floats]:
    def function(groups: Groups, vector: Vector, counts: Ints) -> Floats:
        # fmin and fmax pass NaN over where there is a number.
        return groups.reduced(ufunc, np.where(vector.present, vector.values, np.nan))

    return function


def _count(groups: Groups, vector: Vector, counts: Ints) -> Floats:
    return counts.astype(np.float64)


def _group(groups: Groups, vector: Vector, counts: Ints) -> Floats:
    return np.ones(counts.shape)


def _quantiles(groups: Groups, vector: Vector, counts: Ints, quantiles: Floats) -> Floats:
    values = groups.arranged(vector.values)
    present = groups.arranged(vector.present)
    of = np.broadcast_to(groups.of[groups.order][:, None], values.shape)
    # NaN counts as the smallest; what is not there comes last.
    rank = np.where(present, np.where(np.isnan(values), 0, 1), 2)
    order = np.lexsort((values, rank, of), axis=0)
    ordered = np.take_along_axis(values, order, axis=0)
    column = np.arange(values.shape[1])

    def pick(place: Ints) -> Floats:
        row = np.minimum(groups.starts[:, None] + place, len(ordered) - 1)
        picked: Floats = ordered[row, column]
        return picked

    return interpolated(quantiles[None, :], np.maximum(counts, 1), pick)


_AGGREGATIONS: dict[str, Callable[[Groups, Vector, Ints], Floats]] = {
    "sum": _sum,
    "avg": _avg,
    "min": _extreme(np.fmin),
    "max": _extreme(np.fmax),
    "count": _count,
    "group": _group,
    "stddev": _stddev,
    "stdvar": _stdvar,
}
