"""Groups of rules as the API shows them; whoever evaluates rules hands these over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

HEALTH_UNKNOWN, HEALTH_OK, HEALTH_BAD = "unknown", "ok", "err"
"""Of a rule: never evaluated, evaluated, failed the last time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleView:
    """A recording rule.

    ``query`` is the expression as PromQL writes it. ``last_error`` is empty after a success,
    ``last_evaluation_us`` (microseconds since 1970) None before the first evaluation.
    """

    name: str
    query: str
    labels: Mapping[str, str] = field(default_factory=dict)
    health: str = HEALTH_UNKNOWN
    last_error: str = ""
    evaluation_s: float = 0.0
    last_evaluation_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertView:
    """An alert that is pending or firing."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    state: str
    active_at_us: int
    value: float
    keep_firing_since_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRuleView(RuleView):
    """An alerting rule; ``state`` is ``inactive``, ``pending`` or ``firing``."""

    state: str = "inactive"
    for_s: float = 0.0
    keep_firing_for_s: float = 0.0
    annotations: Mapping[str, str] = field(default_factory=dict)
    alerts: Sequence[AlertView] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleGroupView:
    """A group, with its rules in the order of its file."""

    name: str
    file: str
    interval_s: float
    rules: Sequence[RuleView]
    limit: int = 0
    evaluation_s: float = 0.0
    last_evaluation_us: int | None = None
