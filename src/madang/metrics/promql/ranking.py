"""Aggregations that choose among series: ``topk``, ``bottomk``, ``limitk``, ``limit_ratio``."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b

import numpy as np

from madang.core.samples import canonical_labels
from madang.metrics.promql.context import Context
from madang.metrics.promql.errors import QueryFailedError
from madang.metrics.promql.groups import Groups
from madang.metrics.promql.quantiles import spoken
from madang.metrics.promql.syntax import Aggregate
from madang.metrics.promql.values import Vector
from madang.metrics.storage import Floats

_MAX_INT64 = 2.0**63


def _parameter(context: Context, node: Aggregate) -> Floats:
    assert node.param is not None
    return context.scalar(node.param)


def _how_many(context: Context, node: Aggregate) -> Floats:
    numbers = _parameter(context, node)
    if np.isnan(numbers).any():
        raise QueryFailedError("Parameter value is NaN")
    beyond = numbers[(numbers >= _MAX_INT64) | (numbers <= -_MAX_INT64)]
    if beyond.size:
        raise QueryFailedError(f"Scalar value {spoken(beyond[0])} overflows int64")
    return np.trunc(numbers)


def _groups(node: Aggregate, vector: Vector) -> Groups:
    return Groups.for_aggregation(vector.labels, node.labels, without=node.without)


def _by_value(sign: float) -> Callable[[Context, Aggregate, Vector], Vector]:
    def ranked(context: Context, node: Aggregate, vector: Vector) -> Vector:
        limits = _how_many(context, node)
        if not len(vector) or not (limits >= 1).any():
            return Vector.empty(context.steps)
        groups = _groups(node, vector)
        of = np.broadcast_to(groups.of[:, None], vector.values.shape)
        # NaN loses against every number; what is not there comes last.
        rank = np.where(vector.present, np.isnan(vector.values), 2)
        order = np.lexsort((sign * vector.values, rank, of), axis=0)
        place = np.arange(len(vector)) - groups.starts[groups.of[groups.order]]
        chosen = np.zeros(vector.present.shape, np.bool_)
        np.put_along_axis(chosen, order, place[:, None] < limits, axis=0)
        chosen &= vector.present
        result = Vector(vector.labels, vector.values, chosen, vector.unnamed)
        if context.query.count == 1 and context.steps == 1:
            return result.rows(order[:, 0]).without_empty()
        return result.without_empty()

    return ranked


def _limitk(context: Context, node: Aggregate, vector: Vector) -> Vector:
    limits = _how_many(context, node)
    if not len(vector) or not (limits >= 1).any():
        return Vector.empty(context.steps)
    groups = _groups(node, vector)
    present = groups.arranged(vector.present)
    before = np.cumsum(present, axis=0)
    at_start = before[groups.starts] - present[groups.starts]
    nth = before - at_start[groups.of[groups.order]]
    chosen = np.zeros(present.shape, np.bool_)
    chosen[groups.order] = present & (nth <= limits)
    return Vector(vector.labels, vector.values, chosen, vector.unnamed).without_empty()


def _limit_ratio(context: Context, node: Aggregate, vector: Vector) -> Vector:
    ratios = _parameter(context, node)
    if np.isnan(ratios).any():
        raise QueryFailedError("Ratio value is NaN")
    capped = np.clip(ratios, -1.0, 1.0)
    for ratio in dict.fromkeys(ratios[ratios != capped].tolist()):
        assert node.param is not None
        context.notes.warn(
            f"ratio value should be between -1 and 1, got {spoken(ratio)}, "
            f"capping to {'1' if ratio > 0 else '-1'}",
            node.param.pos,
        )
    share = np.array([_share(canonical_labels(labels)) for labels in vector.labels])[:, None]
    wanted = np.where(capped >= 0, share < capped, share >= 1.0 + capped)
    chosen = vector.present & wanted.reshape(vector.present.shape)
    return Vector(vector.labels, vector.values, chosen, vector.unnamed).without_empty()


def _share(labels: bytes) -> float:
    """A number from 0 to below 1 that is a series' own, and evenly spread over series."""
    return (int.from_bytes(blake2b(labels, digest_size=8).digest(), "little") >> 11) / 2.0**53


RANKINGS: dict[str, Callable[[Context, Aggregate, Vector], Vector]] = {
    "topk": _by_value(-1.0),
    "bottomk": _by_value(1.0),
    "limitk": _limitk,
    "limit_ratio": _limit_ratio,
}
