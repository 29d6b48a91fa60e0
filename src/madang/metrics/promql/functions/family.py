"""What functions have in common: their signature, and how they go over vectors and windows."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from madang.core.samples import METRIC_NAME, is_opaque
from madang.metrics.matcher import quoted
from madang.metrics.promql.context import Context
from madang.metrics.promql.selectors import narrowed, windows
from madang.metrics.promql.syntax import Call, Node
from madang.metrics.promql.values import Bools, Value, Vector, renamed
from madang.metrics.promql.windows import Block, RangeFunction, Windows
from madang.metrics.storage import Floats, Ints

Function: TypeAlias = Callable[[Context, Call], Value]
"""Evaluates a call."""

WindowValues: TypeAlias = Callable[[Floats, Ints, Ints], Floats]
"""From windows of one length (rows of values, of times, and the step of each) to a value each."""


class Histograms(enum.Enum):
    """What a function does with native histograms in a window."""

    REFUSED = "they cannot be evaluated yet"
    TAKEN = "each is a sample like the others"
    IGNORED = "only the numbers count"


def of_vector(
    context: Context, vector: Vector, values: Floats, present: Bools | None = None
) -> Vector:
    """New values for the series of a vector, which lose the metric's name."""
    present = vector.present if present is None else present
    changed = Vector(vector.labels, values, present, vector.unnamed)
    return renamed(changed, later=context.options.delayed_name_removal)


def of_windows(
    context: Context,
    node: Node,
    function: RangeFunction,
    *,
    named: bool = False,
    every_step: bool = False,
    histograms: Histograms = Histograms.REFUSED,
) -> Vector:
    """A function over the windows of a range vector.

    Args:
        context: Where the range vector is evaluated.
        node: The range vector.
        function: From windows to values.
        named: Whether the metric's name stays.
        histograms: What becomes of native histograms.
        every_step: Whether the function wants a window for each step even where all are the same.
    """
    found = windows(context, node, histograms=histograms is not Histograms.REFUSED)
    if histograms is Histograms.IGNORED and context.budget.histograms:
        found = _numbers(context, found, node.pos)
    if every_step:
        found = found.at_every_step(context.steps)
    values, present = found.map(function, context.steps)
    vector = Vector(found.labels, values, present, found.unnamed).without_empty()
    if named:
        return vector
    return renamed(vector, later=context.options.delayed_name_removal)


def _numbers(context: Context, found: Windows, pos: int) -> Windows:
    """Windows without the native histograms in them; a window of both kinds is told of."""
    opaque = is_opaque(found.series.values)
    if not opaque.any():
        return found
    numbers = replace(found, series=narrowed(found.series, ~opaque))
    others = replace(found, series=narrowed(found.series, opaque))
    there = [
        part.map(lambda block: (np.zeros(block.lo.shape), block.counts > 0), context.steps)[1]
        for part in (numbers, others)
    ]
    for row in np.flatnonzero((there[0] & there[1]).any(axis=1)).tolist():
        name = dict(found.labels[row]).get(METRIC_NAME, "")
        context.notes.inform(
            "ignored histograms in a range containing both floats and histograms"
            + (f" for metric name {quoted(name)}" if name else ""),
            pos,
        )
    return numbers


def over_gathered(block: Block, function: WindowValues, least: int = 1) -> tuple[Floats, Bools]:
    """A function over windows laid out side by side, those of at least some samples."""
    out = np.zeros(block.lo.size)
    for cells, index in block.gathered():
        if index.shape[1] >= least:
            step = cells % block.lo.shape[1]
            out[cells] = function(block.values[index], block.ts_ms[index], step)
    return out.reshape(block.lo.shape), block.counts >= least
