"""Data points of one metric → samples."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from madang.collect.gathered import Gathered
from madang.collect.otlp.attributes import (
    labels_of_attributes,
    number_text,
    read_attributes,
)
from madang.collect.otlp.exponential import native_histogram
from madang.collect.sender_labels import SeriesError
from madang.collect.wire_messages import AnyMessage
from madang.core.samples import METRIC_NAME, STALE_NAN, canonical_labels

_NS_PER_MS = 1_000_000
_NO_RECORDED_VALUE = 1
_TIME_LIMIT_NS = 1 << 63

Known = dict[tuple[object, ...], list[int]]
"""Numbers of the series of a data point, by its attributes (and bounds), all as they came."""


class MetricPoints:
    """The data points of one metric of one resource.

    Args:
        name: The metric's name in Prometheus.
        promoted: Labels that the resource gives to points that have none of that name.
        identity: ``job`` and ``instance``, whatever the points say.
        known: What is known of the points of this name and resource; grows.
        gathered: Takes the samples.
    """

    def __init__(
        self,
        name: str,
        promoted: Mapping[str, str],
        identity: Mapping[str, str],
        known: Known,
        gathered: Gathered,
    ) -> None:
        self._name = name
        self._promoted = promoted
        self._identity = identity
        self._known = known
        self._gathered = gathered

    def number(self, place: int, point: AnyMessage) -> int:
        """Take a point of a gauge or sum; its milliseconds.

        Raises:
            SeriesError: it is refused.
        """
        ts_ms = _time_ms(point)
        if point.flags & _NO_RECORDED_VALUE:
            value = STALE_NAN
        elif point.HasField("as_double"):
            value = point.as_double
        elif point.HasField("as_int"):
            value = float(point.as_int)
        else:
            raise SeriesError("a data point has no value")
        (number,) = self._numbers(point.attributes, (), [("", {})])
        self._gathered.add_sample(place, number, ts_ms, value)
        for exemplar in point.exemplars:
            self._exemplar(place, number, exemplar)
        return ts_ms

    def histogram(self, place: int, point: AnyMessage) -> int:
        """Take a point of a histogram as ``_bucket``, ``_count`` and ``_sum``; its milliseconds.

        Raises:
            SeriesError: it is refused.
        """
        ts_ms = _time_ms(point)
        bounds, counts = tuple(point.explicit_bounds), point.bucket_counts
        if counts and len(counts) != len(bounds) + 1:
            raise SeriesError(f"a histogram has {len(bounds)} bounds and {len(counts)} buckets")
        if not all(low < high for low, high in itertools.pairwise((-math.inf, *bounds))):
            raise SeriesError("the bounds of a histogram do not grow")
        if not counts:
            bounds = ()
        if bounds and bounds[-1] == math.inf:
            bounds = bounds[:-1]
        stale = bool(point.flags & _NO_RECORDED_VALUE)
        les = [*map(number_text, bounds), "+Inf"]
        parts = [("_count", {}), *(("_bucket", {"le": le}) for le in les), ("_sum", {})]
        numbers = self._numbers(point.attributes, ("le", *bounds), parts)
        below = 0
        values = [float(point.count)]
        for count in counts[: len(bounds)]:
            below += count
            values.append(float(below))
        values.append(float(point.count))
        if point.HasField("sum") or stale:
            values.append(point.sum)
        for number, value in zip(numbers, values, strict=False):
            self._gathered.add_sample(place, number, ts_ms, STALE_NAN if stale else value)
        for exemplar in point.exemplars:
            value = _exemplar_value(exemplar)
            bucket = sum(bound < value for bound in bounds)
            self._exemplar(place, numbers[1 + bucket], exemplar)
        return ts_ms

    def summary(self, place: int, point: AnyMessage) -> int:
        """Take a point of a summary as quantiles, ``_count`` and ``_sum``; its milliseconds.

        Raises:
            SeriesError: it is refused.
        """
        ts_ms = _time_ms(point)
        quantiles = tuple(one.quantile for one in point.quantile_values)
        if len(set(map(repr, quantiles))) < len(quantiles):
            raise SeriesError("a quantile of a summary is repeated")
        parts = [("", {"quantile": number_text(one)}) for one in quantiles]
        parts += [("_count", {}), ("_sum", {})]
        numbers = self._numbers(point.attributes, ("quantile", *quantiles), parts)
        values = [*(one.value for one in point.quantile_values), float(point.count), point.sum]
        stale = bool(point.flags & _NO_RECORDED_VALUE)
        for number, value in zip(numbers, values, strict=True):
            self._gathered.add_sample(place, number, ts_ms, STALE_NAN if stale else value)
        return ts_ms

    def exponential(self, place: int, point: AnyMessage) -> int:
        """Take a point of an exponential histogram as a native one; its milliseconds.

        Raises:
            SeriesError: it is refused.
        """
        ts_ms = _time_ms(point)
        stale = bool(point.flags & _NO_RECORDED_VALUE)
        message, total = native_histogram(point, ts_ms, stale=stale)
        (number,) = self._numbers(point.attributes, (), [("", {})])
        self._gathered.add_histogram(number, message, ts_ms, total)
        for exemplar in point.exemplars:
            self._exemplar(place, number, exemplar)
        return ts_ms

    def _numbers(
        self,
        attributes: Sequence[Any],
        shape: tuple[object, ...],
        parts: Sequence[tuple[str, Mapping[str, str]]],
    ) -> list[int]:
        """The numbers of the series of a point: one for each suffix and labels of ``parts``."""
        wires = _wires(attributes)
        key = (*wires, shape) if shape else wires
        if (found := self._known.get(key)) is not None:
            return found
        own = labels_of_attributes(read_attributes(wires))
        labels = {**self._promoted, **own, **self._identity}
        table = self._gathered.table
        numbers = []
        for suffix, more in parts:
            whole = {**labels, **more, METRIC_NAME: self._name + suffix}
            numbers.append(table.number(canonical_labels(whole)))
        self._known[key] = numbers
        table.note(b"".join(wires))
        return numbers

    def _exemplar(self, place: int, number: int, exemplar: AnyMessage) -> None:
        try:
            labels = labels_of_attributes(read_attributes(_wires(exemplar.filtered_attributes)))
            for name in ("trace_id", "span_id"):
                given = getattr(exemplar, name)
                if given:
                    labels[name] = given.hex() if isinstance(given, bytes) else given
            pairs = [(name.encode(), value.encode()) for name, value in labels.items()]
            self._gathered.add_exemplar(
                number, pairs, _exemplar_value(exemplar), exemplar.time_unix_nano // _NS_PER_MS
            )
        except SeriesError as error:
            self._gathered.refuse_part(place + 1, "an exemplar", number, error)


def _wires(attributes: Sequence[Any]) -> tuple[bytes, ...]:
    return tuple(
        one if isinstance(one, bytes) else one.SerializeToString(deterministic=True)
        for one in attributes
    )


def _exemplar_value(exemplar: AnyMessage) -> float:
    return exemplar.as_double if exemplar.HasField("as_double") else float(exemplar.as_int)


def _time_ms(point: AnyMessage) -> int:
    time_ns: int = point.time_unix_nano
    if not 0 < time_ns < _TIME_LIMIT_NS:
        raise SeriesError(f"a data point's time is {time_ns}")
    return time_ns // _NS_PER_MS
