"""Functions of time: the step's time, the time of samples, parts of dates (all in UTC)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import numpy as np
import numpy.typing as npt

from madang.metrics.promql.context import Context
from madang.metrics.promql.errors import NativeHistogramError
from madang.metrics.promql.functions.family import Function, of_vector
from madang.metrics.promql.selectors import instant_and_times, start_times
from madang.metrics.promql.syntax import Call, Selector
from madang.metrics.promql.values import Bools, Scalar, Value, Vector, renamed
from madang.metrics.storage import Floats

Days = npt.NDArray[np.datetime64]
_REACH_S = 2.0**55
"""Seconds within which a date is computed; numpy's days reach further than that."""


def _seconds(context: Context) -> Floats:
    seconds: Floats = context.times() / 1000.0
    return seconds


def _time(context: Context, node: Call) -> Value:
    return Scalar(_seconds(context))


def _start(context: Context, node: Call) -> Value:
    return Scalar(np.full(context.steps, context.query.start_ms / 1000.0))


def _end(context: Context, node: Call) -> Value:
    return Scalar(np.full(context.steps, context.query.end_ms / 1000.0))


def _range(context: Context, node: Call) -> Value:
    length_ms = context.query.end_ms - context.query.start_ms
    return Scalar(np.full(context.steps, length_ms / 1000.0))


def _step(context: Context, node: Call) -> Value:
    step_ms = context.query.step_ms if context.query.count > 1 else 0
    return Scalar(np.full(context.steps, step_ms / 1000.0))


def _timestamp(context: Context, node: Call) -> Value:
    inner = node.args[0]
    if isinstance(inner, Selector):
        vector, times_ms = instant_and_times(context, inner)
        return of_vector(context, vector, times_ms / 1000.0)
    vector = context.numbers(inner)
    return of_vector(context, vector, np.broadcast_to(_seconds(context), vector.values.shape))


def _start_timestamp(context: Context, node: Call) -> Value:
    inner = node.args[0]
    if isinstance(inner, Selector) and context.options.start_timestamps:
        return renamed(start_times(context, inner), later=context.options.delayed_name_removal)
    # What is computed has no start timestamps, whatever it is; but it may be wrong.
    with suppress(NativeHistogramError):
        context.samples(inner)
    return Vector.empty(context.steps)


def _part(part: Callable[[npt.NDArray[np.datetime64]], npt.NDArray[np.int64]]) -> Function:
    def call(context: Context, node: Call) -> Value:
        if node.args:
            vector = context.numbers(node.args[0])
        else:
            shape = (1, context.steps)
            values = np.broadcast_to(_seconds(context), shape)
            vector = Vector([()], values, np.ones(shape, np.bool_))
        known: Bools = np.abs(vector.values) < _REACH_S
        whole = np.where(known, np.trunc(vector.values), 0).astype("datetime64[s]")
        parts = np.where(known, part(whole), np.nan)
        return of_vector(context, vector, parts)

    return call


def _since(times: Days, larger: str, smaller: str) -> npt.NDArray[np.int64]:
    begin = times.astype(f"datetime64[{larger}]").astype(f"datetime64[{smaller}]")
    parts: npt.NDArray[np.int64] = (times.astype(f"datetime64[{smaller}]") - begin).astype(np.int64)
    return parts


def _year(times: Days) -> npt.NDArray[np.int64]:
    return times.astype("datetime64[Y]").astype(np.int64) + 1970


def _day_of_week(times: Days) -> npt.NDArray[np.int64]:
    # 1970 began on a Thursday.
    return (times.astype("datetime64[D]").astype(np.int64) + 4) % 7


def _days_in_month(times: Days) -> npt.NDArray[np.int64]:
    month = times.astype("datetime64[M]")
    following = (month + 1).astype("datetime64[D]")
    days: npt.NDArray[np.int64] = (following - month.astype("datetime64[D]")).astype(np.int64)
    return days


FUNCTIONS: dict[str, Function] = {
    "time": _time,
    "start": _start,
    "end": _end,
    "range": _range,
    "start_timestamp": _start_timestamp,
    "step": _step,
    "timestamp": _timestamp,
    "minute": _part(lambda times: _since(times, "h", "m")),
    "hour": _part(lambda times: _since(times, "D", "h")),
    "day_of_week": _part(_day_of_week),
    "day_of_month": _part(lambda times: _since(times, "M", "D") + 1),
    "day_of_year": _part(lambda times: _since(times, "Y", "D") + 1),
    "days_in_month": _part(_days_in_month),
    "month": _part(lambda times: _since(times, "Y", "M") + 1),
    "year": _part(_year),
}
