"""The messages of remote write 1.0 and 2.0: the fields that are read.

https://prometheus.io/docs/specs/prw/remote_write_spec/ and …_2_0/.
"""

from __future__ import annotations

from madang.collect.wire_messages import build_messages

_SHARED = {
    "Sample": ["double value = 1", "int64 timestamp = 2", "int64 start_timestamp = 3"],
}

HISTOGRAM_HEAD = build_messages(
    "madang.remote_write.histogram",
    {
        "Histogram": [
            "double sum = 3",
            "sint32 schema = 4",
            "double zero_threshold = 5",
            "int64 timestamp = 15",
        ]
    },
)["Histogram"]
"""Of a native histogram what stands beside its buckets; the same in both versions."""

V1 = build_messages(
    "madang.remote_write.v1",
    {
        **_SHARED,
        "WriteRequest": ["repeated bytes timeseries = 1", "repeated Metadata metadata = 3"],
        "TimeSeries": [
            "repeated Label labels = 1",
            "repeated Sample samples = 2",
            "repeated Exemplar exemplars = 3",
            "repeated bytes histograms = 4",
        ],
        "Label": ["bytes name = 1", "bytes value = 2"],
        "Exemplar": ["repeated Label labels = 1", "double value = 2", "int64 timestamp = 3"],
        "Metadata": [
            "int32 type = 1",
            "bytes metric_family_name = 2",
            "bytes help = 4",
            "bytes unit = 5",
        ],
    },
)

V2 = build_messages(
    "madang.remote_write.v2",
    {
        **_SHARED,
        "Request": ["repeated bytes symbols = 4", "repeated bytes timeseries = 5"],
        "TimeSeries": [
            "repeated uint32 labels_refs = 1",
            "repeated Sample samples = 2",
            "repeated bytes histograms = 3",
            "repeated Exemplar exemplars = 4",
            "Metadata metadata = 5",
            "int64 created_timestamp = 6",
        ],
        "Exemplar": [
            "repeated uint32 labels_refs = 1",
            "double value = 2",
            "int64 timestamp = 3",
        ],
        "Metadata": ["int32 type = 1", "uint32 help_ref = 3", "uint32 unit_ref = 4"],
    },
)

METRIC_TYPES = (
    "unknown",
    "counter",
    "gauge",
    "histogram",
    "gaugehistogram",
    "summary",
    "info",
    "stateset",
)
"""Metric types by their number, the same in both versions."""
