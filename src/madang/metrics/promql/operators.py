"""Binary operators: what they compute, between scalars and vectors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from madang.metrics.promql.context import Context
from madang.metrics.promql.matching import combined, matched_sets
from madang.metrics.promql.syntax import Binary, Node
from madang.metrics.promql.values import Bools, Scalar, Value, Vector, renamed
from madang.metrics.storage import Floats

ARITHMETIC: dict[str, Callable[[Floats, Floats], Floats]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,
    "^": np.power,
    "atan2": np.arctan2,
}
COMPARISONS: dict[str, np.ufunc] = {
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    ">": np.greater,
    "<=": np.less_equal,
    ">=": np.greater_equal,
}
_SETS = frozenset({"and", "or", "unless"})


def binary(context: Context, node: Binary) -> Value:
    """The value of a binary operator at all steps."""
    left, right = context.evaluate(node.left), context.evaluate(node.right)
    if isinstance(left, Scalar) and isinstance(right, Scalar):
        return Scalar(_computed(node.op, left.values, right.values))
    if isinstance(left, Vector) and isinstance(right, Vector):
        if node.op in _SETS:
            return matched_sets(node, left, right)
        left, right = context.without_histograms(left), context.without_histograms(right)
        return combined(context, node, left, right, _kept)
    if isinstance(left, Vector) and isinstance(right, Scalar):
        context.without_histograms(left)
        return _with_scalar(context, node, left, left.values, right.values)
    assert isinstance(left, Scalar)
    assert isinstance(right, Vector)
    context.without_histograms(right)
    return _with_scalar(context, node, right, left.values, right.values)


def negated(context: Context, inner: Node) -> Value:
    """The value of a unary minus."""
    value = context.evaluate(inner)
    if isinstance(value, Scalar):
        return Scalar(-value.values)
    assert isinstance(value, Vector)
    context.without_histograms(value)
    opposite = Vector(value.labels, -value.values, value.present, value.unnamed)
    return renamed(opposite, later=context.options.delayed_name_removal)


def _computed(op: str, left: Floats, right: Floats) -> Floats:
    if op in COMPARISONS:
        truth: Floats = COMPARISONS[op](left, right).astype(np.float64)
        return truth
    return ARITHMETIC[op](left, right)


def _kept(node: Binary, left: Floats, right: Floats) -> tuple[Floats, Bools | None]:
    """What an operator gives between two matrices, and where it gives anything; None: all over."""
    if node.op in COMPARISONS and not node.returns_bool:
        return left, COMPARISONS[node.op](left, right)
    return _computed(node.op, left, right), None


def _with_scalar(
    context: Context, node: Binary, vector: Vector, left: Floats, right: Floats
) -> Vector:
    if node.op in COMPARISONS and not node.returns_bool:
        # The vector's value stays, on whichever side it stands.
        present = vector.present & COMPARISONS[node.op](left, right)
        result = Vector(vector.labels, vector.values, present, vector.unnamed)
        return result.without_empty()
    values = _computed(node.op, left, right)
    result = Vector(vector.labels, values, vector.present, vector.unnamed)
    return renamed(result, later=context.options.delayed_name_removal)
