"""PromQL over HTTP, the same samples and queries beside Debian's Prometheus."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.prometheus import MetricsServer, prometheus, server_of
from benchmarks.result import Line, at_most, table
from madang.core.samples import METRIC_NAME, Samples, canonical_labels
from madang.testing.running_platform import RunningPlatform, write_project

PODS = 1_000
_SPAN_S, _STEP_S, _EVERY_S = 7_200, 30, 15
_BUCKETS = ("0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "+Inf")
_CODES = ("200", "404", "500")
_STEPS_A_BODY = 12
QUERIES = {
    "selector": "requests_total",
    "sum": "sum(requests_total)",
    "rate": "rate(requests_total[5m])",
    "sum(rate)": "sum(rate(requests_total[5m]))",
    "sum by (rate)": "sum by (code) (rate(requests_total[5m]))",
    "histogram_quantile": (
        "histogram_quantile(0.9, sum by (le, pod) (rate(latency_seconds_bucket[5m])))"
    ),
}
SMALL = {
    "selector": 'requests_total{pod="pod-7"}',
    "rate": 'sum(rate(requests_total{pod="pod-7"}[5m]))',
}


def run(scratch: Path, *, pods: int = PODS, rounds: int = 5) -> str:
    """Measure and return the section of the results."""
    folder = scratch / "promql"
    project = write_project(folder / "project", {"madang.yml": "name: bench\n"})
    end_s = int(time.time()) // _STEP_S * _STEP_S
    with RunningPlatform(project, folder / "data") as platform, prometheus(folder) as theirs:
        servers = [server_of(platform)] + ([theirs] if theirs else [])
        fill(servers, pods, end_s)
        lines = [
            _line(name, servers, rounds, query=query, **asked_range(end_s))
            for name, query in QUERIES.items()
        ]
        lines += [_small(name, servers, query, end_s) for name, query in SMALL.items()]
    note = (
        f"{pods:,} pods × {len(_CODES)} counters and × {len(_BUCKETS)} buckets, a sample every "
        f"{_EVERY_S} s for 2 h, in range queries of step {_STEP_S} s; medians of {rounds}, both "
        "servers by turns, until the last byte. Small ones: one pod, now, median of 100."
    )
    return table("PromQL", lines, note)


def fill(servers: list[MetricsServer], pods: int, end_s: int) -> None:
    """Push two hours of samples to all, and wait until each answers over them."""
    for part in _samples(pods, end_s - _SPAN_S):
        for server in servers:
            server.write(part)
    series = pods * (len(_CODES) + len(_BUCKETS))
    for server in servers:
        _wait_for(server, end_s, series)


def asked_range(end_s: int) -> dict[str, int]:
    """The two hours, as a range query names them."""
    return {"start": end_s - _SPAN_S, "end": end_s, "step": _STEP_S}


def _line(name: str, servers: list[MetricsServer], rounds: int, **params: object) -> Line:
    took: list[list[float]] = [[] for _ in servers]
    for _ in range(rounds):
        for server, found in zip(servers, took, strict=True):
            found.append(server.took_s("query_range", **params) * 1000)
    ours, *theirs = map(statistics.median, took)
    if not theirs:
        return Line(name, f"{ours:.0f} ms")
    return at_most(name, ours, round(theirs[0]), "ms", 0)


def _small(name: str, servers: list[MetricsServer], query: str, end_s: int) -> Line:
    took = [
        [server.took_s("query", query=query, time=end_s) for _ in range(100)] for server in servers
    ]
    ours, *theirs = (statistics.median(one) * 1000 for one in took)
    beside = f" (Prometheus: {theirs[0]:.1f} ms)" if theirs else ""
    return at_most(f"small {name}, p50{beside}", ours, 10, "ms")


def _wait_for(server: MetricsServer, end_s: int, series: int) -> None:
    until_s = time.monotonic() + 120
    query = 'count({__name__=~"requests_total|latency_seconds_bucket"})'
    while True:
        found = json.loads(server.ask("query", query=query, time=end_s))["data"]["result"]
        if found and int(found[0]["value"][1]) == series:
            return
        assert time.monotonic() < until_s, found
        time.sleep(0.1)


def _samples(pods: int, begin_s: int) -> Iterator[Samples]:
    """The samples, in pieces of a few steps each."""
    labels = [
        canonical_labels({METRIC_NAME: "requests_total", "pod": f"pod-{pod}", "code": code})
        for pod in range(pods)
        for code in _CODES
    ]
    labels += [
        canonical_labels({METRIC_NAME: "latency_seconds_bucket", "pod": f"pod-{pod}", "le": le})
        for pod in range(pods)
        for le in _BUCKETS
    ]
    rng = np.random.default_rng(1)
    totals = np.zeros(len(labels))
    steps = _SPAN_S // _EVERY_S + 1
    for first in range(0, steps, _STEPS_A_BODY):
        count = min(_STEPS_A_BODY, steps - first)
        grown = rng.poisson(30, (count, len(labels))).astype(np.float64)
        buckets = grown[:, pods * len(_CODES) :].reshape(count, pods, len(_BUCKETS))
        np.cumsum(buckets, axis=2, out=buckets)
        values = totals + np.cumsum(grown, axis=0)
        totals = values[-1]
        times = (begin_s + (first + np.arange(count)) * _EVERY_S) * 1000
        yield Samples(
            labels,
            np.tile(np.arange(len(labels), dtype=np.int32), count),
            np.repeat(times, len(labels)),
            values.reshape(-1),
        )
