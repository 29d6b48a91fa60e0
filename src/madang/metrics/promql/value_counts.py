"""``count_values``: how many series have which value."""

from __future__ import annotations

import numpy as np

from madang.metrics.matcher import Labels, quoted
from madang.metrics.number_text import number_text
from madang.metrics.promql.context import Context
from madang.metrics.promql.errors import QueryFailedError
from madang.metrics.promql.functions.labels import valid_name, with_label
from madang.metrics.promql.groups import Groups
from madang.metrics.promql.syntax import Aggregate
from madang.metrics.promql.values import Vector


def count_values(context: Context, node: Aggregate, vector: Vector) -> Vector:
    """For each group and value: how many series have it, at each step."""
    assert node.param is not None
    name = context.text(node.param)
    if not valid_name(name):
        raise QueryFailedError(f"invalid label name {quoted(name)}")
    if not len(vector):
        return Vector.empty(context.steps)
    groups = Groups.for_aggregation(vector.labels, node.labels, without=node.without)
    row, step = np.nonzero(vector.present)
    distinct, which = np.unique(vector.values[vector.present], return_inverse=True)
    texts = [number_text(value) for value in distinct.tolist()]
    pair = groups.of[row] * len(distinct) + which
    first: dict[Labels, int] = {}
    pairs, place = np.unique(pair, return_inverse=True)
    rows = []
    unnamed = groups.unnamed(vector)
    dropped: list[bool] = []
    for group, value in zip(*(part.tolist() for part in divmod(pairs, len(distinct))), strict=True):
        labels = groups.labels[group]
        if not (node.without and name in node.labels):
            labels = with_label(labels, name, texts[value])
        if labels not in first:
            first[labels] = len(first)
            dropped.append(unnamed is not None and bool(unnamed[group]))
        rows.append(first[labels])
    cells = np.array(rows, np.int64)[place] * context.steps + step
    counts = np.bincount(cells, minlength=len(first) * context.steps)
    counts = counts.reshape(len(first), context.steps)
    return Vector(list(first), counts.astype(np.float64), counts > 0, np.array(dropped, np.bool_))
