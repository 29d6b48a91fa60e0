"""Metadata of an OpenMetrics page as Prometheus takes it: anywhere, and the last word counts."""

from __future__ import annotations

from decimal import Decimal

from madang.collect.exposition.families import METRIC_NAME, SUFFIXES, KnownSample, metric_type
from madang.collect.exposition.page import Family, MetricType
from madang.collect.exposition.problem import MalformedPageError
from madang.collect.exposition.rules import RulesInMaking


class LooseFamilies:
    """Takes in a page line by line, like ``Families``, and asks nothing of its order or values."""

    def __init__(self) -> None:
        self.rules = RulesInMaking(exemplars=None)
        self._types: dict[bytes, MetricType] = {}
        self._helps: dict[bytes, str] = {}
        self._units: dict[bytes, str] = {}
        self._suffixes: dict[bytes, bytes] = {}
        self._type = MetricType.UNKNOWN
        self._group: bytes | None = None
        self._first = -1

    @property
    def metadata(self) -> list[Family]:
        """All families that were named, in their order."""
        names = dict.fromkeys((*self._types, *self._helps, *self._units))
        unknown = MetricType.UNKNOWN
        return [
            Family(
                name.decode(),
                self._types.get(name, unknown),
                self._helps.get(name, ""),
                self._units.get(name, ""),
            )
            for name in names
        ]

    def describe(self, kind: bytes, name: bytes, text: bytes, at: int) -> None:
        """A line of metadata.

        Raises:
            MalformedPageError: the type is none, or the unit does not end the name.
        """
        if kind == b"TYPE":
            self._type = self._types[name] = metric_type(text, at)
            self._suffixes = {}
            if self._type in (MetricType.COUNTER, MetricType.HISTOGRAM, MetricType.SUMMARY):
                self._suffixes = {name + suffix: suffix for suffix in SUFFIXES[self._type]}
            self._group = None
        elif kind == b"HELP":
            self._helps[name] = text.decode()
        else:
            if text and not name.endswith(b"_" + text):
                message = f"the name {name.decode()} does not end in _{text.decode()}"
                raise MalformedPageError(message, at)
            self._units[name] = text.decode()

    def add(self, place: int, sample: KnownSample, time: Decimal | None, at: int) -> None:
        """A sample; only which is the first of its metric is of interest, for ``_created``."""
        del time, at
        suffix = self._suffixes.get(sample.name)
        if suffix is None:
            return
        is_quantile = suffix == b"" and self._type is MetricType.SUMMARY
        own = b"le" if suffix == b"_bucket" else b"quantile" if is_quantile else METRIC_NAME
        sample.see_as(own)
        if sample.group != self._group:
            self._group, self._first = sample.group, place
        if suffix == b"_created":
            self.rules.created.append((self._first, place))

    def finish(self, at: int) -> None:
        """The page ends."""
