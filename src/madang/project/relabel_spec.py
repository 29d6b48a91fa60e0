"""``relabel_configs`` and ``metric_relabel_configs`` as Prometheus writes them."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, model_validator

from madang.project.prometheus_types import (
    LabelName,
    PromCount,
    PromRegex,
    PromSpec,
    unreadable,
)

ANY = "(.*)"
_TEMPLATE_NAME = re.compile(
    r"(?:(?:[a-zA-Z_]|\$(?:\{\w+\}|\w+))+\w*)+", re.ASCII
)  # what becomes a label's name once its groups are filled in
_DEFAULTS = {"separator": ";", "regex": ANY, "modulus": 0, "replacement": "$1"}


class RelabelAction(StrEnum):
    """What a relabelling rule does."""

    REPLACE = "replace"
    KEEP = "keep"
    DROP = "drop"
    KEEPEQUAL = "keepequal"
    DROPEQUAL = "dropequal"
    HASHMOD = "hashmod"
    LABELMAP = "labelmap"
    LABELDROP = "labeldrop"
    LABELKEEP = "labelkeep"
    LOWERCASE = "lowercase"
    UPPERCASE = "uppercase"


_EQUAL = frozenset({RelabelAction.KEEPEQUAL, RelabelAction.DROPEQUAL})
_CASE = frozenset({RelabelAction.LOWERCASE, RelabelAction.UPPERCASE})
_TARGET = _EQUAL | _CASE | {RelabelAction.REPLACE, RelabelAction.HASHMOD}
_BY_NAME = frozenset({RelabelAction.LABELDROP, RelabelAction.LABELKEEP})


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


class RelabelSpec(PromSpec):
    """One relabelling rule."""

    source_labels: tuple[LabelName, ...] = ()
    """Labels whose values, joined by the separator, are what the rule looks at."""
    separator: str = ";"
    """Stands between the values of ``source_labels``."""
    regex: PromRegex = ANY
    """What the value (or a label's name) must match from end to end."""
    modulus: PromCount = 0
    """For ``hashmod``: the hash is taken modulo this."""
    target_label: str = ""
    """The label that the rule sets; ``$1`` and ``${name}`` stand for groups of ``regex``."""
    replacement: str = "$1"
    """What it is set to, or for ``labelmap`` the new name."""
    action: Annotated[RelabelAction, BeforeValidator(_lower)] = RelabelAction.REPLACE
    """What the rule does."""

    @model_validator(mode="after")
    def _check(self) -> RelabelSpec:
        action = self.action
        if action is RelabelAction.HASHMOD and self.modulus == 0:
            raise unreadable("hashmod needs a modulus above 0")
        if action in _TARGET and not self.target_label:
            raise unreadable(f"{action} needs a target_label")
        if action in _EQUAL:
            self._refuse(_DEFAULTS, "source_labels and target_label")
        if action in _BY_NAME:
            others = {name: value for name, value in _DEFAULTS.items() if name != "regex"}
            self._refuse({**others, "target_label": "", "source_labels": ()}, "regex")
        if action in _CASE and self.replacement != "$1":
            raise unreadable(f"replacement has no meaning with {action}")
        is_template = action is RelabelAction.REPLACE and "$" in self.target_label
        if is_template and not _TEMPLATE_NAME.fullmatch(self.target_label):
            raise unreadable(f"{self.target_label!r} cannot become a label's name")
        if action is RelabelAction.LABELMAP and not _can_be_name(self.replacement):
            raise unreadable(f"replacement: {self.replacement!r} cannot become a label's name")
        return self

    def _refuse(self, untouched: dict[str, object], only: str) -> None:
        for name, default in untouched.items():
            if getattr(self, name) != default:
                raise unreadable(f"{name} has no meaning with {self.action}", f"it takes {only}")


def _can_be_name(text: str) -> bool:
    return bool(text) and ("$" not in text or _TEMPLATE_NAME.fullmatch(text) is not None)
