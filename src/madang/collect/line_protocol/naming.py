"""Line protocol's names → Prometheus's.

The metric is ``<measurement>_<field>``, or the measurement alone where the field is ``value``;
tags become labels. Whatever Prometheus's classic names do not allow (anything but letters,
digits, ``_`` and, in metrics, ``:``) becomes ``_``, and a digit in front gets one before it. This
is what Telegraf's Prometheus outputs and influxdb_exporter do, so their dashboards fit.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from madang.core.samples import METRIC_NAME, canonical_labels

_NOT_IN_METRICS = re.compile(r"[^a-zA-Z0-9_:]", re.ASCII)
_SEPARATOR = b"\xff"
_NOT_IN_LABELS = re.compile(r"[^a-zA-Z0-9_]", re.ASCII)


@lru_cache(4096)
def metric_name(measurement: str, field: str) -> str:
    """The metric of a field."""
    whole = measurement if field == "value" else f"{measurement}_{field}"
    return _led(_NOT_IN_METRICS.sub("_", whole))


@lru_cache(4096)
def label_name(tag: str) -> str:
    """The label of a tag."""
    return _led(_NOT_IN_LABELS.sub("_", tag))


def series_of(
    measurement: str, tags: Sequence[tuple[str, str]], fields: Sequence[str]
) -> list[bytes]:
    """The series of a line, one per field, as canonical labels.

    Raises:
        ValueError: two tags, or two fields, become one; the message says which.
    """
    labels: dict[str, str] = {}
    origin: dict[str, str] = {METRIC_NAME: "the metric's name"}
    for tag, value in tags:
        name = label_name(tag)
        if name in origin:
            raise ValueError(f"the tag {tag!r} becomes the label {name}, as does {origin[name]}")
        origin[name] = f"the tag {tag!r}"
        labels[name] = value
    metrics: dict[str, str] = {}
    for field in fields:
        metric = metric_name(measurement, field)
        if metrics.setdefault(metric, field) != field:
            raise ValueError(
                f"the fields {metrics[metric]!r} and {field!r} both become the metric {metric}"
            )
    # Only the metric's name differs between a line's series.
    before = canonical_labels(pair for pair in labels.items() if pair[0] < METRIC_NAME)
    after = canonical_labels(pair for pair in labels.items() if pair[0] > METRIC_NAME)
    before = (before + _SEPARATOR if before else b"") + METRIC_NAME.encode() + _SEPARATOR
    after = _SEPARATOR + after if after else b""
    return [before + metric.encode() + after for metric in metrics]


def _led(name: str) -> str:
    return f"_{name}" if name[:1].isdigit() else name
