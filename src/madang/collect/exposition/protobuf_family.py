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
ABSENT = (0, 0)
"""The place of a number that was left out: 0."""

Number = tuple[int, int]
"""Where a number begins and ends: 8 bytes that are a double if ``fixed``, else a varint."""
Pairs = list[tuple[bytes, bytes]]


@dataclass(slots=True)
class FamilyParts:
    """What a family says; places of numbers are counted from where its message begins.

    ``series``, ``numbers`` and ``fixed`` have one element for each sample. ``steady`` says that
    in a page that differs in nothing but these numbers, all else is as it is here.
    """

    family: Family
    series: list[int] = field(default_factory=list)
    numbers: list[Number] = field(default_factory=list)
    fixed: list[bool] = field(default_factory=list)
    ts_ms: list[int] = field(default_factory=list)
    exemplars: list[Exemplar] = field(default_factory=list)
    created: list[Created] = field(default_factory=list)
    histograms: list[NativeHistogram] = field(default_factory=list)
    steady: bool = True


def read_family(body: bytes, known: KnownSeries) -> FamilyParts:
    """Read the message of a family.

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
    texts = (_text(name), _text(help_text), _text(unit))
    parts = FamilyParts(Family(texts[0], _TYPES[kind], texts[1], texts[2]))
    reading = _FamilyReading(body, name, parts, known)
    for at, end in metrics:
        reading.metric(at, end)
    return parts


class _FamilyReading:
    def __init__(self, body: bytes, name: bytes, parts: FamilyParts, known: KnownSeries) -> None:
        self._body = body
        self._name = name
        self._parts = parts
        self._known = known

    def metric(self, at: int, end: int) -> None:
        body, parts = self._body, self._parts
        wanted = _VALUE_FIELDS.get(parts.family.type)
        if wanted is None:
            wanted = _SUMMARY if parts.family.type is MetricType.SUMMARY else _HISTOGRAM
        pairs: Pairs = []
        inner = (0, 0)
        ts_ms = 0
        first = len(parts.series)
        for number, wire, start, stop in fields(body, at, end):
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
        parts.ts_ms.extend([ts_ms or NO_TIMESTAMP] * (len(parts.series) - first))

    def _add(self, suffix: bytes, pairs: Pairs, number: Number, *, fixed: bool) -> int:
        labels = [(b"__name__", self._name + suffix), *pairs]
        parts = self._parts
        parts.series.append(self._known.place(canonical_bytes(labels, -1)))
        parts.numbers.append(number)
        parts.fixed.append(fixed)
        return len(parts.series) - 1

    def _simple(self, pairs: Pairs, at: int, end: int) -> None:
        value = ABSENT
        place = len(self._parts.series)
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
        place = len(self._parts.series)
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
        body, parts = self._body, self._parts
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
            parts.histograms.append(NativeHistogram(place, body[at:end]))
            for start, stop in exemplars:
                self._exemplar(place, start, stop)

    def _bucket(self, pairs: Pairs, at: int, end: int) -> bool:
        body = self._body
        count = count_float = ABSENT
        bound = 0.0
        place = len(self._parts.series)
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
        self._parts.steady = False
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
        self._parts.exemplars.append(Exemplar(place, canonical_bytes(pairs, -1), value, ts_ms))

    def _created(self, place: int, at: int, end: int) -> None:
        self._parts.created.append(Created(place, _time(self._body, at, end)))


def _pair(body: bytes, at: int, end: int) -> tuple[bytes, bytes]:
    name = value = b""
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
