"""``absent`` and ``absent_over_time``: a 1 where there is nothing."""

from __future__ import annotations

import numpy as np

from madang.core.samples import METRIC_NAME
from madang.metrics.matcher import Labels, MatchKind
from madang.metrics.promql.context import Context
from madang.metrics.promql.functions.family import Function
from madang.metrics.promql.selectors import windows
from madang.metrics.promql.syntax import Call, Node, RangeSelector, Selector
from madang.metrics.promql.values import Bools, Value, Vector


def _labels_asked_for(node: Node) -> Labels:
    """The labels that a selector names once, with ``=``."""
    selector = node.selector if isinstance(node, RangeSelector) else node
    if not isinstance(selector, Selector) or len(selector.groups) != 1:
        return ()
    wanted: dict[str, str] = {}
    seen: set[str] = set()
    for matcher in selector.groups[0]:
        if matcher.name == METRIC_NAME:
            continue
        if matcher.kind is MatchKind.EQUAL and matcher.name not in seen:
            wanted[matcher.name] = matcher.value
        else:
            wanted.pop(matcher.name, None)
        seen.add(matcher.name)
    return tuple(sorted((name, value) for name, value in wanted.items() if value))


def _where(present: Bools, node: Node) -> Vector:
    absent = ~present
    return Vector([_labels_asked_for(node)], np.ones((1, len(absent))), absent[None, :])


def _absent(context: Context, node: Call) -> Value:
    vector = context.samples(node.args[0])
    some: Bools = np.logical_or.reduce(vector.present, axis=0)
    return _where(some, node.args[0])


def _absent_over_time(context: Context, node: Call) -> Value:
    found = windows(context, node.args[0], histograms=True)
    _, present = found.map(lambda block: (np.ones(block.lo.shape), block.counts > 0), context.steps)
    some: Bools = np.logical_or.reduce(present, axis=0)
    return _where(some, node.args[0])


FUNCTIONS: dict[str, Function] = {"absent": _absent, "absent_over_time": _absent_over_time}
