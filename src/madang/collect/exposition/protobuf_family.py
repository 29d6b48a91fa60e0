"""One ``io.prometheus.client.MetricFamily``: its samples, as places in the page and of series.

Field numbers are those of Prometheus's client model. Where a number stands is kept rather than
the number, so that the next page, if it differs in nothing but numbers, is read in bulk.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache

from madang.collect.exposition.known import KnownSeries, canonical_bytes
from madang.collect.exposition.numbers import INT64_MAX, format_float
from madang.collect.exposition.page import (
    NO_TIMESTAMP,
    Created,
    Exemplar,
    Family,
    MetricType,
    NativeHistogram,
)
from madang.collect.exposition.problem import MalformedPageError
from madang.collect.exposition.protobuf_wire import (
    BYTES,
    DOUBLE,
    VARINT,
    broken,
    fields,
    read_double,
    read_varint,
    signed,
)

_TYPES = {
    0: MetricType.COUNTER,
    1: MetricType.GAUGE,
    2: MetricType.SUMMARY,
    3: MetricType.UNKNOWN,
    4: MetricType.HISTOGRAM,
    5: MetricType.GAUGE_HISTOGRAM,
}
_VALUE_FIELDS = {MetricType.COUNTER: 3, MetricType.GAUGE: 2, MetricType.UNKNOWN: 5}
_SUMMARY, _HISTOGRAM, _TIMESTAMP = 4, 7, 6
_NATIVE = frozenset({6, 7, 8, 9, 12})  # what the zero bucket is and holds, and spans
_NAME_TAG, _VALUE_TAG = 0x0A, 0x12
ABSENT = (0, 0)
"""The place of a number that was left out: 0."""

Number = tuple[int, int]
"""Where a number begins and ends: 8 bytes that are a double if ``fixed``, else a varint."""
Pairs = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class FamilyHead:
    """A family without its metrics, and where those are in its message."""

    family: Family
    name: bytes
    metrics: list[tuple[int, int]]


@dataclass(slots=True)
class MetricParts:
    """What a metric says; places of numbers are counted from where its message begins.

    ``series``, ``numbers``, ``fixed`` and ``ts_ms`` have one element for each sample. ``steady``
    says that in a message that differs in nothing but these numbers, all else is as it is here.
    """

    series: list[int] = field(default_factory=list)
    numbers: list[Number] = field(default_factory=list)
    fixed: list[bool] = field(default_factory=list)
    ts_ms: list[int] = field(default_factory=list)
    exemplars: tuple[Exemplar, ...] = ()
    created: tuple[Created, ...] = ()
    histograms: tuple[NativeHistogram, ...] = ()
    steady: bool = True


def read_head(body: bytes) -> FamilyHead:
    """Read the message of a family, without its metrics.

    Raises:
        MalformedPageError: it is none, has no name, or its type is unknown.
    """
    name = help_text = unit = b""
    kind = 0
    metrics: list[tuple[int, int]] = []
    for number, wire, at, end in fields(body, 0, len(body)):
        if number == 4 and wire == BYTES:
            metrics.append((at, end))
        elif number == 1 and wire == BYTES:
            name = body[at:end]
        elif number == 2 and wire == BYTES:
            help_text = body[at:end]
        elif number == 5 and wire == BYTES:
            unit = body[at:end]
        elif number == 3 and wire == VARINT:
            kind, _ = read_varint(body, at, end)
    if not name:
        raise broken("a family without a name", 0)
    if kind not in _TYPES:
        raise broken(f"the unknown type {kind} of {name!r}", 0)
    family = Family(_text(name), _TYPES[kind], _text(help_text), _text(unit))
    return FamilyHead(family, name, metrics)


def read_metric(message: bytes, head: FamilyHead, known: KnownSeries) -> MetricParts:
    """Read the message of a metric of a family.

    Raises:
        MalformedPageError: it is none, or its labels cannot be.
    """
    reading = _MetricReading(message, head, known)
    reading.read()
    return reading.parts


class _MetricReading:
    def __init__(self, body: bytes, head: FamilyHead, known: KnownSeries) -> None:
        self._body = body
        self._name = head.name
        self._type = head.family.type
        self._known = known
        self.parts = MetricParts()

    def read(self) -> None:
        body = self._body
        wanted = _VALUE_FIELDS.get(self._type)
        if wanted is None:
            wanted = _SUMMARY if self._type is MetricType.SUMMARY else _HISTOGRAM
        pairs: Pairs = []
        inner = (0, 0)
        ts_ms = 0
        for number, wire, start, stop in fields(body, 0, len(body)):
            if number == 1 and wire == BYTES:
                pairs.append(_pair(body, start, stop))
            elif number == wanted and wire == BYTES:
                inner = (start, stop)
            elif number == _TIMESTAMP and wire == VARINT:
                ts_ms = signed(read_varint(body, start, stop)[0])
        if wanted == _SUMMARY:
            self._summary(pairs, *inner)
        elif wanted == _HISTOGRAM:
            self._histogram(pairs, *inner)
        else:
            self._simple(pairs, *inner)
        # As in Prometheus 0 means no time: older libraries cannot tell the two apart.
        self.parts.ts_ms = [ts_ms or NO_TIMESTAMP] * len(self.parts.series)

    def _add(self, suffix: bytes, pairs: Pairs, number: Number, *, fixed: bool) -> int:
        labels = [(b"__name__", self._name + suffix), *pairs]
        parts = self.parts
        parts.series.append(self._known.place_of_pairs(labels, -1))
        parts.numbers.append(number)
        parts.fixed.append(fixed)
        return len(parts.series) - 1

    def _simple(self, pairs: Pairs, at: int, end: int) -> None:
        value = ABSENT
        place = len(self.parts.series)
        for number, wire, start, stop in fields(self._body, at, end):
            if number == 1 and wire == DOUBLE:
                value = (start, stop)
            elif number == 2 and wire == BYTES:
                self._exemplar(place, start, stop)
            elif number == 3 and wire == BYTES:
                self._created(place, start, stop)
        self._add(b"", pairs, value, fixed=True)

    def _summary(self, pairs: Pairs, at: int, end: int) -> None:
        body = self._body
        count = total = ABSENT
        quantiles: list[tuple[float, Number]] = []
        place = len(self.parts.series)
        for number, wire, start, stop in fields(body, at, end):
            if number == 1 and wire == VARINT:
                count = (start, stop)
            elif number == 2 and wire == DOUBLE:
                total = (start, stop)
            elif number == 3 and wire == BYTES:
                found = {n: (a, b) for n, w, a, b in fields(body, start, stop) if w == DOUBLE}
                quantile = read_double(body, found[1][0]) if 1 in found else 0.0
                quantiles.append((quantile, found.get(2, ABSENT)))
            elif number == 4 and wire == BYTES:
                self._created(place, start, stop)
        self._add(b"_count", pairs, count, fixed=False)
        self._add(b"_sum", pairs, total, fixed=True)
        for quantile, value in quantiles:
            self._add(b"", [*pairs, (b"quantile", _bound(quantile))], value, fixed=True)

    def _histogram(self, pairs: Pairs, at: int, end: int) -> None:
        body, parts = self._body, self.parts
        place = len(parts.series)
        count = total = count_float = ABSENT
        buckets: list[tuple[int, int]] = []
        exemplars: list[tuple[int, int]] = []
        native = False
        for number, wire, start, stop in fields(body, at, end):
            if number == 3 and wire == BYTES:
                buckets.append((start, stop))
            elif number == 1 and wire == VARINT:
                count = (start, stop)
            elif number == 2 and wire == DOUBLE:
                total = (start, stop)
            elif number == 4 and wire == DOUBLE:
                count_float = (start, stop)
            elif number in _NATIVE:
                native = native or wire == BYTES or body[start:stop].count(0) < stop - start
            elif number == 15 and wire == BYTES:
                self._created(place, start, stop)
            elif number == 16 and wire == BYTES:
                exemplars.append((start, stop))
        whole, fixed = self._either(count, count_float)
        self._add(b"_count", pairs, whole, fixed=fixed)
        self._add(b"_sum", pairs, total, fixed=True)
        infinite = False
        for start, stop in buckets:
            infinite |= self._bucket(pairs, start, stop)
        if not infinite:
            self._add(b"_bucket", [*pairs, (b"le", b"+Inf")], whole, fixed=fixed)
        if native:
            parts.steady = False
            place = self._add(b"", pairs, total, fixed=True)
            parts.histograms = (NativeHistogram(place, body[at:end]),)
            for start, stop in exemplars:
                self._exemplar(place, start, stop)

    def _bucket(self, pairs: Pairs, at: int, end: int) -> bool:
        body = self._body
        count = count_float = ABSENT
        bound = 0.0
        place = len(self.parts.series)
        for number, wire, start, stop in fields(body, at, end):
            if number == 1 and wire == VARINT:
                count = (start, stop)
            elif number == 2 and wire == DOUBLE:
                bound = read_double(body, start)
            elif number == 3 and wire == BYTES:
                self._exemplar(place, start, stop)
            elif number == 4 and wire == DOUBLE:
                count_float = (start, stop)
        value, fixed = self._either(count, count_float)
        self._add(b"_bucket", [*pairs, (b"le", _bound(bound))], value, fixed=fixed)
        return bound == math.inf

    def _either(self, whole: Number, fraction: Number) -> tuple[Number, bool]:
        """A count, which as a fraction above 0 stands in a field of its own."""
        if fraction == ABSENT:
            return whole, False
        self.parts.steady = False
        return (fraction, True) if read_double(self._body, fraction[0]) > 0 else (whole, False)

    def _exemplar(self, place: int, at: int, end: int) -> None:
        body = self._body
        pairs: Pairs = []
        value, ts_ms = 0.0, None
        for number, wire, start, stop in fields(body, at, end):
            if number == 1 and wire == BYTES:
                pairs.append(_pair(body, start, stop))
            elif number == 2 and wire == DOUBLE:
                value = read_double(body, start)
            elif number == 3 and wire == BYTES:
                ts_ms = _time(body, start, stop)
        exemplar = Exemplar(place, canonical_bytes(pairs, -1), value, ts_ms)
        self.parts.exemplars = (*self.parts.exemplars, exemplar)

    def _created(self, place: int, at: int, end: int) -> None:
        self.parts.created = (Created(place, _time(self._body, at, end)),)


def _pair(body: bytes, at: int, end: int) -> tuple[bytes, bytes]:
    name, value = _short_pair(body, at, end)
    if not name:
        for number, wire, start, stop in fields(body, at, end):
            if wire == BYTES:
                if number == 1:
                    name = body[start:stop]
                elif number == 2:
                    value = body[start:stop]
    if not name:
        raise broken("a label without a name", at)
    if not (name.isascii() and value.isascii()):
        _text(name)
        _text(value)
    return name, value


def _short_pair(body: bytes, at: int, end: int) -> tuple[bytes, bytes]:
    """Nearly all labels: name and value in this order, below 128 bytes each; else empty."""
    if end - at > 4 and body[at] == _NAME_TAG:
        middle = at + 2 + body[at + 1]
        if (
            middle + 1 < end
            and body[at + 1] < 128
            and body[middle] == _VALUE_TAG
            and body[middle + 1] < 128
            and middle + 2 + body[middle + 1] == end
        ):
            return body[at + 2 : middle], body[middle + 2 : end]
    return b"", b""


def _time(body: bytes, at: int, end: int) -> int:
    """A ``google.protobuf.Timestamp`` in milliseconds."""
    seconds = nanoseconds = 0
    for number, wire, start, stop in fields(body, at, end):
        if wire == VARINT:
            value = signed(read_varint(body, start, stop)[0])
            if number == 1:
                seconds = value
            elif number == 2:
                nanoseconds = value
    return max(NO_TIMESTAMP + 1, min(INT64_MAX, seconds * 1000 + nanoseconds // 1_000_000))


def _text(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError:
        shown = text[:40].decode(errors="backslashreplace")
        raise MalformedPageError(f"{shown!r} is not valid UTF-8", -1) from None


@lru_cache(maxsize=4096)
def _bound(value: float) -> bytes:
    return format_float(value, always_point=True).encode()
