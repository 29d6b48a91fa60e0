"""``sort`` and its kin: the order of an instant query's answer."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from madang.metrics.matcher import Labels
from madang.metrics.promql.context import Context
from madang.metrics.promql.functions.family import Function
from madang.metrics.promql.syntax import Call
from madang.metrics.promql.values import Value

_CHUNK = re.compile(r"\d+|\D+", re.ASCII)


def _ineffective(context: Context, node: Call) -> bool:
    if context.query.count == 1:
        return False
    context.notes.warn(
        "sort is ineffective for range queries since results are always ordered by labels",
        node.pos,
    )
    return True


def _by_value(sign: float) -> Function:
    def call(context: Context, node: Call) -> Value:
        vector = context.numbers(node.args[0])
        if _ineffective(context, node) or not len(vector):
            return vector
        values = vector.values[:, 0]
        return vector.rows(np.lexsort((sign * values, np.isnan(values))))

    return call


def natural(text: str) -> list[tuple[int, int, str]]:
    """A key that sorts numbers within texts as numbers."""
    return [
        (0, int(chunk), chunk) if chunk.isdecimal() and len(chunk) < 19 else (1, 0, chunk)
        for chunk in _CHUNK.findall(text)
    ]


def _by_label(*, descending: bool) -> Function:
    def call(context: Context, node: Call) -> Value:
        vector = context.numbers(node.args[0])
        if _ineffective(context, node):
            return vector
        names = [context.text(arg) for arg in node.args[1:]]

        def key(labels: Labels) -> tuple[Any, ...]:
            values = dict(labels)
            return ([natural(values.get(name, "")) for name in names], labels)

        keys = [key(labels) for labels in vector.labels]
        order = sorted(range(len(keys)), key=keys.__getitem__, reverse=descending)
        return vector.rows(np.array(order, np.intp))

    return call


FUNCTIONS: dict[str, Function] = {
    "sort": _by_value(1.0),
    "sort_desc": _by_value(-1.0),
    "sort_by_label": _by_label(descending=False),
    "sort_by_label_desc": _by_label(descending=True),
}
