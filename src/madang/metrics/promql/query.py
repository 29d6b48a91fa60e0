"""The entries: a query in, an answer out."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from madang.core.samples import is_stale
from madang.metrics.promql.annotations import Annotations
from madang.metrics.promql.context import Context
from madang.metrics.promql.errors import BadQueryError
from madang.metrics.promql.evaluator import evaluate
from madang.metrics.promql.options import Budget, Options
from madang.metrics.promql.parse import parse
from madang.metrics.promql.selectors import windows
from madang.metrics.promql.syntax import Kind, Node, kind_of
from madang.metrics.promql.values import (
    Grid,
    Scalar,
    Text,
    Vector,
    as_series,
    by_labels,
    finished,
    without_name,
)
from madang.metrics.storage import SampleStorage, SeriesSet


@dataclass(frozen=True, slots=True)
class Result:
    """An answer.

    ``kind`` is that of the expression; the answer of a range query is always a MATRIX.
    ``series`` holds the samples of a VECTOR (one per series, in order), a MATRIX, and a SCALAR
    (one series without labels); ``text`` that of a STRING.
    """

    kind: Kind
    series: SeriesSet
    text: str = ""
    warnings: list[str] = field(default_factory=list)
    infos: list[str] = field(default_factory=list)
    samples: int = 0
    """How many samples were read."""


def evaluate_instant(
    query: str,
    storage: SampleStorage,
    at_ms: int,
    options: Options | None = None,
    *,
    budget: Budget | None = None,
) -> Result:
    """Answer a query at one time.

    Args:
        query: PromQL.
        storage: Where the samples are.
        at_ms: The time, in milliseconds since 1970.
        options: Settings and limits.
        budget: What counts the cost, and can cancel the query; None makes one.

    Raises:
        BadQueryError: the query is not PromQL.
        QueryFailedError: the data does not allow an answer, or is too much.
        DeadlineError: it took too long.
        CancelledError: the budget was cancelled.
    """
    tree, context = _prepared(query, storage, Grid(at_ms, 1, 1), options, budget)
    kind = kind_of(tree)
    with np.errstate(all="ignore"):
        if kind is Kind.MATRIX:
            return _range_vector(context, tree)
        return _answer(context, tree, kind)


def evaluate_range(  # noqa: PLR0917 - a time has a start, an end and a step
    query: str,
    storage: SampleStorage,
    start_ms: int,
    end_ms: int,
    step_ms: int,
    options: Options | None = None,
    *,
    budget: Budget | None = None,
) -> Result:
    """Answer a query at each step of a time; see ``evaluate_instant``.

    Args:
        query: PromQL, a scalar or an instant vector.
        storage: Where the samples are.
        start_ms: The first step.
        end_ms: The time that no step is after.
        step_ms: From one step to the next, more than 0.
        options: Settings and limits.
        budget: What counts the cost, and can cancel the query.
    """
    if step_ms <= 0:
        raise BadQueryError(f"the step is {step_ms} ms; it must be more than 0")
    if end_ms < start_ms:
        raise BadQueryError("the end is before the start")
    grid = Grid(start_ms, step_ms, (end_ms - start_ms) // step_ms + 1)
    tree, context = _prepared(query, storage, grid, options, budget)
    if (kind := kind_of(tree)) not in {Kind.SCALAR, Kind.VECTOR}:
        raise BadQueryError(
            f'invalid expression type "{_spoken(kind)}" for range query, '
            "must be Scalar or instant Vector"
        )
    context.budget.allocate(1, grid.count)
    with np.errstate(all="ignore"):
        return _answer(context, tree, Kind.MATRIX)


def _spoken(kind: Kind) -> str:
    return {Kind.MATRIX: "range vector", Kind.VECTOR: "instant vector"}.get(kind, kind.value)


def _prepared(
    query: str,
    storage: SampleStorage,
    grid: Grid,
    options: Options | None,
    budget: Budget | None,
) -> tuple[Node, Context]:
    options = options or Options()
    tree = parse(query, experimental=options.experimental)
    budget = budget or Budget(options)
    return tree, Context(storage, options, grid, grid, Annotations(query), budget, evaluate)


def _answer(context: Context, tree: Node, kind: Kind) -> Result:
    try:
        value = context.evaluate(tree)
    except RecursionError:
        raise BadQueryError("the query nests too deep") from None
    if isinstance(value, Text):
        # Bytes that are no UTF-8 were carried so far; an answer is text.
        text = value.value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        return _result(context, kind, SeriesSet.empty(), text)
    if isinstance(value, Scalar):
        shape = (1, context.steps)
        value = Vector([()], np.broadcast_to(value.values, shape), np.ones(shape, np.bool_))
    value = finished(context.without_histograms(value)).without_empty()
    if kind is Kind.MATRIX:
        value = by_labels(value)
    return _result(context, kind, as_series(value, context.grid))


def _range_vector(context: Context, tree: Node) -> Result:
    found = windows(context, tree)
    times, values = found.series.ts_ms, found.series.values
    until = found.grid.end_ms
    inside = (times > until - found.range_ms) & (times <= until) & ~is_stale(values)
    before = np.concatenate([[0], np.cumsum(inside)]).astype(np.int64)
    offsets = before[found.series.offsets]
    some = np.flatnonzero(np.diff(offsets)).tolist()
    unnamed = np.zeros(len(found.series), np.bool_) if found.unnamed is None else found.unnamed
    labels = [found.labels[row] for row in some]
    labels = [
        without_name(own) if unnamed[row] else own for row, own in zip(some, labels, strict=True)
    ]
    # Empty series lie between the others without a sample of their own.
    bounds = np.append(offsets[some], offsets[-1])
    series = SeriesSet(labels, bounds, times[inside], values[inside])
    return _result(context, Kind.MATRIX, series)


def _result(context: Context, kind: Kind, series: SeriesSet, text: str = "") -> Result:
    notes = context.notes
    return Result(kind, series, text, notes.warnings, notes.infos, context.budget.samples)
