"""Pushed families: completed with the labels of their group, and checked by themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from madang.collect.pushgateway.family_lines import MetricLines, family_lines
from madang.collect.pushgateway.messages import (
    GAUGE,
    HISTOGRAMS,
    SUMMARY,
    TYPE_NAMES,
    VALUE_FIELDS,
    new_family,
)
from madang.collect.pushgateway.series import Series, family_series
from madang.collect.pushgateway.text import quoted
from madang.collect.wire_messages import AnyMessage
from madang.core.errors import InvalidInputError
from madang.core.utf8 import is_utf8

PUSHED_AT = b"push_time_seconds"
FAILED_AT = b"push_failure_time_seconds"
_HELPS = {
    PUSHED_AT: b"Last Unix time when changing this group in the Pushgateway succeeded.",
    FAILED_AT: b"Last Unix time when changing this group in the Pushgateway failed.",
}
_METRIC = re.compile(rb"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(rb"[a-zA-Z_][a-zA-Z0-9_]*")
_INSTANCE = b"instance"

Grouping = Mapping[bytes, bytes]


class InconsistentPushError(InvalidInputError):
    """A push that was understood and is refused: its group remembers the time of the failure."""


@dataclass(frozen=True, eq=False)
class StoredFamily:
    """A family of a group.

    ``message`` is not changed any more. ``metrics`` are hashes of the names and labels of its
    metrics, by which metrics of other groups are told to be the same.
    """

    message: AnyMessage
    changed_at_us: int
    series: Series
    metrics: tuple[int, ...]

    @cached_property
    def lines(self) -> list[MetricLines]:
        """Its metrics as text, kept for the next page."""
        return family_lines(self.message)

    @property
    def name(self) -> bytes:
        """The family's name."""
        found: bytes = self.message.name
        return found

    @property
    def kind(self) -> int:
        """The number of its type."""
        found: int = self.message.type
        return found


def checked_families(
    families: Iterable[AnyMessage], grouping: Grouping, now_us: int, *, utf8_names: bool = False
) -> dict[bytes, StoredFamily]:
    """Families as a group keeps them; the messages are changed in place.

    Every metric gets the labels of the group, which win, and ``instance=""`` if it has no instance:
    the sign for whoever scrapes not to add one. The group's own times are left out.

    Raises:
        InconsistentPushError: a time, a name that cannot be, the wrong kind of value, a label or a
            metric twice.
    """
    given = [family for family in families if family.metric]
    for family in given:
        if any(metric.HasField("timestamp_ms") for metric in family.metric):
            raise InconsistentPushError("pushed metrics must not have timestamps")
    own = (PUSHED_AT, FAILED_AT)
    return {
        family.name: _checked(family, grouping, now_us, utf8_names=utf8_names)
        for family in given
        if family.name not in own
    }


def time_family(name: bytes, grouping: Grouping, at_us: int, value_s: float) -> StoredFamily:
    """``PUSHED_AT`` or ``FAILED_AT`` of a group, as a family of it."""
    family = new_family(name, GAUGE, _HELPS[name])
    family.metric.add().gauge.value = value_s
    return _checked(family, grouping, at_us, utf8_names=True)


def restored_family(message: AnyMessage, changed_at_us: int) -> StoredFamily:
    """A family that was kept in a file."""
    metrics = tuple(
        hash((message.name, tuple((label.name, label.value) for label in metric.label)))
        for metric in message.metric
    )
    return StoredFamily(message, changed_at_us, family_series(message), metrics)


def _checked(
    family: AnyMessage, grouping: Grouping, now_us: int, *, utf8_names: bool
) -> StoredFamily:
    name, kind = family.name, family.type
    if not _is_name(name, _METRIC, utf8_names=utf8_names):
        raise InconsistentPushError(f"collected metric has an invalid name: {quoted(name)}")
    if not 0 <= kind < len(TYPE_NAMES):
        raise InconsistentPushError(f"collected metric {quoted(name)} has the unknown type {kind}")
    reserved = b"quantile" if kind == SUMMARY else b"le" if kind in HISTOGRAMS else None
    seen: dict[int, None] = {}
    for metric in family.metric:
        pairs = _completed(metric, grouping)
        if not metric.HasField(VALUE_FIELDS[kind]):
            raise _collected(name, pairs, f"is not a {TYPE_NAMES[kind].title()}")
        _check_labels(name, pairs, reserved, utf8_names=utf8_names)
        number = hash((name, tuple(pairs)))
        if number in seen:
            raise same_metric(name, pairs)
        seen[number] = None
    return StoredFamily(family, now_us, family_series(family), tuple(seen))


def _completed(metric: AnyMessage, grouping: Grouping) -> list[tuple[bytes, bytes]]:
    """Give a metric the labels of its group, sorted; returns all that it has."""
    missing = dict(grouping)
    given = [(label.name, label.value) for label in metric.label]
    pairs = [(name, missing.pop(name, value)) for name, value in given]
    pairs += missing.items()
    if not any(name == _INSTANCE for name, _ in pairs):
        pairs.append((_INSTANCE, b""))
    pairs.sort(key=lambda pair: pair[0])
    if pairs != given:
        del metric.label[:]
        for name, value in pairs:
            metric.label.add(name=name, value=value)
    return pairs


def _check_labels(
    name: bytes, pairs: list[tuple[bytes, bytes]], reserved: bytes | None, *, utf8_names: bool
) -> None:
    before = None
    for label, value in pairs:
        if label == before:
            said = f"has two or more labels with the same name: {label.decode(errors='replace')}"
            raise _collected(name, pairs, said)
        if label.startswith(b"__") or not _is_name(label, _LABEL, utf8_names=utf8_names):
            said = f"has a label with an invalid name: {label.decode(errors='replace')}"
            raise _collected(name, pairs, said)
        if label == reserved:
            said = f"must not have an explicit {quoted(label)} label"
            raise _collected(name, pairs, said)
        if not is_utf8(value):
            said = f"has a label named {quoted(label)} whose value is not utf8"
            raise _collected(name, pairs, said)
        before = label


def same_metric(name: bytes, pairs: list[tuple[bytes, bytes]]) -> InconsistentPushError:
    """The error: another metric has the same name and labels."""
    return _collected(name, pairs, "was collected before with the same name and label values")


def _collected(name: bytes, pairs: list[tuple[bytes, bytes]], said: str) -> InconsistentPushError:
    labels = " ".join(
        f"label:{{name:{quoted(label)}  value:{quoted(value)}}}" for label, value in pairs
    )
    return InconsistentPushError(f"collected metric {quoted(name)} {{ {labels}}} {said}")


def _is_name(name: bytes, plain: re.Pattern[bytes], *, utf8_names: bool) -> bool:
    if plain.fullmatch(name) is not None:
        return True
    return utf8_names and bool(name) and is_utf8(name)
