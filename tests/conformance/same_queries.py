"""Samples and queries that Prometheus and Madang answer alike.

Times are in seconds after the first sample. Every fifth second has a sample, so queries that look
back over a range are asked between samples: there 2.x, whose ranges hold both of their ends, and
3.x, whose ranges leave the older end out, look at the same ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from madang.core.samples import METRIC_NAME, STALE_NAN, Samples, canonical_labels

EVERY_S = 5
COUNT = 90
BETWEEN_S = 2
"""Where a query is asked: this much after a sample."""


def samples(begin_ms: int) -> Samples:
    """Counters with resets, gauges, histograms, gaps, ends, odd values; sorted by time."""
    rng = np.random.default_rng(7)
    times = np.arange(COUNT)
    found: dict[bytes, np.ndarray] = {}

    def add(name: str, values: np.ndarray, **labels: str) -> None:
        found[canonical_labels({METRIC_NAME: name, **labels})] = np.asarray(values, np.float64)

    for job in ("api", "web"):
        for instance in ("a:80", "b:80", "c:80"):
            where = {"job": job, "instance": instance}
            up = np.ones(COUNT)
            up[40:46] = 0 if instance == "b:80" else 1
            add("up", up, **where)
            memory = 5e8 + 1e8 * np.sin(times / 9) + rng.normal(0, 1e6, COUNT)
            add("memory_bytes", memory.round(), **where)
            add("memory_limit_bytes", np.full(COUNT, 8e8), **where)
            for code in ("200", "404", "500"):
                steps = rng.poisson(20 if code == "200" else 1, COUNT)
                total = np.cumsum(steps).astype(np.float64)
                if instance == "c:80":
                    total[50:] -= total[50]  # a restart
                add("http_requests_total", total, code=code, **where)
            counts = np.cumsum(rng.poisson(3, (5, COUNT)), axis=1).cumsum(axis=0)
            for le, bucket in zip(("0.1", "0.5", "1", "2.5", "+Inf"), counts, strict=True):
                add("latency_seconds_bucket", bucket, le=le, **where)
            add("latency_seconds_count", counts[-1], **where)
            add("latency_seconds_sum", np.cumsum(rng.exponential(3, COUNT)), **where)
            version = "2.0" if instance == "a:80" else "1.9"
            add("build_info", np.ones(COUNT), version=version, **where)
    for room, middle in (("kitchen", 21.5), ("cellar", -3.25), ("서재", 19.0)):
        add("temperature_celsius", middle + rng.normal(0, 2, COUNT), room=room)
    gap = rng.normal(10, 1, COUNT)
    gap[30] = STALE_NAN
    gap[31:60] = math.inf
    add("gap", gap, kind="ended")
    hole = rng.normal(10, 1, COUNT)
    add("gap", hole, kind="hole")
    add("odd", np.full(COUNT, math.nan), kind="nan")
    add("odd", np.full(COUNT, math.inf), kind="inf")
    add("odd", np.full(COUNT, -math.inf), kind="-inf")
    add("odd", np.zeros(COUNT), kind="zero")
    add("odd", np.full(COUNT, 1e-300), kind="small")
    labels = list(found)
    there = np.ones((COUNT, len(labels)), np.bool_)
    there[31:60, labels.index(canonical_labels({METRIC_NAME: "gap", "kind": "ended"}))] = False
    there[20:24, labels.index(canonical_labels({METRIC_NAME: "gap", "kind": "hole"}))] = False
    rows, series = np.nonzero(there)
    return Samples(
        labels,
        series.astype(np.int32),
        begin_ms + rows * EVERY_S * 1000,
        np.array(list(found.values()))[series, rows],
    )


REQUESTS = "http_requests_total"
RATE = f"rate({REQUESTS}[1m])"
_SELECTORS = (
    "up",
    'up{job="api"}',
    'up{job!="api"}',
    'up{instance=~"[ab]:.*"}',
    'up{instance!~"[ab]:.*"}',
    'up{job=""}',
    'up{nothing=""}',
    '{__name__="up",job="web"}',
    '{__name__=~"memory.*"}',
    'temperature_celsius{room="서재"}',
    "gap",
    "odd",
    "does_not_exist",
    "up offset 30s",
    "up offset -30s",
    'memory_bytes{job="api"} offset 1m',
)
_FUNCTIONS = (
    *(
        f"{function}({REQUESTS}[1m])"
        for function in ("rate", "irate", "increase", "delta", "idelta", "resets", "changes")
    ),
    *(
        f"{function}_over_time(memory_bytes[45s])"
        for function in (
            "avg",
            "sum",
            "min",
            "max",
            "count",
            "last",
            "present",
            "stddev",
            "stdvar",
        )
    ),
    "quantile_over_time(0.9, memory_bytes[1m])",
    "quantile_over_time(0.5, gap[1m])",
    "deriv(memory_bytes[2m])",
    "predict_linear(memory_bytes[2m], 3600)",
    "absent(does_not_exist)",
    'absent(up{job="nobody"})',
    "absent(up)",
    "absent_over_time(gap[10s])",
    "rate(gap[1m])",
    "changes(up[5m])",
    "count_over_time(gap[3m])",
    "abs(temperature_celsius)",
    "ceil(temperature_celsius)",
    "floor(temperature_celsius)",
    "round(temperature_celsius)",
    "round(temperature_celsius, 0.5)",
    "exp(temperature_celsius)",
    "ln(memory_bytes)",
    "log2(memory_bytes)",
    "log10(odd)",
    "sqrt(odd)",
    "sgn(temperature_celsius)",
    "clamp(temperature_celsius, 0, 20)",
    "clamp_min(temperature_celsius, 0)",
    "clamp_max(temperature_celsius, 0)",
    "sin(temperature_celsius)",
    "deg(temperature_celsius)",
    "time()",
    "vector(3)",
    "scalar(vector(3))",
    "scalar(up)",
    "pi()",
    "timestamp(up)",
    "minute(timestamp(up))",
    "hour()",
    "day_of_week()",
    "days_in_month()",
    "month(vector(1e9))",
    'label_replace(up, "port", "$1", "instance", ".*:(.*)")',
    'label_replace(up, "instance", "", "instance", ".*")',
    'label_join(up, "all", "/", "job", "instance")',
    "histogram_quantile(0.9, latency_seconds_bucket)",
    "histogram_quantile(0.9, rate(latency_seconds_bucket[1m]))",
    "histogram_quantile(0.5, sum by (le) (rate(latency_seconds_bucket[1m])))",
    "histogram_quantile(0.99, sum by (le, job) (rate(latency_seconds_bucket[1m])))",
    "histogram_quantile(1.5, latency_seconds_bucket)",
)
_AGGREGATIONS = (
    *(
        f"{name}(memory_bytes)"
        for name in ("sum", "avg", "min", "max", "count", "stddev", "stdvar", "group")
    ),
    f"sum by (job) ({RATE})",
    f"sum without (instance) ({RATE})",
    f"sum by (job, code) ({RATE})",
    f"max by (nothing) ({RATE})",
    "quantile(0.9, memory_bytes)",
    "quantile by (job) (0.5, memory_bytes)",
    'count_values("version", build_info)',
    "topk(2, memory_bytes)",
    "bottomk by (job) (1, memory_bytes)",
    "sum(odd)",
    "avg(odd)",
    "max(odd)",
    "min(odd)",
    "count(odd)",
    "sum(does_not_exist)",
)
_OPERATORS = (
    "1 + 2 * 3 ^ 2 % 5",
    "-memory_bytes",
    "memory_bytes / memory_limit_bytes",
    "memory_bytes / memory_limit_bytes > 0.6",
    "memory_bytes > bool 5e8",
    "memory_bytes > 5e8 < 6e8",
    "5e8 < memory_bytes",
    "up == 0",
    "up != bool 1",
    "memory_bytes % 1000",
    "temperature_celsius ^ 2",
    "temperature_celsius atan2 vector(1)",
    "temperature_celsius atan2 on () group_left () vector(1)",
    f'sum by (job) ({REQUESTS}{{code="500"}}) / sum by (job) ({REQUESTS})',
    f"{REQUESTS} / on (job, instance) group_left () up",
    f"{REQUESTS} / ignoring (code) group_left () up",
    f'{REQUESTS}{{code="200"}} / ignoring (code) {REQUESTS}{{code="404"}}',
    "up * on (job, instance) group_left (version) build_info",
    "up * on (instance) build_info",
    "up and memory_bytes > 5e8",
    "up and on (job, instance) memory_bytes > 5e8",
    "up or does_not_exist",
    'up{job="api"} or up',
    "up unless on (job, instance) memory_bytes > 5e8",
    "up == 1 unless up{job='api'}",
    "vector(1) or up",
    "1 / 0",
    "-1 / 0",
    "0 / 0",
    "1 > bool 2",
    "odd == odd",
    "odd != odd",
    "odd > 0",
)
_SUBQUERIES = (
    "max_over_time(up[2m:10s])",
    "avg_over_time(rate(latency_seconds_count[1m])[2m:10s])",
    "rate(http_requests_total[1m:10s])",
    "sum_over_time((memory_bytes > 5e8)[1m:10s])",
    "min_over_time(up[2m:10s] offset 30s)",
    "last_over_time(up[30s:] offset 10s)",
    "max_over_time(sum(up)[1m:10s])",
)
_INSTANT_ONLY = (
    "up[1m]",
    "gap[3m]",
    "up[1m:10s]",
    '"some text"',
    "sort(memory_bytes)",
    "sort_desc(memory_bytes)",
    "topk(4, memory_bytes)",
)
_REFUSED = (
    "",
    "up{",
    "up)",
    "sum(up",
    "rate(up)",
    "up[1m] + 1",
    "foo(up)",
    "up{job=~'('}",
    "1 + on (job) up",
    "up and 1",
    '{job=""}',
    "sum by job (up)",
    "up offset",
    "histogram_quantile(latency_seconds_bucket)",
)
"""What is no query, or none that can be answered."""


@dataclass(frozen=True, slots=True)
class Query:
    """A query; ``ordered`` where the order of the answer counts."""

    text: str
    instant: bool
    ordered: bool = False


def queries() -> list[Query]:
    """All that both have to answer alike, instant and range."""
    both = (*_SELECTORS, *_FUNCTIONS, *_AGGREGATIONS, *_OPERATORS, *_SUBQUERIES, *_REFUSED)
    found = [Query(text, instant) for text in both for instant in (True, False)]
    found += [Query(text, True, text.startswith(("sort", "topk"))) for text in _INSTANT_ONLY]
    return found
