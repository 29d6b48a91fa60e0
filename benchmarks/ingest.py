"""HTTP NDJSON, acknowledged durable: throughput, then latency while heavy SQL and PromQL run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from benchmarks.api_logs import write_api_logs
from benchmarks.client import request, send_for
from benchmarks.prometheus import MetricsServer, server_of
from benchmarks.promql import QUERIES, asked_range, fill
from benchmarks.result import Line, at_least, at_most, table
from madang.testing.running_platform import RunningPlatform, write_project

RECORDS = 1000
PODS = 500
PROJECT = {
    "madang.yml": "name: bench\n",
    "streams/api.yml": "time: {field: ts}\n",
}
HEAVY_SQL = (
    'select path, "user", count(*), quantile_cont(duration_ms, 0.99) '
    "from lake.api group by all order by 3 desc limit 10"
)


def batch(folder: Path) -> bytes:
    """A body of 1,000 API-log records."""
    logs = write_api_logs(folder / "sample", 10_000_000)
    with logs.files[0].open("rb") as file:
        return b"".join(file.readline() for _ in range(RECORDS))


def run(scratch: Path, *, seconds: float = 15.0) -> str:
    """Measure and return the section of the results."""
    body = batch(scratch)
    message = request("/ingest/api", body)
    project = write_project(scratch / "ingest-project", PROJECT)
    lines: list[Line] = []
    with RunningPlatform(project, scratch / "ingest-data") as platform:
        send_for(platform.port, message, duration_s=2, connections=4)
        load = send_for(platform.port, message, duration_s=seconds, connections=4)
        assert not load.failures, load.failures[0]
        rate = load.requests / load.duration_s
        lines += [
            at_least("NDJSON over HTTP, 4 connections", rate * len(body) / 1e6, 150, "MB/s"),
            at_least("the same, records", rate * RECORDS, 500_000, "records/s"),
            Line(
                "acknowledgement p50 · p99 at full speed",
                f"{load.percentile_ms(50):.1f} · {load.percentile_ms(99):.1f} ms",
            ),
        ]
        lines.append(_latency_under_queries(platform, message, seconds, promql=False))
        lines.append(_latency_under_queries(platform, message, seconds, promql=True))
    return table(
        "Ingest over HTTP",
        lines,
        f"Bodies of {RECORDS:,} records, {len(body):,} bytes; each "
        "answer after fsync; client, platform and delivery share two cores.",
    )


def _latency_under_queries(
    platform: RunningPlatform, message: bytes, seconds: float, *, promql: bool
) -> Line:
    """Two threads ask SQL, and with ``promql`` one more asks PromQL, all the time."""
    asking = [partial(_ask_sql, platform)] * 2
    if promql:
        end_s = int(time.time())
        fill([server_of(platform)], PODS, end_s)
        asking.append(partial(_ask_promql, server_of(platform), end_s))
    stop = threading.Event()
    answered = 0

    def keep_asking(ask: Callable[[], None]) -> None:
        nonlocal answered
        while not stop.is_set():
            ask()
            answered += 1

    with ThreadPoolExecutor(len(asking)) as pool:
        under_way = [pool.submit(keep_asking, ask) for ask in asking]
        load = send_for(platform.port, message, duration_s=seconds, connections=2, pause_s=0.02)
        stop.set()
    for one in under_way:
        one.result()  # raises
    beside = "two heavy SQL queries and a PromQL one" if promql else "two heavy SQL queries"
    what = f"acknowledgement p99 while {beside} run ({answered} ended)"
    return at_most(what, load.percentile_ms(99), 50, "ms")


def _ask_sql(platform: RunningPlatform) -> None:
    answer = platform.client.post("/api/sql", json={"sql": HEAVY_SQL}, timeout=120)
    assert answer.status_code == 200, answer.text


def _ask_promql(server: MetricsServer, end_s: int) -> None:
    server.ask("query_range", query=QUERIES["histogram_quantile"], **asked_range(end_s))
