"""Rules of rule files: what no single field can say, as Prometheus has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from madang.core.errors import MadangError
from madang.core.samples import METRIC_NAME
from madang.project.checks import Finding
from madang.project.document import Path
from madang.project.rule_spec import RuleFileSpec, RuleGroupSpec, RuleSpec
from madang.project.rule_template import template_flaw

ExpressionCheck = Callable[[str, bool], object]
"""Says whether a text is PromQL, with experimental functions or without: raises a ``MadangError``
where it is not.

It comes from outside: PromQL is above the project in the order of imports.
"""


_Check = Callable[[str], object]


def check_rules(spec: RuleFileSpec, is_promql: _Check | None) -> Iterator[Finding]:
    """What is wrong with a rule file; without ``is_promql`` expressions are not looked at."""
    names: set[str] = set()
    seen: dict[tuple[str, tuple[tuple[str, str], ...]], str] = {}
    for number, group in enumerate(spec.groups):
        at: Path = ("groups", number)
        if not group.name:
            yield Finding(at, "a group has no name", "name: what its rules are about")
        elif group.name in names:
            text = f"two groups have the name {group.name!r}"
            yield Finding((*at, "name"), text, "a name is unique in its file")
        names.add(group.name)
        yield from _check_labels(group.labels, (*at, "labels"))
        for place, rule in enumerate(group.rules):
            yield from _check_rule(rule, (*at, "rules", place), is_promql)
            if rule.name:
                yield from _check_twice(rule, group, (*at, "rules", place), seen)


def _check_rule(rule: RuleSpec, at: Path, is_promql: _Check | None) -> Iterator[Finding]:
    if rule.record and rule.alert:
        yield Finding(at, "a rule has record or alert, not both", "keep one of them")
    elif not rule.name:
        yield Finding(at, "a rule has neither record nor alert", "name what it makes")
    yield from _check_expression(rule, at, is_promql)
    if rule.record:
        yield from _check_recording(rule, at)
    yield from _check_labels(rule.labels, (*at, "labels"))
    if not rule.alert:
        return
    for key, texts in (("labels", rule.labels), ("annotations", rule.annotations)):
        for name, text in texts.items():
            flaw = template_flaw(text)
            if flaw:
                yield Finding((*at, key, name), f"{name} is no template: {flaw}")
    if "" in rule.annotations:
        yield Finding((*at, "annotations", ""), "an annotation has no name")


def check_expressions(root: object, is_promql: _Check) -> Iterator[Finding]:
    """What is wrong with the expressions of a rule file whose shape is wrong elsewhere."""
    for at, rule in _rules_of(root):
        text, name = rule.get("expr"), rule.get("record") or rule.get("alert")
        if isinstance(text, str) and text and isinstance(name, str):
            yield from _not_promql(name, text, at, is_promql)


def _rules_of(root: object) -> Iterator[tuple[Path, dict[str, object]]]:
    groups = root.get("groups") if isinstance(root, dict) else None
    for number, group in enumerate(groups if isinstance(groups, list) else ()):
        rules = group.get("rules") if isinstance(group, dict) else None
        for place, rule in enumerate(rules if isinstance(rules, list) else ()):
            if isinstance(rule, dict):
                yield ("groups", number, "rules", place), rule


def _check_expression(rule: RuleSpec, at: Path, is_promql: _Check | None) -> Iterator[Finding]:
    if not rule.expr:
        yield Finding(at, f"the rule {rule.name!r} has no expr", "expr: PromQL")
    elif is_promql is not None:
        yield from _not_promql(rule.name, rule.expr, at, is_promql)


def _not_promql(name: str, expr: str, at: Path, is_promql: _Check) -> Iterator[Finding]:
    try:
        is_promql(expr)
    except MadangError as error:
        where = error.where
        place = f" ({where.line}:{where.column})" if where and where.line else ""
        text = f"expr of {name!r} is not PromQL: {error.message}{place}"
        yield Finding((*at, "expr"), text, error.hint)


def _check_recording(rule: RuleSpec, at: Path) -> Iterator[Finding]:
    if "{" in rule.record or "}" in rule.record:
        text = f"record: {rule.record!r} has braces"
        yield Finding((*at, "record"), text, "it is a metric's name; labels go under labels")
    for key, value in (
        ("annotations", rule.annotations),
        ("for", rule.for_),
        ("keep_firing_for", rule.keep_firing_for),
    ):
        if value:
            text = f"{key} has no meaning in a recording rule"
            yield Finding((*at, key), text, "it belongs to alerts")


def _check_labels(labels: Mapping[str, str], at: Path) -> Iterator[Finding]:
    for name in labels:
        if not name:
            yield Finding((*at, name), "a label has no name")
        elif name == METRIC_NAME:
            yield Finding((*at, name), f"{METRIC_NAME} cannot be set as a label", "write record")


def _check_twice(
    rule: RuleSpec,
    group: RuleGroupSpec,
    at: Path,
    seen: dict[tuple[str, tuple[tuple[str, str], ...]], str],
) -> Iterator[Finding]:
    key = (rule.name, tuple(sorted({**group.labels, **rule.labels}.items())))
    if key in seen:
        text = f"{rule.name!r} with the same labels is in the group {seen[key]!r} already"
        hint = "where both give a series, one of them is lost"
        yield Finding(at, text, hint, "warning")
    seen.setdefault(key, group.name)
