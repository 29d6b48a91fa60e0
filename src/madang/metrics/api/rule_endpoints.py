"""The endpoints that tell of rules and alerts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from madang.metrics.api.answers import Answer, told
from madang.metrics.api.knowledge import Knowledge
from madang.metrics.api.moments import moment_text
from madang.metrics.api.params import Params, invalid, shown
from madang.metrics.api.rule_view import AlertRuleView, AlertView, RuleGroupView, RuleView
from madang.metrics.matcher import Matcher
from madang.metrics.number_text import exponent_text

_TRUE = frozenset({"1", "t", "true"})
_FALSE = frozenset({"", "0", "f", "false"})
_MOST_GROUPS = 2**31 - 1


class RuleEndpoints:
    """Answers from the groups that whoever evaluates rules hands over."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge

    def endpoints(self) -> Mapping[str, Callable[[Params], Answer]]:
        """By path behind ``/api/v1/``."""
        return {
            "rules": self._rules,
            "alerts": self._alerts,
            "alertmanagers": self._alertmanagers,
        }

    def _rules(self, params: Params) -> Answer:
        kept = _Kept(params)
        limit, token = _page(params)
        groups = [
            group
            for group in self._knowledge.rules()
            if kept.has_group(group) and any(map(kept.has_rule, group.rules))
        ]
        if token:
            tokens = [_token(group) for group in groups]
            if token not in tokens:
                raise invalid(
                    "group_next_token",
                    f"invalid group_next_token {shown(token)}. were rule groups changed?",
                )
            groups = groups[tokens.index(token) :]
        data: dict[str, Any] = {"groups": [kept.shown(group) for group in groups[:limit]]}
        if limit is not None and len(groups) > limit:
            data["groupNextToken"] = _token(groups[limit])
        return told(data)

    def _alerts(self, params: Params) -> Answer:
        rules = (rule for group in self._knowledge.rules() for rule in group.rules)
        alerts = [
            alert for rule in rules if isinstance(rule, AlertRuleView) for alert in rule.alerts
        ]
        return told({"alerts": list(map(_alert, alerts))})

    def _alertmanagers(self, params: Params) -> Answer:
        """None: alerts are sent by Madang itself."""
        return told({"activeAlertmanagers": [], "droppedAlertmanagers": []})


class _Kept:
    """Which groups and rules a request asks for, and how it wants to see them."""

    def __init__(self, params: Params) -> None:
        self._names = set(params.all("rule_name[]"))
        self._groups = set(params.all("rule_group[]"))
        self._files = set(params.all("file[]"))
        self._matchers: Sequence[Sequence[Matcher]] = params.matchers()
        self._kind = params.text("type").lower()
        if self._kind not in {"", "alert", "record"}:
            raise invalid("type", f"not supported value {shown(self._kind)}")
        exclude = params.text("exclude_alerts").lower()
        if exclude not in _TRUE | _FALSE:
            raise invalid("exclude_alerts", f"{shown(exclude)} is neither true nor false")
        self._with_alerts = exclude in _FALSE

    def has_group(self, group: RuleGroupView) -> bool:
        return (not self._groups or group.name in self._groups) and (
            not self._files or group.file in self._files
        )

    def has_rule(self, rule: RuleView) -> bool:
        kind = "alert" if isinstance(rule, AlertRuleView) else "record"
        if self._kind not in {"", kind} or (self._names and rule.name not in self._names):
            return False
        return not self._matchers or any(
            all(matcher.matches(rule.labels.get(matcher.name, "")) for matcher in matchers)
            for matchers in self._matchers
        )

    def shown(self, group: RuleGroupView) -> dict[str, Any]:
        return {
            "name": group.name,
            "file": group.file,
            "rules": [self._rule(rule) for rule in group.rules if self.has_rule(rule)],
            "interval": group.interval_s,
            "limit": group.limit,
            "evaluationTime": group.evaluation_s,
            "lastEvaluation": moment_text(group.last_evaluation_us),
        }

    def _rule(self, rule: RuleView) -> dict[str, Any]:
        data: dict[str, Any] = {"name": rule.name, "query": rule.query, "labels": rule.labels}
        if isinstance(rule, AlertRuleView):
            data |= {
                "state": rule.state,
                "duration": rule.for_s,
                "keepFiringFor": rule.keep_firing_for_s,
                "annotations": rule.annotations,
                "alerts": list(map(_alert, rule.alerts)) if self._with_alerts else None,
            }
        data["health"] = rule.health
        if rule.last_error:
            data["lastError"] = rule.last_error
        return data | {
            "evaluationTime": rule.evaluation_s,
            "lastEvaluation": moment_text(rule.last_evaluation_us),
            "type": "alerting" if isinstance(rule, AlertRuleView) else "recording",
        }


def _alert(alert: AlertView) -> dict[str, Any]:
    data = {
        "labels": alert.labels,
        "annotations": alert.annotations,
        "state": alert.state,
        "activeAt": moment_text(alert.active_at_us),
        "value": exponent_text(alert.value),
    }
    if alert.keep_firing_since_us is not None:
        data["keepFiringSince"] = moment_text(alert.keep_firing_since_us)
    return data


def _page(params: Params) -> tuple[int | None, str]:
    """How many groups are wanted, and from which on."""
    token = params.text("group_next_token")
    if not params.text("group_limit"):
        if token:
            raise invalid(
                "group_next_token",
                "group_limit needs to be present in order to paginate over the groups",
            )
        return None, ""
    limit = params.number("group_limit", 0)
    if limit <= 0 or limit > _MOST_GROUPS:
        raise invalid("group_limit", "group_limit needs to be greater than 0")
    return limit, token


def _token(group: RuleGroupView) -> str:
    return hashlib.sha256(f"{group.file};{group.name}".encode()).hexdigest()
