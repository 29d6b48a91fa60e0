"""The messages of remote read: https://prometheus.io/docs/prometheus/latest/querying/remote_read_api/."""

from __future__ import annotations

from madang.collect.wire_messages import build_messages

MESSAGES = build_messages(
    "madang.remote_read",
    {
        "ReadRequest": ["repeated Query queries = 1", "repeated int32 accepted_response_types = 2"],
        "Query": [
            "int64 start_timestamp_ms = 1",
            "int64 end_timestamp_ms = 2",
            "repeated Matcher matchers = 3",
        ],
        "Matcher": ["int32 type = 1", "bytes name = 2", "bytes value = 3"],
        "ReadResponse": ["repeated QueryResult results = 1"],
        "QueryResult": ["repeated TimeSeries timeseries = 1"],
        "TimeSeries": ["repeated Label labels = 1", "repeated Sample samples = 2"],
        "Label": ["string name = 1", "string value = 2"],
        "Sample": ["double value = 1", "int64 timestamp = 2"],
    },
)
MATCH_SIGNS = ("=", "!=", "=~", "!~")
"""Types of matchers by their number."""
SAMPLES = 0
"""The type of response that has samples one by one; the other one has chunks."""
