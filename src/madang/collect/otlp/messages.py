"""The messages of OTLP metrics: the fields that are read.

https://opentelemetry.io/docs/specs/otlp/. Data points keep their attributes as bytes: the same
ones come again and again, and are looked up as a whole.
"""

from __future__ import annotations

from madang.collect.wire_messages import build_messages

_VALUES = {
    "KeyValue": ["string key = 1", "AnyValue value = 2"],
    "AnyValue": [
        "string? string_value = 1",
        "bool? bool_value = 2",
        "int64? int_value = 3",
        "double? double_value = 4",
        "ArrayValue? array_value = 5",
        "KeyValueList? kvlist_value = 6",
        "bytes? bytes_value = 7",
    ],
    "ArrayValue": ["repeated AnyValue values = 1"],
    "KeyValueList": ["repeated KeyValue values = 1"],
}


def _described(attributes: str, trace_id: str) -> dict[str, list[str]]:
    times = ["fixed64 start_time_unix_nano = 2", "fixed64 time_unix_nano = 3"]
    return {
        **_VALUES,
        "Request": ["repeated ResourceMetrics resource_metrics = 1"],
        "ResourceMetrics": ["Resource resource = 1", "repeated ScopeMetrics scope_metrics = 2"],
        "Resource": ["repeated KeyValue attributes = 1"],
        "ScopeMetrics": ["repeated Metric metrics = 2"],
        "Metric": [
            "string name = 1",
            "string description = 2",
            "string unit = 3",
            "Gauge? gauge = 5",
            "Sum? sum = 7",
            "Histogram? histogram = 9",
            "ExponentialHistogram? exponential_histogram = 10",
            "Summary? summary = 11",
        ],
        "Gauge": ["repeated NumberDataPoint data_points = 1"],
        "Sum": [
            "repeated NumberDataPoint data_points = 1",
            "int32 aggregation_temporality = 2",
            "bool is_monotonic = 3",
        ],
        "Histogram": [
            "repeated HistogramDataPoint data_points = 1",
            "int32 aggregation_temporality = 2",
        ],
        "ExponentialHistogram": [
            "repeated ExponentialHistogramDataPoint data_points = 1",
            "int32 aggregation_temporality = 2",
        ],
        "Summary": ["repeated SummaryDataPoint data_points = 1"],
        "NumberDataPoint": [
            *times,
            "double? as_double = 4",
            "repeated Exemplar exemplars = 5",
            "sfixed64? as_int = 6",
            f"repeated {attributes} attributes = 7",
            "uint32 flags = 8",
        ],
        "HistogramDataPoint": [
            *times,
            "fixed64 count = 4",
            "double? sum = 5",
            "repeated fixed64 bucket_counts = 6",
            "repeated double explicit_bounds = 7",
            "repeated Exemplar exemplars = 8",
            f"repeated {attributes} attributes = 9",
            "uint32 flags = 10",
        ],
        "ExponentialHistogramDataPoint": [
            f"repeated {attributes} attributes = 1",
            *times,
            "fixed64 count = 4",
            "double? sum = 5",
            "sint32 scale = 6",
            "fixed64 zero_count = 7",
            "Buckets positive = 8",
            "Buckets negative = 9",
            "uint32 flags = 10",
            "repeated Exemplar exemplars = 11",
            "double zero_threshold = 14",
        ],
        "Buckets": ["sint32 offset = 1", "repeated uint64 bucket_counts = 2"],
        "SummaryDataPoint": [
            *times,
            "fixed64 count = 4",
            "double sum = 5",
            "repeated ValueAtQuantile quantile_values = 6",
            f"repeated {attributes} attributes = 7",
            "uint32 flags = 8",
        ],
        "ValueAtQuantile": ["double quantile = 1", "double value = 2"],
        "Exemplar": [
            "fixed64 time_unix_nano = 2",
            "double? as_double = 3",
            f"{trace_id} span_id = 4",
            f"{trace_id} trace_id = 5",
            "sfixed64? as_int = 6",
            f"repeated {attributes} filtered_attributes = 7",
        ],
    }


MESSAGES = build_messages("madang.otlp", _described("bytes", "bytes"))
"""As they stand on the wire."""

JSON_MESSAGES = build_messages("madang.otlp.json", _described("KeyValue", "string"))
"""As JSON writes them: identifiers in hexadecimal."""

KEY_VALUE = build_messages("madang.otlp.values", _VALUES)["KeyValue"]
"""An attribute."""

RESPONSE = build_messages(
    "madang.otlp.response",
    {
        "Response": ["PartialSuccess? partial_success = 1"],
        "PartialSuccess": ["int64 rejected_data_points = 1", "bytes error_message = 2"],
    },
)["Response"]

STATUS = build_messages("madang.otlp.status", {"Status": ["int32 code = 1", "bytes message = 2"]})[
    "Status"
]
"""``google.rpc.Status``."""

NATIVE_HISTOGRAM = build_messages(
    "madang.otlp.native",
    {
        "Histogram": [
            "uint64? count_int = 1",
            "double sum = 3",
            "sint32 schema = 4",
            "double zero_threshold = 5",
            "uint64? zero_count_int = 6",
            "repeated Span negative_spans = 8",
            "repeated sint64 negative_deltas = 9",
            "repeated Span positive_spans = 11",
            "repeated sint64 positive_deltas = 12",
            "int64 timestamp = 15",
        ],
        "Span": ["sint32 offset = 1", "uint32 length = 2"],
    },
)
"""Prometheus's native histogram with integer counts (``prompb.Histogram``)."""
