"""How counters and gauges change within windows: ``rate``, ``increase``, ``delta`` and others."""

from __future__ import annotations

import numpy as np

from madang.core.samples import METRIC_NAME
from madang.metrics.matcher import quoted
from madang.metrics.promql.context import Context
from madang.metrics.promql.functions.family import Function, of_windows
from madang.metrics.promql.functions.starts import begun_anew, first_start, overlapping
from madang.metrics.promql.selectors import windows
from madang.metrics.promql.syntax import Call
from madang.metrics.promql.values import Bools, Value, Vector, renamed
from madang.metrics.promql.windows import Block, Windows
from madang.metrics.storage import Floats, Ints

_COUNTER_ENDINGS = ("_total", "_sum", "_count", "_bucket")


def _resets(block: Block) -> Bools:
    values, previous = block.changes_from_previous()
    fallen = values < previous
    if block.starts_ms is not None:
        fallen |= begun_anew(block, block.starts_ms)
    # The first sample of a series falls from nothing.
    begins = block.offsets[:-1]
    fallen[begins[begins < len(fallen)]] = False
    return fallen


def _lost_in_resets(block: Block) -> Floats | None:
    """What counters had reached before they fell back, per window; None if none fell back."""
    reset = _resets(block)
    places = np.flatnonzero(reset)
    if not places.size:
        return None
    fallen = block.values[places - 1]
    low = np.searchsorted(places, np.minimum(block.lo + 1, block.hi))
    high = np.searchsorted(places, block.hi)
    bounds = np.empty(2 * low.size, np.int64)
    bounds[0::2] = low.ravel()
    bounds[1::2] = high.ravel()
    sums = np.add.reduceat(np.append(fallen, 0.0), bounds)[0::2].reshape(low.shape)
    return np.where(high > low, sums, 0.0)


def extrapolated(block: Block, *, counter: bool, per_second: bool) -> tuple[Floats, Bools]:
    """The change over each window, extrapolated to its ends where samples come close to them.

    As Prometheus does it (``extrapolatedRate`` in promql/functions.go): to the window's end if
    the last sample is within 1.1 average distances of it, else by half a distance; and a counter
    is not taken to where it would have been below zero. Where a counter's first sample in a window
    started within it, the counter was zero then, and nothing is extrapolated to the left.
    """
    counts = block.counts
    first, first_ms = block.first(block.values), block.first(block.ts_ms)
    last_ms = block.last(block.ts_ms)
    change = block.last(block.values) - first
    if counter and (lost := _lost_in_resets(block)) is not None:
        change += lost
    sampled = (last_ms - first_ms).astype(np.float64)
    average = sampled / (counts - 1)
    starts_ms = block.starts_ms if counter else None
    if starts_ms is not None:
        average[counts == 1] = 0.0
    threshold = average * 1.1
    average *= 0.5
    to_start = first_ms - (block.ends - block.range_ms)
    to_start = np.where(to_start >= threshold, average, to_start)
    if counter:
        to_zero = sampled * (first / change)
        nearer = (to_zero < to_start) & (change > 0) & (first >= 0)
        to_start = np.where(nearer, to_zero, to_start)
    inside: Bools | None = None
    if starts_ms is not None:
        start_ms, inside = first_start(block, starts_ms)
        np.add(change, first, out=change, where=inside)
        np.subtract(last_ms, start_ms, out=sampled, where=inside)
        to_start[inside] = 0.0
    to_end = block.ends - last_ms
    to_start += np.where(to_end >= threshold, average, to_end)
    to_start /= sampled
    to_start += 1.0
    change *= to_start
    if per_second:
        change /= block.range_ms / 1000.0
    present: Bools = counts > 1
    return change, present if inside is None else present | inside


def _extrapolating(*, counter: bool, per_second: bool) -> Function:
    def call(context: Context, node: Call) -> Value:
        found = windows(context, node.args[0])
        overlaps: list[Ints] = []

        def function(block: Block) -> tuple[Floats, Bools]:
            if counter and block.starts_ms is not None:
                overlaps.append(overlapping(block, block.starts_ms))
            return extrapolated(block, counter=counter, per_second=per_second)

        values, present = found.map(function, context.steps)
        if overlaps:
            _warn_of_overlaps(context, found, np.concatenate(overlaps), node.args[0].pos)
        vector = Vector(found.labels, values, present, found.unnamed).without_empty()
        if counter:
            _doubt_counters(context, vector, node.args[0].pos)
        return renamed(vector, later=context.options.delayed_name_removal)

    return call


def _warn_of_overlaps(context: Context, found: Windows, overlaps: Ints, pos: int) -> None:
    for row in np.flatnonzero(overlaps).tolist():
        context.notes.warn_repeated(
            "sample has start time that overlaps with previous sample timestamp for metric "
            + quoted(dict(found.labels[row]).get(METRIC_NAME, "")),
            pos,
            int(overlaps[row]),
        )


def _doubt_counters(context: Context, vector: Vector, pos: int) -> None:
    typed = context.options.typed_labels
    doubtful: dict[str, None] = {}
    for labels in vector.labels:
        if labels and labels[0][0] == METRIC_NAME:
            name = labels[0][1]
        else:
            name = dict(labels).get(METRIC_NAME, "")
        if typed and (kind := dict(labels).get("__type__")) is not None:
            if kind not in {"counter", "histogram"}:
                text = 'metric might not be a counter, __type__ label is not set to "counter" or '
                context.notes.inform(f'{text}"histogram", got {quoted(kind)}: {quoted(name)}', pos)
        elif name and not name.endswith(_COUNTER_ENDINGS):
            doubtful[name] = None
    for name in doubtful:
        context.notes.inform(
            "metric might not be a counter, name does not end in "
            f"_total/_sum/_count/_bucket: {quoted(name)}",
            pos,
        )


def _from_last_two(*, rate: bool) -> Function:
    def function(block: Block) -> tuple[Floats, Bools]:
        last, previous = block.last(block.values), block.last(block.values, 1)
        change = last - previous
        seconds = (block.last(block.ts_ms) - block.last(block.ts_ms, 1)) / 1000.0
        if rate:
            reset: Bools = last < previous
            if block.starts_ms is not None:
                reset |= block.last(begun_anew(block, block.starts_ms)).astype(np.bool_)
            change = np.where(reset, last, change) / seconds
        return change, (block.counts > 1) & (seconds != 0)

    return lambda context, node: of_windows(context, node.args[0], function)


def _changes(block: Block) -> tuple[Floats, Bools]:
    values, previous = block.changes_from_previous()
    changed = (values != previous) & ~(np.isnan(values) & np.isnan(previous))
    return block.within(changed).astype(np.float64), block.counts > 0


def _count_resets(block: Block) -> tuple[Floats, Bools]:
    return block.within(_resets(block)).astype(np.float64), block.counts > 0


FUNCTIONS: dict[str, Function] = {
    "rate": _extrapolating(counter=True, per_second=True),
    "increase": _extrapolating(counter=True, per_second=False),
    "delta": _extrapolating(counter=False, per_second=False),
    "irate": _from_last_two(rate=True),
    "idelta": _from_last_two(rate=False),
    "changes": lambda context, node: of_windows(context, node.args[0], _changes),
    "resets": lambda context, node: of_windows(context, node.args[0], _count_resets),
}
