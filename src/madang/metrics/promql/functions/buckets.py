"""Functions of histograms, over their classic buckets (series with the label ``le``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from madang.core.samples import METRIC_NAME
from madang.metrics.matcher import Labels, quoted
from madang.metrics.promql.context import Context
from madang.metrics.promql.errors import QueryFailedError
from madang.metrics.promql.functions.bucket_math import bucket_fraction, bucket_quantile
from madang.metrics.promql.functions.family import Function
from madang.metrics.promql.functions.labels import valid_name, with_label
from madang.metrics.promql.groups import Groups
from madang.metrics.promql.quantiles import spoken, warn_of_quantiles
from madang.metrics.promql.syntax import Call
from madang.metrics.promql.values import Value, Vector, merged, renamed
from madang.metrics.storage import Floats, Ints

_BUCKET = "le"


@dataclass(frozen=True, slots=True)
class _Histograms:
    """Buckets put together: ``rows[i]`` are the rows of histogram ``i``, ascending by bound."""

    labels: list[Labels]
    names: list[str]
    rows: list[tuple[int, ...]]
    bounds: list[tuple[float, ...]]


def _histograms(context: Context, vector: Vector, pos: int) -> _Histograms:
    bounds: list[float] = []
    good: list[int] = []
    for row, labels in enumerate(vector.labels):
        text = next((value for name, value in labels if name == _BUCKET), "")
        try:
            bounds.append(_bound(text))
            good.append(row)
        except ValueError:
            name = dict(labels).get(METRIC_NAME, "")
            context.notes.warn(
                f'bucket label "le" is missing or has a malformed value of {quoted(text)}'
                + _of_metric(name),
                pos,
            )
    if not good:
        return _Histograms([], [], [], [])
    groups = Groups.by(
        [vector.labels[row] for row in good], lambda labels: with_label(labels, _BUCKET, "")
    )
    members: list[list[tuple[float, int]]] = [[] for _ in groups.labels]
    for group, bound, row in zip(groups.of.tolist(), bounds, good, strict=True):
        members[group].append((bound, row))
    names = [dict(labels).get(METRIC_NAME, "") for labels in groups.labels]
    for buckets in members:
        buckets.sort()
    return _Histograms(
        list(groups.labels),
        names,
        [tuple(row for _, row in buckets) for buckets in members],
        [tuple(bound for bound, _ in buckets) for buckets in members],
    )


def _bound(text: str) -> float:
    if "_" in text or text != text.strip():
        raise ValueError(text)
    return float(text)


def _of_metric(name: str) -> str:
    return f" for metric name {quoted(name)}" if name else ""


@dataclass(frozen=True, slots=True)
class Stack:
    """Histograms of the same bounds, at the steps at which they have the same buckets.

    ``counts`` is buckets × columns; column ``j`` is histogram ``histogram[j]`` at ``step[j]``.
    """

    bounds: Floats
    counts: Floats
    histogram: Ints
    step: Ints


def _stacks(found: _Histograms, vector: Vector) -> Iterator[Stack]:
    alike: dict[tuple[float, ...], list[int]] = {}
    for histogram, bounds in enumerate(found.bounds):
        alike.setdefault(bounds, []).append(histogram)
    steps = vector.present.shape[1]
    for bounds, histograms in alike.items():
        rows = np.array([found.rows[histogram] for histogram in histograms]).T
        counts = vector.values[rows].reshape(len(bounds), -1)
        present = vector.present[rows].reshape(len(bounds), -1)
        columns = np.repeat(np.array(histograms), steps)
        step = np.tile(np.arange(steps), len(histograms))
        if present.all():
            yield Stack(np.array(bounds), counts, columns, step)
            continue
        for pattern, chosen in _patterns(present):
            if pattern.any():
                yield Stack(
                    np.array(bounds)[pattern],
                    counts[:, chosen][pattern],
                    columns[chosen],
                    step[chosen],
                )


def _patterns(present: npt.NDArray[np.bool_]) -> Iterator[tuple[npt.NDArray[np.bool_], Ints]]:
    """The different columns, each with the places at which it stands."""
    packed = np.packbits(present, axis=0)
    words = -(-len(packed) // 8)
    padded = np.zeros((packed.shape[1], words * 8), np.uint8)
    padded[:, : len(packed)] = packed.T
    keys = padded.view(np.uint64).T
    order = np.lexsort(keys) if words > 1 else np.argsort(keys[0], kind="stable")
    ends = np.flatnonzero(np.any(np.diff(keys[:, order], axis=1) != 0, axis=0)) + 1
    for chosen in np.split(order, ends):
        yield present[:, chosen[0]], chosen


def _per_histogram(
    context: Context,
    found: _Histograms,
    vector: Vector,
    function: Callable[[Stack], Floats],
) -> Vector:
    shape = (len(found.labels), context.steps)
    values, present = np.zeros(shape), np.zeros(shape, np.bool_)
    for stack in _stacks(found, vector):
        values[stack.histogram, stack.step] = function(stack)
        present[stack.histogram, stack.step] = True
    result = Vector(found.labels, values, present).without_empty()
    return renamed(result, later=context.options.delayed_name_removal)


def _quantiles(
    context: Context, found: _Histograms, vector: Vector, quantiles: Floats, pos: int
) -> Vector:
    forced: set[int] = set()

    def function(stack: Stack) -> Floats:
        values, mended = bucket_quantile(quantiles[stack.step], stack.bounds, stack.counts)
        forced.update(np.unique(stack.histogram[mended]).tolist())
        return values

    result = _per_histogram(context, found, vector, function)
    for histogram in sorted(forced):
        context.notes.inform(
            "input to histogram_quantile needed to be fixed for monotonicity (see "
            "https://prometheus.io/docs/prometheus/latest/querying/functions/"
            f"#histogram_quantile){_of_metric(found.names[histogram])}",
            pos,
        )
    return result


def _histogram_quantile(context: Context, node: Call) -> Value:
    quantiles = context.scalar(node.args[0])
    warn_of_quantiles(context, quantiles, node.args[0].pos)
    vector = context.vector(node.args[1])
    if not len(vector):
        return Vector.empty(context.steps)
    found = _histograms(context, vector, node.args[1].pos)
    return _quantiles(context, found, vector, quantiles, node.args[1].pos)


def _histogram_quantiles(context: Context, node: Call) -> Value:
    vector = context.vector(node.args[0])
    label = context.text(node.args[1])
    if not valid_name(label):
        raise QueryFailedError(f"invalid label name {quoted(label)}")
    parts = []
    found = _histograms(context, vector, node.args[0].pos)
    for arg in node.args[2:]:
        quantiles = context.scalar(arg)
        warn_of_quantiles(context, quantiles, arg.pos)
        for value in dict.fromkeys(quantiles.tolist()):
            part = _quantiles(context, found, vector, quantiles, node.args[0].pos)
            labels = [with_label(item, label, _open_metrics(value)) for item in part.labels]
            here = part.present & ((quantiles == value) | (np.isnan(quantiles) & np.isnan(value)))
            parts.append(Vector(labels, part.values, here, part.unnamed))
    if not parts:
        return Vector.empty(context.steps)
    later = context.options.delayed_name_removal
    return merged(
        Vector(
            [labels for part in parts for labels in part.labels],
            np.concatenate([part.values for part in parts]),
            np.concatenate([part.present for part in parts]),
            np.ones(sum(map(len, parts)), np.bool_) if later else None,
        )
    ).without_empty()


def _open_metrics(number: float) -> str:
    text = spoken(number)
    return f"{text}.0" if text.lstrip("-").isdigit() else text


def _histogram_fraction(context: Context, node: Call) -> Value:
    lower, upper = context.scalar(node.args[0]), context.scalar(node.args[1])
    vector = context.vector(node.args[2])
    if not len(vector):
        return Vector.empty(context.steps)
    found = _histograms(context, vector, node.args[2].pos)

    def function(stack: Stack) -> Floats:
        return bucket_fraction(lower[stack.step], upper[stack.step], stack.bounds, stack.counts)

    return _per_histogram(context, found, vector, function)


def _of_native_only(context: Context, node: Call) -> Value:
    """Of plain numbers these functions give nothing."""
    context.vector(node.args[0])
    return Vector.empty(context.steps)


FUNCTIONS: dict[str, Function] = {
    "histogram_quantile": _histogram_quantile,
    "histogram_quantiles": _histogram_quantiles,
    "histogram_fraction": _histogram_fraction,
    **dict.fromkeys(
        (
            "histogram_avg",
            "histogram_count",
            "histogram_sum",
            "histogram_stddev",
            "histogram_stdvar",
        ),
        _of_native_only,
    ),
}
