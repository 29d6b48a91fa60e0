"""HTTP NDJSON, acknowledged durable: throughput, then latency while heavy SQL runs."""

from __future__ import annotations

import threading
from pathlib import Path

import httpx

from benchmarks.api_logs import write_api_logs
from benchmarks.client import request, send_for
from benchmarks.result import Line, at_least, at_most, table
from madang.testing.running_platform import RunningPlatform, write_project

RECORDS = 1000
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
        lines.append(_latency_under_sql(platform, message, seconds))
    return table(
        "Ingest over HTTP",
        lines,
        f"Bodies of {RECORDS:,} records, {len(body):,} bytes; each "
        "answer after fsync; client, platform and delivery share two cores.",
    )


def _latency_under_sql(platform: RunningPlatform, message: bytes, seconds: float) -> Line:
    stop = threading.Event()
    answered = []

    def ask() -> None:
        with httpx.Client(base_url=platform.url, timeout=120) as client:
            client.headers = platform.client.headers
            while not stop.is_set():
                answered.append(client.post("/api/sql", json={"sql": HEAVY_SQL}).status_code)

    asking = [threading.Thread(target=ask) for _ in range(2)]
    for thread in asking:
        thread.start()
    load = send_for(platform.port, message, duration_s=seconds, connections=2, pause_s=0.02)
    stop.set()
    for thread in asking:
        thread.join()
    assert set(answered) == {200}, answered
    return at_most(
        f"acknowledgement p99 while two heavy queries run ({len(answered)} ended)",
        load.percentile_ms(99),
        50,
        "ms",
    )
