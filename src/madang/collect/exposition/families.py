"""The order that OpenMetrics asks of a page: families, their metrics, and their samples.

A page is a row of families, each with its metadata first. Within a family the samples of one
metric (its *group*: the labels without the bucket's or quantile's own) stand together, within a
metric those of one time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from decimal import Decimal

from madang.collect.exposition.numbers import parse_float
from madang.collect.exposition.page import Family, MetricType
from madang.collect.exposition.problem import MalformedPageError
from madang.collect.exposition.rules import RulesInMaking

SUFFIXES: dict[MetricType, tuple[bytes, ...]] = {
    MetricType.COUNTER: (b"_total", b"_created"),
    MetricType.SUMMARY: (b"", b"_count", b"_sum", b"_created"),
    MetricType.HISTOGRAM: (b"_bucket", b"_count", b"_sum", b"_created"),
    MetricType.GAUGE_HISTOGRAM: (b"_bucket", b"_gcount", b"_gsum"),
    MetricType.INFO: (b"_info",),
}
_COUNTING = (b"_total", b"_sum", b"_count", b"_bucket", b"_gcount")
_WHOLE = (b"_count", b"_bucket", b"_gcount")
_WITHOUT_UNIT = (MetricType.INFO, MetricType.STATESET)
_BOUNDS = (b"le", b"quantile")
_BUCKETED = (MetricType.HISTOGRAM, MetricType.GAUGE_HISTOGRAM)

METRIC_NAME = b"__name__"


@dataclass(slots=True)
class KnownSample:
    """A series as the rules see it.

    ``labels`` are the canonical ones; ``odd_infinity`` says that its ``le`` is infinite, but not
    written ``+Inf``. What follows is about its metric: ``group`` are the labels without the name
    and without the label ``own``, which within its metric is the sample's own; ``bound`` is the
    number in that one. There are as many of these as series: none holds a container.
    """

    place: int
    name: bytes
    labels: bytes
    odd_infinity: bool
    own: bytes = METRIC_NAME
    has_own: bool = False
    bound: float = math.nan
    group: bytes = b""

    def see_as(self, own: bytes) -> None:
        """Take one label as the sample's own; its metric's name for none."""
        if self.group and own == self.own:
            return
        parts = self.labels.split(b"\xff")
        names = parts[::2]
        self.own, self.has_own, self.bound = own, own in names, math.nan
        if self.has_own:
            at = 2 * names.index(own)
            if own in _BOUNDS:
                self.bound = _bound(parts[at + 1])
            del parts[at : at + 2]
        if own != METRIC_NAME:
            at = 2 * parts[::2].index(METRIC_NAME)
            del parts[at : at + 2]
        self.group = b"\xff".join((b"", *parts))


@dataclass(slots=True)
class _Buckets:
    """The histogram of one metric at one time, so far; places of samples, -1 for none."""

    bound: float = -math.inf
    bucket: int = -1
    count: int = -1
    sum: int = -1
    gauge_sum: int = -1
    below_zero: bool = False


@dataclass(slots=True)
class _OpenFamily:
    name: bytes
    type: MetricType | None = None
    help: str | None = None
    unit: bytes | None = None
    suffixes: dict[bytes, bytes] = field(default_factory=dict)
    sampled: bool = False
    group: bytes | None = None
    first: int = -1
    time: Decimal | None = None
    at_time: set[int] = field(default_factory=set)
    groups: set[bytes] = field(default_factory=set)
    buckets: _Buckets | None = None

    def __post_init__(self) -> None:
        self.suffixes = {self.name: b""}


class Families:
    """Takes in a page line by line, in order; collects what is asked of its values."""

    def __init__(self) -> None:
        self.rules = RulesInMaking()
        self.metadata: list[Family] = []
        self._names: set[bytes] = set()
        self._open: _OpenFamily | None = None

    def describe(self, kind: bytes, name: bytes, text: bytes, at: int) -> None:
        """A line of metadata.

        Raises:
            MalformedPageError: it is repeated, in the wrong place, or its type is none.
        """
        family = self._open
        if family is None or family.name != name:
            family = self._begin(name, at)
        elif family.sampled:
            raise _wrong(f"metadata of {name.decode()} behind its samples", at)
        if kind == b"TYPE":
            if family.type is not None:
                raise _wrong(f"a second TYPE of {name.decode()}", at)
            family.type = metric_type(text, at)
            suffixes = SUFFIXES.get(family.type, (b"",))
            family.suffixes = {name + suffix: suffix for suffix in suffixes}
        elif kind == b"HELP":
            if family.help is not None:
                raise _wrong(f"a second HELP of {name.decode()}", at)
            family.help = text.decode()
        else:
            if family.unit is not None:
                raise _wrong(f"a second UNIT of {name.decode()}", at)
            family.unit = text

    def add(self, place: int, sample: KnownSample, time: Decimal | None, at: int) -> None:
        """A sample.

        Raises:
            MalformedPageError: it is in the wrong place, or lacks a label that its type asks for.
        """
        family = self._open
        suffix = family.suffixes.get(sample.name) if family is not None else None
        if family is None or suffix is None:
            family = self._begin(sample.name, at)
            family.type, suffix = MetricType.UNKNOWN, b""
        family.sampled = True
        self._see(family, suffix, sample, at)
        group = b"" if family.type is MetricType.INFO else sample.group
        self._place_in_group(family, place, group, time, at)
        if sample.place in family.at_time:
            return  # the same series at the same time: times were cut somewhere on the way
        family.at_time.add(sample.place)
        self._ask(family, suffix, place)
        if family.buckets is not None:
            self._add_to_histogram(family.buckets, place, suffix, sample, at)

    def finish(self, at: int) -> None:
        """The page ends.

        Raises:
            MalformedPageError: its last family is not complete.
        """
        if self._open is not None:
            self._close(self._open, at)
        self._open = None

    def _begin(self, name: bytes, at: int) -> _OpenFamily:
        if self._open is not None:
            self._close(self._open, at)
        self._open = _OpenFamily(name)
        return self._open

    def _close(self, family: _OpenFamily, at: int) -> None:
        kind = family.type or MetricType.UNKNOWN
        for suffix in {*SUFFIXES.get(kind, ()), b""}:
            name = family.name + suffix
            if name in self._names:
                raise _wrong(f"two families clash in the name {name.decode()}", at)
            self._names.add(name)
        if family.unit:
            if not family.name.endswith(b"_" + family.unit):
                unit = family.unit.decode()
                raise _wrong(f"the name {family.name.decode()} does not end in _{unit}", at)
            if kind in _WITHOUT_UNIT:
                raise _wrong(f"a family of type {kind} has no unit", at)
        self._close_histogram(family, at)
        unit = (family.unit or b"").decode()
        self.metadata.append(Family(family.name.decode(), kind, family.help or "", unit))

    @staticmethod
    def _see(family: _OpenFamily, suffix: bytes, sample: KnownSample, at: int) -> None:
        """Find the label that is the sample's own within its metric, which it must have."""
        if suffix == b"_bucket":
            sample.see_as(b"le")
            if sample.odd_infinity or math.isnan(sample.bound):
                raise _wrong("a bucket needs a label le with a number, or +Inf", at)
        elif family.type is MetricType.SUMMARY and suffix == b"":
            sample.see_as(b"quantile")
            if not 0 <= sample.bound <= 1:
                raise _wrong("a quantile needs a label quantile from 0 to 1", at)
        elif family.type is MetricType.STATESET:
            sample.see_as(family.name)
            if not sample.has_own:
                raise _wrong(f"a state needs a label {family.name.decode()}", at)
        else:
            sample.see_as(METRIC_NAME)

    def _place_in_group(
        self, family: _OpenFamily, place: int, group: bytes, time: Decimal | None, at: int
    ) -> None:
        if group != family.group:
            if group in family.groups:
                raise _wrong("samples of one metric do not stand together", at)
            family.groups.add(group)
            family.group, family.first = group, place
            self._begin_time(family, time, at)
        elif time != family.time:
            if time is None or family.time is None:
                raise _wrong("samples of one metric with and without times", at)
            if time < family.time and family.type is not MetricType.INFO:
                raise _wrong("times of one metric that go backwards", at)
            self._begin_time(family, time, at)

    def _begin_time(self, family: _OpenFamily, time: Decimal | None, at: int) -> None:
        self._close_histogram(family, at)
        family.time = time
        family.at_time.clear()
        family.buckets = _Buckets() if family.type in _BUCKETED else None

    def _ask(self, family: _OpenFamily, suffix: bytes, place: int) -> None:
        single = self.rules.single
        if suffix in _COUNTING:
            single["counting"].append(place)
        if suffix in _WHOLE:
            single["whole"].append(place)
        if suffix == b"_gsum":
            single["number"].append(place)
        if suffix == b"_created":
            self.rules.created.append((family.first, place))
        if family.type is MetricType.STATESET:
            single["state"].append(place)
        elif family.type is MetricType.INFO:
            single["one"].append(place)
        elif family.type is MetricType.SUMMARY and suffix == b"":
            single["quantile"].append(place)
        if suffix in (b"_bucket", b"_total") and self.rules.exemplars is not None:
            self.rules.exemplars.append(place)

    def _add_to_histogram(
        self,
        buckets: _Buckets,
        place: int,
        suffix: bytes,
        sample: KnownSample,
        at: int,
    ) -> None:
        if suffix == b"_bucket":
            bound = sample.bound
            if buckets.bucket >= 0:
                if bound <= buckets.bound:
                    raise _wrong("buckets that are not in the order of le", at)
                self.rules.pairs["ascending"].append((buckets.bucket, place))
            buckets.below_zero |= bound < 0
            buckets.bound, buckets.bucket = bound, place
        elif suffix in (b"_count", b"_gcount"):
            buckets.count = place
        elif suffix == b"_sum":
            buckets.sum = place
        elif suffix == b"_gsum":
            buckets.gauge_sum = place

    def _close_histogram(self, family: _OpenFamily, at: int) -> None:
        buckets, family.buckets = family.buckets, None
        if buckets is None:
            return
        name = family.name.decode()
        any_sum = max(buckets.sum, buckets.gauge_sum)
        if buckets.bucket < 0 or buckets.bound != math.inf:
            raise _wrong(f"the histogram {name} has no bucket +Inf", at)
        if (buckets.count < 0) != (any_sum < 0):
            raise _wrong(f"the histogram {name} has only one of count and sum", at)
        if buckets.below_zero and buckets.sum >= 0:
            raise _wrong(f"the histogram {name} has a sum, though buckets below 0", at)
        if buckets.count >= 0:
            self.rules.pairs["equal"].append((buckets.bucket, buckets.count))
        if buckets.gauge_sum >= 0 and not buckets.below_zero:
            self.rules.single["counting"].append(buckets.gauge_sum)


def _bound(text: bytes) -> float:
    try:
        return parse_float(text)
    except ValueError:
        return math.nan


def metric_type(text: bytes, at: int) -> MetricType:
    """The type that a ``# TYPE`` line names.

    Raises:
        MalformedPageError: it is none.
    """
    try:
        return MetricType(text.decode())
    except ValueError:
        expected = ", ".join(MetricType)
        found = text[:40].decode(errors="backslashreplace")
        raise _wrong(f"expected a type ({expected}), found {found!r}", at) from None


def _wrong(message: str, at: int) -> MalformedPageError:
    return MalformedPageError(message, at)
