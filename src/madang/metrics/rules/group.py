"""A group of rules: one evaluation after the other, in the order of their times."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from madang.core.errors import CancelledError, MadangError
from madang.core.samples import (
    ANNOUNCE_EVERY_S,
    METRIC_NAME,
    STALE_NAN,
    canonical_labels,
    is_stale,
    series_id,
)
from madang.metrics.api.rule_view import (
    HEALTH_BAD,
    HEALTH_OK,
    HEALTH_UNKNOWN,
    AlertRuleView,
    RuleGroupView,
    RuleView,
)
from madang.metrics.matcher import Labels, Matcher, MatchKind
from madang.metrics.promql import Budget
from madang.metrics.rules import telemetry
from madang.metrics.rules.log import Rows, RuleLog
from madang.metrics.rules.overlay import OverlaidStorage, RecentResults, Results
from madang.metrics.rules.recording import GivenSeries, RecordingRule
from madang.metrics.rules.times import EvaluationTimes
from madang.metrics.storage import SampleStorage
from madang.project.rule_spec import RuleGroupSpec, RuleSpec

_log = logging.getLogger(__name__)
_ANNOUNCE_EVERY_MS = int(ANNOUNCE_EVERY_S * 1000)


@dataclass(slots=True)
class RuleState:
    """How the last evaluation of a rule went."""

    health: str = HEALTH_UNKNOWN
    error: str = ""
    evaluation_s: float = 0.0
    at_us: int | None = None


@dataclass(slots=True)
class _Evaluation:
    """What one evaluation has given so far."""

    results: Results
    rows: Rows = field(default_factory=lambda: Rows([], [], []))
    numbers: set[int] = field(default_factory=set)
    gone: list[GivenSeries] = field(default_factory=list)
    given: list[tuple[RecordingRule, dict[int, GivenSeries]]] = field(default_factory=list)


class Group:
    """A group of one rule file. Used by one thread at a time; ``view`` by any.

    Args:
        file: The path that the file is known under.
        spec: With its defaults.
        log: Where results go.
        recent: Results that the head does not have yet.
    """

    def __init__(self, file: str, spec: RuleGroupSpec, log: RuleLog, recent: RecentResults) -> None:
        self.file, self.spec = file, spec
        self.key = f"{file};{spec.name}"
        self.producer = f"rules:{self.key}"
        self.times = EvaluationTimes.of(file, spec.name, spec.interval)
        self.offset_ms = round((spec.query_offset or 0.0) * 1000)
        self.rules = [RecordingRule.of(one, spec) for one in spec.rules if one.record]
        self.ending: dict[int, GivenSeries] = {}
        self.states = [RuleState() for _ in spec.rules]
        self.evaluated_us: int | None = None
        self.evaluation_s = 0.0
        self._log, self._recent = log, recent
        self._announced_ms: int | None = None

    def take_over(self, before: Group) -> None:
        """Go on with the series of the same group as it was; what no rule has any more ends."""
        left: dict[object, list[RecordingRule]] = {}
        for rule in before.rules:
            left.setdefault(rule.key, []).append(rule)
        for rule in self.rules:
            same = left.get(rule.key)
            if same:
                rule.given = same.pop(0).given
        self.producer = before.producer
        self.ending = dict(before.ending)
        for rules in left.values():
            for rule in rules:
                self.ending.update(rule.given)
        self.evaluated_us, self.evaluation_s = before.evaluated_us, before.evaluation_s

    def renew(self, now_ms: int) -> None:
        """Count evaluations anew: those that were came under a clock that was ahead."""
        self.producer = f"rules:{self.key}@{now_ms}"
        self._announced_ms = None

    def remember(self, storage: SampleStorage, at_ms: int) -> None:
        """Learn from the samples of the last evaluation which series the rules gave."""
        at_ms -= self.offset_ms
        for rule in self.rules:
            wanted = {METRIC_NAME: rule.spec.record, **rule.labels}
            matchers = [
                Matcher(name, MatchKind.EQUAL, value) for name, value in wanted.items() if value
            ]
            found = storage.select(matchers, at_ms, at_ms)
            live = ~is_stale(found.values)
            for labels, keep in zip(found.labels, live.tolist(), strict=True):
                if keep:
                    series = _series_of(labels)
                    rule.given[series.number] = series

    def evaluate(self, storage: SampleStorage, at_ms: int, begin: Callable[[], Budget]) -> None:
        """Evaluate all rules at a time, and append what they give.

        Args:
            storage: Where the samples are.
            at_ms: The time.
            begin: Makes the budget of a rule's query.

        Raises:
            MadangError: the results could not be appended, or a query was cancelled; the same time
                is to be tried again.
        """
        began_s = time.monotonic()
        evaluation = _Evaluation(Results(at_ms - self.offset_ms))
        overlaid = OverlaidStorage(storage, self._recent, evaluation.results)
        rules = iter(self.rules)
        for spec, state in zip(self.spec.rules, self.states, strict=True):
            if spec.record:
                self._evaluate_rule(next(rules), state, overlaid, at_ms, begin(), evaluation)
        self._end([*evaluation.gone, *self.ending.values()], evaluation)
        if evaluation.rows.series:
            self._append(at_ms, evaluation)
        for rule, given in evaluation.given:
            rule.given = given
        self.ending.clear()
        self.evaluated_us, self.evaluation_s = at_ms * 1000, time.monotonic() - began_s
        telemetry.observe_group(self.key, len(evaluation.rows.series), self.evaluation_s, at_ms)

    def end(self, at_ms: int, kept: set[int]) -> None:
        """End the series of a group that is gone, but those that others give now.

        Raises:
            MadangError: that could not be appended.
        """
        evaluation = _Evaluation(Results(at_ms), numbers=set(kept))
        for rule in self.rules:
            self._end(rule.given.values(), evaluation)
        self._end(self.ending.values(), evaluation)
        if evaluation.rows.series:
            self._append(at_ms + self.offset_ms, evaluation)

    def numbers(self) -> set[int]:
        """The series that the rules gave last."""
        return {number for rule in self.rules for number in rule.given}

    def view(self) -> RuleGroupView:
        """As the API shows it."""
        return RuleGroupView(
            name=self.spec.name,
            file=self.file,
            interval_s=self.spec.interval,
            rules=[
                _view(spec, self.spec, state)
                for spec, state in zip(self.spec.rules, self.states, strict=True)
            ],
            limit=self.spec.limit,
            evaluation_s=self.evaluation_s,
            last_evaluation_us=self.evaluated_us,
        )

    def _evaluate_rule(  # noqa: PLR0917 - a rule, its state, and what the evaluation is made of
        self,
        rule: RecordingRule,
        state: RuleState,
        storage: OverlaidStorage,
        at_ms: int,
        budget: Budget,
        evaluation: _Evaluation,
    ) -> None:
        began_s = time.monotonic()
        found = {}
        try:
            found = rule.evaluate(storage, at_ms - self.offset_ms, budget)
            state.health, state.error = HEALTH_OK, ""
        except CancelledError:
            raise  # the platform stops: the time is evaluated after the next start
        except MadangError as error:
            state.health = HEALTH_BAD
            state.error = f"{error.message}: {error.hint}" if error.hint else error.message
        except Exception as error:  # noqa: BLE001 - one rule must not keep the others from theirs
            _log.exception("a rule failed", extra={"group": self.key, "rule": rule.spec.record})
            state.health, state.error = HEALTH_BAD, f"{type(error).__name__}: {error}"
        state.evaluation_s = time.monotonic() - began_s
        state.at_us = at_ms * 1000
        telemetry.observe_rule(self.key, state.evaluation_s, failed=state.health == HEALTH_BAD)
        if state.health == HEALTH_BAD:
            return  # its series are neither given nor ended
        given = {number: series for number, (series, _) in found.items()}
        rows, new = evaluation.rows, {}
        announce = self._announced_ms is None or (at_ms - self._announced_ms >= _ANNOUNCE_EVERY_MS)
        for number, (series, value) in found.items():
            if number in evaluation.numbers:
                continue  # another rule of the group gave it: the first one counts
            new[series.labels] = value
            rows.series.append(number)
            rows.values.append(value)
            known = not announce and number in rule.given
            rows.labels.append(None if known else series.canonical)
        evaluation.numbers.update(given)
        evaluation.results.add(rule.spec.record, new)
        gone = [series for number, series in rule.given.items() if number not in given]
        # The rules behind this one see it at once; it is written unless one of them gives it.
        blank = {one.labels: STALE_NAN for one in gone if one.number not in evaluation.numbers}
        evaluation.results.add(rule.spec.record, blank)
        evaluation.gone += gone
        evaluation.given.append((rule, given))

    def _end(self, gone: Iterable[GivenSeries], evaluation: _Evaluation) -> None:
        for series in gone:
            if series.number in evaluation.numbers:
                continue
            evaluation.numbers.add(series.number)
            name = dict(series.labels).get(METRIC_NAME, "")
            evaluation.results.add(name, {series.labels: STALE_NAN})
            evaluation.rows.series.append(series.number)
            evaluation.rows.values.append(STALE_NAN)
            evaluation.rows.labels.append(None)

    def _append(self, at_ms: int, evaluation: _Evaluation) -> None:
        appended = self._log.write(self.producer, at_ms, evaluation.results.at_ms, evaluation.rows)
        if appended.duplicate:
            self._announced_ms = None  # what was kept then may have other series than this
            return
        self._recent.add(appended.partition, appended.end_offset, evaluation.results)
        if self._announced_ms is None or at_ms - self._announced_ms >= _ANNOUNCE_EVERY_MS:
            self._announced_ms = at_ms


def _series_of(labels: Labels) -> GivenSeries:
    canonical = canonical_labels(labels)
    return GivenSeries(labels, canonical, series_id(canonical))


def _view(spec: RuleSpec, group: RuleGroupSpec, state: RuleState) -> RuleView:
    labels = {**group.labels, **spec.labels}
    if spec.alert:
        return AlertRuleView(
            name=spec.alert,
            query=spec.expr,
            labels=labels,
            for_s=spec.for_,
            keep_firing_for_s=spec.keep_firing_for,
            annotations=spec.annotations,
        )
    return RuleView(
        name=spec.record,
        query=spec.expr,
        labels=labels,
        health=state.health,
        last_error=state.error,
        evaluation_s=state.evaluation_s,
        last_evaluation_us=state.at_us,
    )
