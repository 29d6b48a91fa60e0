"""The walk over a query's tree."""

from __future__ import annotations

import numpy as np

from madang.metrics.promql.aggregations import aggregate
from madang.metrics.promql.context import Context
from madang.metrics.promql.errors import QueryFailedError
from madang.metrics.promql.functions import FUNCTIONS
from madang.metrics.promql.operators import binary, negated
from madang.metrics.promql.selectors import instant
from madang.metrics.promql.syntax import (
    Aggregate,
    Binary,
    Call,
    Negation,
    Node,
    Number,
    Selector,
    String,
)
from madang.metrics.promql.values import Scalar, Text, Value


def evaluate(context: Context, node: Node) -> Value:
    """The value of an expression at all steps of a context.

    Raises:
        QueryFailedError: the data does not allow an answer, or is too much.
        DeadlineError: it took too long.
    """
    match node:
        case Number(value=value):
            return Scalar(np.full(context.steps, value))
        case String(value=text):
            return Text(text)
        case Selector():
            return instant(context, node)
        case Call(name=name):
            function = FUNCTIONS.get(name)
            if function is None:
                raise QueryFailedError(f"the function {name}() is not there yet")
            return function(context, node)
        case Aggregate():
            return aggregate(context, node)
        case Binary():
            return binary(context, node)
        case Negation(expr=inner):
            return negated(context, inner)
        case _:
            raise QueryFailedError(f"{type(node).__name__} has no value of its own")
