"""What an expression is evaluated in: the steps, the storage, the limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NoReturn

import numpy as np

from madang.core.samples import is_opaque
from madang.metrics.promql.annotations import Annotations
from madang.metrics.promql.errors import NativeHistogramError, QueryFailedError
from madang.metrics.promql.options import Budget, Options
from madang.metrics.promql.syntax import Node
from madang.metrics.promql.values import Grid, Scalar, Text, Value, Vector
from madang.metrics.storage import Floats, Ints, SampleStorage


@dataclass(frozen=True, slots=True)
class Context:
    """A grid of steps over a storage.

    ``query`` is the grid of the whole query, which ``@ start()`` and ``@ end()`` mean; ``grid``
    is that of the expression, another one within a subquery.
    """

    storage: SampleStorage
    options: Options
    query: Grid
    grid: Grid
    notes: Annotations
    budget: Budget
    evaluator: Callable[[Context, Node], Value]

    def on(self, grid: Grid) -> Context:
        """The same at other steps."""
        return replace(self, grid=grid)

    @property
    def steps(self) -> int:
        """How many steps there are."""
        return self.grid.count

    def times(self) -> Ints:
        """All steps, in milliseconds."""
        return self.grid.times()

    def evaluate(self, node: Node) -> Value:
        """The value of an expression at all steps."""
        self.budget.check_time()
        return self.evaluator(self, node)

    def samples(self, node: Node) -> Vector:
        """The value of an expression that is a vector, of numbers and native histograms."""
        value = self.evaluate(node)
        if not isinstance(value, Vector):
            raise QueryFailedError(f"expected an instant vector, got {type(value).__name__}")
        return value

    def vector(self, node: Node) -> Vector:
        """The value of an expression that is a vector.

        Raises:
            NativeHistogramError: native histograms are in it.
        """
        return self.without_histograms(self.samples(node))

    def numbers(self, node: Node) -> Vector:
        """The numbers in a vector; its native histograms are left out."""
        vector = self.samples(node)
        if not self.budget.histograms:
            return vector
        return replace(vector, present=vector.present & ~is_opaque(vector.values))

    def without_histograms(self, vector: Vector) -> Vector:
        """A vector, if there are no native histograms in it."""
        if self.budget.histograms and bool((vector.present & is_opaque(vector.values)).any()):
            self.refuse_histograms()
        return vector

    def refuse_histograms(self) -> NoReturn:
        """Say that native histograms are in the way."""
        raise NativeHistogramError(
            "native histograms cannot be evaluated yet",
            hint="ask for the classic buckets, <name>_bucket",
        )

    def scalar(self, node: Node) -> Floats:
        """The value of an expression that is a scalar: a number per step."""
        value = self.evaluate(node)
        if not isinstance(value, Scalar):
            raise QueryFailedError(f"expected a scalar, got {type(value).__name__}")
        return np.broadcast_to(value.values, (self.steps,))

    def text(self, node: Node) -> str:
        """The value of an expression that is a string."""
        value = self.evaluate(node)
        if not isinstance(value, Text):
            raise QueryFailedError(f"expected a string, got {type(value).__name__}")
        return value.value
