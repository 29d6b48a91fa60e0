"""What Madang tells of its rules on its own ``/metrics``."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_GROUP = ["rule_group"]
_EVALUATIONS = Counter("madang_rule_evaluations_total", "Evaluations of rules.", _GROUP)
_FAILURES = Counter("madang_rule_evaluation_failures_total", "Those that failed.", _GROUP)
_RULE_S = Histogram(
    "madang_rule_evaluation_duration_seconds",
    "Time that a rule's evaluation took.",
    buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30),
)
_ITERATIONS = Counter("madang_rule_group_iterations_total", "Evaluations of groups.", _GROUP)
_MISSED = Counter(
    "madang_rule_group_iterations_missed_total",
    "Evaluations of groups that were left out: too late, or too slow.",
    _GROUP,
)
_CAUGHT_UP = Counter(
    "madang_rule_group_iterations_caught_up_total",
    "Evaluations of groups that were late by an interval or more, and made up for.",
    _GROUP,
)
_LAST_S = Gauge(
    "madang_rule_group_last_duration_seconds",
    "Time that the group's last evaluation took.",
    _GROUP,
    multiprocess_mode="livemax",
)
_LAST_SAMPLES = Gauge(
    "madang_rule_group_last_evaluation_samples",
    "Samples of the group's last evaluation, those that end series among them.",
    _GROUP,
    multiprocess_mode="livemax",
)
_LAST_AT = Gauge(
    "madang_rule_group_last_evaluation_timestamp_seconds",
    "The time that the group was last evaluated for.",
    _GROUP,
    multiprocess_mode="livemax",
)
_INTERVAL = Gauge(
    "madang_rule_group_interval_seconds", "The group's interval.", _GROUP,
    multiprocess_mode="livemax",
)  # fmt: skip
_RULES = Gauge(
    "madang_rule_group_rules", "Rules of the group.", _GROUP, multiprocess_mode="livemax"
)


def observe_rule(group: str, duration_s: float, *, failed: bool) -> None:
    """Count an evaluation of a rule."""
    _EVALUATIONS.labels(group).inc()
    if failed:
        _FAILURES.labels(group).inc()
    _RULE_S.observe(duration_s)


def observe_group(group: str, samples: int, duration_s: float, at_ms: int) -> None:
    """Count an evaluation of a group."""
    _ITERATIONS.labels(group).inc()
    _LAST_S.labels(group).set(duration_s)
    _LAST_SAMPLES.labels(group).set(samples)
    _LAST_AT.labels(group).set(at_ms / 1000)


def count_missed(group: str, count: int) -> None:
    """Count evaluations that were left out."""
    _MISSED.labels(group).inc(count)


def count_caught_up(group: str) -> None:
    """Count an evaluation that came late."""
    _CAUGHT_UP.labels(group).inc()


def know_group(group: str, interval_s: float, rules: int) -> None:
    """Tell of a group, also before its first evaluation."""
    _INTERVAL.labels(group).set(interval_s)
    _RULES.labels(group).set(rules)
    _MISSED.labels(group)
    _FAILURES.labels(group)
