"""Rule files as Prometheus writes them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from madang.project.prometheus_types import PromDuration, PromSpec

DEFAULT_INTERVAL_S = 60.0


def _whole(value: object) -> object:
    # Scalars come as text; Go takes a sign, and underscores as YAML has them.
    if isinstance(value, str) and value.lstrip("+-").replace("_", "").isdecimal():
        return int(value.replace("_", ""))
    return value


class RuleSpec(PromSpec):
    """One rule: a recording rule has ``record``, an alerting rule ``alert``."""

    record: str = ""
    """The metric's name that results get."""
    alert: str = ""
    """The alert's name. Alerting rules are checked and kept, and not evaluated yet."""
    expr: str = ""
    """PromQL."""
    for_: PromDuration = Field(default=0.0, alias="for")
    """Of alerts: how long the condition must hold before they fire."""
    keep_firing_for: PromDuration = 0.0
    """Of alerts: how long they fire on after the condition."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Labels that results get; they win over those of the result, an empty one takes it away."""
    annotations: dict[str, str] = Field(default_factory=dict)
    """Of alerts: texts for people, which may be templates."""

    @property
    def name(self) -> str:
        """That of what it makes."""
        return self.record or self.alert


class RuleGroupSpec(PromSpec):
    """Rules that are evaluated one after the other, at one time."""

    name: str = ""
    """Unique in its file."""
    interval: PromDuration = 0.0
    """Time between two evaluations; default: ``evaluation_interval``, or 1m."""
    query_offset: PromDuration | None = None
    """How much older than the evaluation the samples are that are asked for, so that late ones are
    seen; default: ``rule_query_offset``, or 0s."""
    limit: Annotated[int, BeforeValidator(_whole)] = 0
    """The most series of a rule; a rule that gives more fails. 0 is any number."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Labels of all its rules; a rule's own win."""
    rules: tuple[RuleSpec, ...] = ()
    """The rules, in the order in which they are evaluated; one sees what those before it gave."""

    def over(self, interval_s: float, query_offset_s: float) -> RuleGroupSpec:
        """The group with the defaults of where its file is named."""
        return self.model_copy(
            update={
                "interval": self.interval or interval_s or DEFAULT_INTERVAL_S,
                "query_offset": query_offset_s if self.query_offset is None else self.query_offset,
            }
        )


class RuleFileSpec(PromSpec):
    """``rules/<name>.yml``, and what ``rule_files`` of a ``prometheus.yml`` names."""

    groups: tuple[RuleGroupSpec, ...] = ()
    """The groups; they are evaluated beside one another."""


def as_go_reads(root: dict[str, Any]) -> None:
    """Make labels and annotations without a value empty, and drop empty items, in place."""
    _drop_nothing(root, "groups")
    for group in _items(root, "groups"):
        _drop_nothing(group, "rules")
        for holder in (group, *_items(group, "rules")):
            for key in ("labels", "annotations"):
                found = holder.get(key)
                if isinstance(found, dict):
                    found.update({name: "" for name, one in found.items() if one is None})


def _drop_nothing(holder: dict[str, Any], key: str) -> None:
    found = holder.get(key)
    if isinstance(found, list):
        holder[key] = [one for one in found if one is not None]


def _items(holder: dict[str, Any], key: str) -> list[dict[str, Any]]:
    found = holder.get(key)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
