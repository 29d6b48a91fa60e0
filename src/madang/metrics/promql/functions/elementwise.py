"""Functions of single numbers: rounding, powers, trigonometry, bounds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from madang.metrics.promql.context import Context
from madang.metrics.promql.functions.family import Function, of_vector
from madang.metrics.promql.syntax import Call
from madang.metrics.promql.values import Scalar, Value, Vector
from madang.metrics.storage import Floats


def _mapped(function: Callable[[Floats], Floats]) -> Function:
    def call(context: Context, node: Call) -> Value:
        vector = context.numbers(node.args[0])
        return of_vector(context, vector, function(vector.values))

    return call


def _sgn(values: Floats) -> Floats:
    return np.sign(values)


def _round(context: Context, node: Call) -> Value:
    vector = context.numbers(node.args[0])
    nearest = context.scalar(node.args[1]) if len(node.args) > 1 else np.ones(context.steps)
    # Multiplying by the inverse keeps results such as 0.1 exact.
    inverse = 1.0 / nearest
    return of_vector(context, vector, np.floor(vector.values * inverse + 0.5) / inverse)


def _clamp(context: Context, node: Call) -> Value:
    vector = context.numbers(node.args[0])
    low, high = context.scalar(node.args[1]), context.scalar(node.args[2])
    values = np.maximum(low, np.minimum(high, vector.values))
    return of_vector(context, vector, values, vector.present & ~(high < low))


def _clamp_min(context: Context, node: Call) -> Value:
    vector = context.numbers(node.args[0])
    return of_vector(context, vector, np.maximum(context.scalar(node.args[1]), vector.values))


def _clamp_max(context: Context, node: Call) -> Value:
    vector = context.numbers(node.args[0])
    return of_vector(context, vector, np.minimum(context.scalar(node.args[1]), vector.values))


def _pi(context: Context, node: Call) -> Value:
    return Scalar(np.full(context.steps, np.pi))


def _vector(context: Context, node: Call) -> Value:
    shape = (1, context.steps)
    values = np.broadcast_to(context.scalar(node.args[0]), shape)
    return Vector([()], values, np.ones(shape, np.bool_))


def _scalar(context: Context, node: Call) -> Value:
    vector = context.numbers(node.args[0])
    single = vector.present.sum(axis=0) == 1
    values = np.where(vector.present, vector.values, 0.0).sum(axis=0)
    return Scalar(np.where(single, values, np.nan))


def _max_of(context: Context, node: Call) -> Value:
    left, right = context.scalar(node.args[0]), context.scalar(node.args[1])
    return Scalar(np.maximum(left, right))


def _min_of(context: Context, node: Call) -> Value:
    left, right = context.scalar(node.args[0]), context.scalar(node.args[1])
    return Scalar(np.minimum(left, right))


_OF_NUMBERS: dict[str, Callable[[Floats], Floats]] = {
    "abs": np.abs,
    "ceil": np.ceil,
    "floor": np.floor,
    "exp": np.exp,
    "sqrt": np.sqrt,
    "ln": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "sgn": _sgn,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "deg": np.degrees,
    "rad": np.radians,
}

FUNCTIONS: dict[str, Function] = {
    **{name: _mapped(function) for name, function in _OF_NUMBERS.items()},
    "round": _round,
    "clamp": _clamp,
    "clamp_min": _clamp_min,
    "clamp_max": _clamp_max,
    "pi": _pi,
    "vector": _vector,
    "scalar": _scalar,
    "max_of": _max_of,
    "min_of": _min_of,
}
