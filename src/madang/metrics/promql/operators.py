"""Binary operators: what they compute, between scalars and vectors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from madang.core.samples import is_opaque
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
        return combined(context, node, left, right, partial(_kept, context))
    if isinstance(left, Vector) and isinstance(right, Scalar):
        left = _comparable(context, node, left, histogram_left=True)
        return _with_scalar(context, node, left, left.values, right.values)
    assert isinstance(left, Scalar)
    assert isinstance(right, Vector)
    right = _comparable(context, node, right, histogram_left=False)
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


def _comparable(context: Context, node: Binary, vector: Vector, *, histogram_left: bool) -> Vector:
    """A vector without the native histograms that an operator cannot take beside a number."""
    if not context.budget.histograms:
        return vector
    if node.op == "*" or (node.op == "/" and histogram_left):
        return context.without_histograms(vector)
    histograms = vector.present & is_opaque(vector.values)
    if histograms.any():
        _tell_apart(context, node, histogram_left, not histogram_left)
    return replace(vector, present=vector.present & ~histograms)


def _tell_apart(context: Context, node: Binary, left: bool, right: bool) -> None:
    sides = ["histogram" if side else "float" for side in (left, right)]
    context.notes.inform(
        f'incompatible sample types encountered for binary operator "{node.op}": '
        f"{sides[0]} {node.op} {sides[1]}",
        node.pos,
    )


def _between(
    context: Context, node: Binary, left: Floats, right: Floats, present: Bools
) -> Bools | None:
    """Where an operator can be computed between two vectors; None: all over."""
    if not context.budget.histograms:
        return None
    ours, theirs = is_opaque(left) & present, is_opaque(right) & present
    both = ours & theirs
    needed = {
        "+": both,
        "-": both,
        "==": both,
        "!=": both,
        "*": ours ^ theirs,
        "/": ours & ~theirs,
    }.get(node.op)
    if needed is not None and needed.any():
        context.refuse_histograms()
    for cells, sides in (
        (both, (True, True)),
        (ours & ~theirs, (True, False)),
        (theirs & ~ours, (False, True)),
    ):
        if cells.any():
            _tell_apart(context, node, *sides)
    return ~(ours | theirs)


def _kept(
    context: Context, node: Binary, left: Floats, right: Floats, present: Bools
) -> tuple[Floats, Bools | None]:
    """What an operator gives between two matrices, and where it gives anything; None: all over."""
    able = _between(context, node, left, right, present)
    values, kept = _plain(node, left, right)
    if able is None or kept is None:
        return values, kept if able is None else able
    return values, kept & able


def _plain(node: Binary, left: Floats, right: Floats) -> tuple[Floats, Bools | None]:
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
