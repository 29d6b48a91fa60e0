"""All groups as ``/api/v1/metrics`` tells of them, JSON-able."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from madang.collect.exposition.numbers import format_float
from madang.collect.pushed import FamilyMetadata
from madang.collect.pushgateway.families import StoredFamily
from madang.collect.pushgateway.group import Group
from madang.collect.pushgateway.messages import HISTOGRAMS, SUMMARY, TYPE_NAMES, VALUE_FIELDS
from madang.collect.pushgateway.series import bucket_count, histogram_count
from madang.collect.pushgateway.store import Push
from madang.collect.wire_messages import AnyMessage
from madang.core.clock import from_us

_TYPES = ("counter", "gauge", "summary", "unknown", "histogram", "gaugehistogram")
LIFE_KEY = "@ttl"
"""Where a group says how long it lives: no metric can be called so."""


def listing(groups: Iterable[Group], default_ttl_s: float | None) -> list[dict[str, Any]]:
    """The groups with their families, and where they have an end, when it is."""
    return [_group(group, default_ttl_s) for group in groups]


def family_metadata(push: Push) -> list[FamilyMetadata]:
    """What a push says of its families."""
    return [
        FamilyMetadata(_text(name), _TYPES[family.kind], _text(family.message.help))
        for name, family in (push.families or {}).items()
    ]


def time_text(at_us: int) -> str:
    """A time as Go writes it in JSON."""
    return from_us(at_us).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _group(group: Group, default_ttl_s: float | None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "labels": dict(sorted(group.labels.items())),
        "last_push_successful": group.last_push_succeeded,
    }
    expires_at_us = group.expires_at_us(default_ttl_s)
    if expires_at_us is not None:
        told[LIFE_KEY] = {
            "seconds": group.life_s(default_ttl_s),
            "expires_at": time_text(expires_at_us),
        }
    for name, family in group.families.items():
        told[_text(name)] = _family(family)
    return told


def _family(family: StoredFamily) -> dict[str, Any]:
    message = family.message
    told: dict[str, Any] = {
        "time_stamp": time_text(family.changed_at_us),
        "type": TYPE_NAMES[family.kind],
    }
    if message.help:
        told["help"] = _text(message.help)
    told["metrics"] = [_metric(metric, family.kind) for metric in message.metric]
    return told


def _metric(metric: AnyMessage, kind: int) -> dict[str, Any]:
    told: dict[str, Any] = {
        "labels": {_text(label.name): _text(label.value) for label in metric.label}
    }
    if kind == SUMMARY:
        summary = metric.summary
        told["quantiles"] = {
            format_float(one.quantile): format_float(one.value) for one in summary.quantile
        }
        told["count"] = str(summary.sample_count)
        told["sum"] = format_float(summary.sample_sum)
    elif kind in HISTOGRAMS:
        histogram = metric.histogram
        told["buckets"] = {
            format_float(bucket.upper_bound): _count(bucket_count(bucket))
            for bucket in histogram.bucket
        }
        told["count"] = _count(histogram_count(histogram))
        told["sum"] = format_float(histogram.sample_sum)
    else:
        told["value"] = format_float(getattr(metric, VALUE_FIELDS[kind]).value)
    return told


def _count(count: float) -> str:
    return str(count) if isinstance(count, int) else format_float(count)


def _text(text: bytes) -> str:
    return text.decode(errors="replace")
