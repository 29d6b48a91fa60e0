"""PromQL: Prometheus's query language, evaluated over all steps of a query at once.

``evaluate_instant`` and ``evaluate_range`` take a query and a ``SampleStorage`` and give a
``Result``. promql-parser parses; each node of the tree is then evaluated once, over a matrix of
series × steps.
"""

from madang.metrics.promql.errors import BadQueryError, NativeHistogramError, QueryFailedError
from madang.metrics.promql.options import Budget, Options
from madang.metrics.promql.parse import parse
from madang.metrics.promql.query import Result, evaluate_instant, evaluate_range
from madang.metrics.promql.syntax import Kind

__all__ = [
    "BadQueryError",
    "Budget",
    "Kind",
    "NativeHistogramError",
    "Options",
    "QueryFailedError",
    "Result",
    "evaluate_instant",
    "evaluate_range",
    "parse",
]
