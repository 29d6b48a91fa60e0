"""What Madang tells of its senders on its own ``/metrics``."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_SENDER = ["sender"]
SENT = Counter("madang_remote_write_samples_total", "Samples that receivers took.", _SENDER)
SENT_BYTES = Counter("madang_remote_write_bytes_total", "Bytes of the bodies they took.", _SENDER)
DROPPED = Counter(
    "madang_remote_write_samples_dropped_total",
    "Samples that were not sent or not taken, by reason.",
    ["sender", "reason"],
)
RETRIED = Counter("madang_remote_write_requests_retried_total", "Requests sent again.", _SENDER)
LAG = Gauge(
    "madang_remote_write_lag_records",
    "Samples in the stream that the receiver has not taken yet.",
    _SENDER,
    multiprocess_mode="livemax",
)
REQUEST_S = Histogram(
    "madang_remote_write_request_duration_seconds",
    "Time from a request's beginning to its answer.",
    _SENDER,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
