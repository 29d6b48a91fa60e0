"""One recording rule: its expression at a time → samples of the series that it gives."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from madang.core.errors import InvalidInputError
from madang.core.samples import METRIC_NAME, canonical_labels, series_id
from madang.metrics.matcher import Labels
from madang.metrics.promql import Budget, Kind, QueryFailedError, evaluate_instant
from madang.metrics.storage import SampleStorage
from madang.project.rule_spec import RuleGroupSpec, RuleSpec

_SURROGATE = re.compile("[\ud800-\udfff]")


class GivenSeries(NamedTuple):
    """A series that a rule gives: labels sorted by name, and their number."""

    labels: Labels
    canonical: bytes
    number: int


@dataclass(slots=True)
class RecordingRule:
    """A rule, and the series that it gave last.

    ``key``: name and labels; a rule that is changed in anything else goes on with its series.
    """

    spec: RuleSpec
    labels: dict[str, str]
    limit: int
    given: dict[int, GivenSeries] = field(default_factory=dict)
    _known: dict[Labels, GivenSeries] = field(default_factory=dict)

    @classmethod
    def of(cls, spec: RuleSpec, group: RuleGroupSpec) -> RecordingRule:
        """The rule of a group, with the group's labels."""
        return cls(spec, {**group.labels, **spec.labels}, group.limit)

    @property
    def key(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        """See the class."""
        return (self.spec.record, tuple(sorted(self.labels.items())))

    def evaluate(
        self, storage: SampleStorage, at_ms: int, budget: Budget
    ) -> dict[int, tuple[GivenSeries, float]]:
        """The samples at ``at_ms``, by the series' number.

        Raises:
            MadangError: the expression fails, takes too long, gives too many series or one twice.
        """
        result = evaluate_instant(self.spec.expr, storage, at_ms, budget.options, budget=budget)
        if result.kind not in {Kind.VECTOR, Kind.SCALAR}:
            raise QueryFailedError("rule result is not a vector or scalar")
        found: dict[int, tuple[GivenSeries, float]] = {}
        values = result.series.values.tolist()
        for labels, value in zip(result.series.labels, values, strict=True):
            series = self._known.get(labels) or self._made(labels)
            found[series.number] = (series, value)
        if len(found) < len(values):
            raise QueryFailedError(
                "vector contains metrics with the same labelset after applying rule labels"
            )
        if 0 < self.limit < len(found):
            raise QueryFailedError(f"exceeded limit of {self.limit} with {len(found)} series")
        if len(self._known) > 2 * len(found) + 1000:
            self._known = {key: one for key, one in self._known.items() if one.number in found}
        return found

    def _made(self, labels: Labels) -> GivenSeries:
        own = {**dict(labels), METRIC_NAME: self.spec.record, **self.labels}
        made = tuple(sorted((name, value) for name, value in own.items() if value))
        try:
            canonical = canonical_labels(own)
        except UnicodeEncodeError:
            shown = _SURROGATE.sub("?", str(dict(made)))
            raise InvalidInputError(f"labels of a result are no UTF-8: {shown}") from None
        series = self._known[labels] = GivenSeries(made, canonical, series_id(canonical))
        return series
