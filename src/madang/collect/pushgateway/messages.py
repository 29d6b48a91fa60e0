"""Prometheus's client data model, as pushed in protobuf and as groups are kept.

Texts are bytes: what they may hold is checked where a push is. What is not described here (native
histograms' spans and deltas, exemplars, created times) stays in the messages as it came.
"""

from __future__ import annotations

from typing import Any, Final

from madang.collect.wire_messages import AnyMessage, build_messages

COUNTER, GAUGE, SUMMARY, UNTYPED, HISTOGRAM, GAUGE_HISTOGRAM = range(6)
TYPE_NAMES: Final = ("COUNTER", "GAUGE", "SUMMARY", "UNTYPED", "HISTOGRAM", "GAUGE_HISTOGRAM")
"""Names of the types, by their numbers."""
HISTOGRAMS: Final = (HISTOGRAM, GAUGE_HISTOGRAM)
VALUE_FIELDS: Final = ("counter", "gauge", "summary", "untyped", "histogram", "histogram")
"""The field of a metric that holds its value, by the type of its family."""

_DESCRIBED = {
    "LabelPair": ("bytes name = 1", "bytes value = 2"),
    "Simple": ("double value = 1",),
    "Quantile": ("double quantile = 1", "double value = 2"),
    "Summary": (
        "uint64 sample_count = 1",
        "double sample_sum = 2",
        "repeated Quantile quantile = 3",
    ),
    "Bucket": (
        "uint64 cumulative_count = 1",
        "double upper_bound = 2",
        "double cumulative_count_float = 4",
    ),
    "Histogram": (
        "uint64 sample_count = 1",
        "double sample_sum = 2",
        "repeated Bucket bucket = 3",
        "double sample_count_float = 4",
        "double zero_threshold = 6",
        "uint64 zero_count = 7",
        "double zero_count_float = 8",
        "repeated bytes negative_span = 9",
        "repeated bytes positive_span = 12",
    ),
    "Metric": (
        "repeated LabelPair label = 1",
        "Simple gauge = 2",
        "Simple counter = 3",
        "Summary summary = 4",
        "Simple untyped = 5",
        "int64? timestamp_ms = 6",
        "Histogram histogram = 7",
    ),
    "MetricFamily": (
        "bytes name = 1",
        "bytes? help = 2",
        "int32 type = 3",
        "repeated Metric metric = 4",
    ),
}

_CLASSES: dict[str, Any] = {}


def new_family(name: bytes, kind: int, help_text: bytes | None = None) -> AnyMessage:
    """An empty ``io.prometheus.client.MetricFamily``."""
    family = family_class()(name=name, type=kind)
    if help_text is not None:
        family.help = help_text
    return family


def family_class() -> Any:  # noqa: ANN401 -- a class that is built here
    """The class of ``MetricFamily``; built when it is first needed."""
    if not _CLASSES:
        _CLASSES.update(build_messages("madang.pushgateway", _DESCRIBED))
    return _CLASSES["MetricFamily"]


def is_native(histogram: AnyMessage) -> bool:
    """Whether a histogram is (also) a native one."""
    return bool(
        histogram.positive_span
        or histogram.negative_span
        or histogram.zero_threshold
        or histogram.zero_count
        or histogram.zero_count_float
    )
