"""The server's own metrics; ``/metrics`` shows them with those of the other roles."""

from __future__ import annotations

from functools import lru_cache

from prometheus_client import Counter, Gauge, Histogram

from madang.query import QueryStatus

_REQUESTS = Histogram(
    "madang_http_request_duration_seconds",
    "Time from the request's headers to the end of the answer.",
    ["method", "route", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60),
)
INGEST_BYTES = Counter(
    "madang_ingest_body_bytes_total", "Bytes of accepted bodies, as received.", ["stream"]
)
INGEST_RECORDS = Counter(
    "madang_ingest_records_total", "Records appended over HTTP, each once.", ["stream"]
)
INGEST_DUPLICATES = Counter(
    "madang_ingest_duplicate_records_total",
    "Records sent again over HTTP, acknowledged and not appended again.",
    ["stream"],
)
INGEST_IN_FLIGHT = Gauge(
    "madang_ingest_in_flight_bytes",
    "Bytes of bodies that are being received or appended.",
    multiprocess_mode="livesum",
)
PUSHED_SAMPLES = Counter(
    "madang_pushed_samples_total", "Samples appended that were pushed.", ["protocol"]
)
PUSHED_REFUSED = Counter(
    "madang_pushed_refused_total",
    "Parts of pushed bodies (series, lines, data points) that were refused.",
    ["protocol"],
)
TAILS = Gauge("madang_tail_connections", "Live tails that are open.", multiprocess_mode="livesum")
_QUERIES = Histogram(
    "madang_query_duration_seconds",
    "Time from a query's arrival to the end of its answer, with the wait for a worker.",
    ["state"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600),
)
_QUERY_ROWS = Counter("madang_query_rows_total", "Rows of all answers.")
_QUERY_BYTES = Counter(
    "madang_query_read_bytes_total", "Bytes of table files and streams that queries read."
)
_METHODS = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"}


def observe_request(method: str, route: str, status: int, duration_s: float) -> None:
    """Count a request and its duration in seconds."""
    _child(method if method in _METHODS else "other", route, status).observe(duration_s)


def observe_query(status: QueryStatus) -> None:
    """Count a query that ended."""
    _QUERIES.labels(status.state.value).observe(status.duration_s)
    _QUERY_ROWS.inc(status.rows)
    _QUERY_BYTES.inc(status.bytes_read)


@lru_cache(maxsize=2048)
def _child(method: str, route: str, status: int) -> Histogram:
    return _REQUESTS.labels(method, route, str(status))
