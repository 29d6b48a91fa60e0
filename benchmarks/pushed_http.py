"""Pushed metrics over HTTP, acknowledged durable: samples a second, and what they cost."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import psutil

from benchmarks.client import request, send_for
from benchmarks.pushed import FIELDS, LINES, SERIES, line_bodies, remote_write_bodies
from benchmarks.result import Line, at_most, table
from madang.collect.remote_write import CONTENT_TYPES, V1_PROTO, V2_PROTO
from madang.testing.running_platform import RunningPlatform, write_project

BODIES = 40
PROJECT = {"madang.yml": "name: bench\n", "streams/small.yml": "format: plain\n"}


def run(scratch: Path, *, seconds: float = 10.0) -> str:
    """Measure and return the section of the results."""
    # The last body must not be ahead of the clock.
    start_ms = time.time_ns() // 1_000_000 - BODIES * 15_000
    kinds = {
        f"remote write {version}: 2,000 series × 1": (
            [
                request("/prometheus/api/v1/write", body, CONTENT_TYPES[proto], "snappy")
                for body in remote_write_bodies(BODIES, proto, 1, start_ms)
            ],
            SERIES,
        )
        for version, proto in (("1.0", V1_PROTO), ("2.0", V2_PROTO))
    }
    kinds["line protocol: 5,000 lines of 6 fields"] = (
        [request("/influx/write", body, "text/plain") for body in line_bodies(BODIES, start_ms)],
        LINES * len(FIELDS),
    )
    project = write_project(scratch / "pushed-project", PROJECT)
    lines: list[Line] = []
    with RunningPlatform(project, scratch / "pushed-data") as platform:
        for what, (messages, count) in kinds.items():
            lines += _rates(platform, what, messages, count, seconds)
        lines.append(_others(platform, kinds, seconds))
    return table(
        "Pushed metrics over HTTP",
        lines,
        "Each answer after fsync; client, platform and the head that follows share two cores.",
    )


def _rates(
    platform: RunningPlatform, what: str, messages: list[bytes], count: int, seconds: float
) -> list[Line]:
    serve = psutil.Process(platform.role_pid("serve"))
    send_for(platform.port, messages, duration_s=seconds / 5, connections=2)
    before = serve.cpu_times()
    load = send_for(platform.port, messages, duration_s=seconds, connections=4)
    after = serve.cpu_times()
    assert not load.failures, load.failures[0]
    cpu_s = after.user + after.system - before.user - before.system
    samples = load.requests * count
    return [
        Line(what, f"{samples / load.duration_s:,.0f} samples/s"),
        Line("  of the role that answers", f"{samples / cpu_s:,.0f} samples/CPU-s"),
        Line(
            "  acknowledgement p50 · p99 at full speed",
            f"{load.percentile_ms(50):.1f} · {load.percentile_ms(99):.1f} ms",
        ),
    ]


def _others(
    platform: RunningPlatform, kinds: dict[str, tuple[list[bytes], int]], seconds: float
) -> Line:
    """How long others wait for their acknowledgement while large bodies come without a pause."""
    messages = [message for of_kind, _ in kinds.values() for message in of_kind]
    pushing = threading.Thread(
        target=send_for,
        args=(platform.port, messages),
        kwargs={"duration_s": seconds + 1, "connections": 2},
    )
    pushing.start()
    load = send_for(
        platform.port,
        request("/ingest/small", b"one line\n", "text/plain"),
        duration_s=seconds,
        connections=1,
        pause_s=0.01,
    )
    pushing.join()
    assert not load.failures, load.failures[0]
    return at_most(
        "acknowledgement p99 of a record at /ingest meanwhile", load.percentile_ms(99), 50, "ms"
    )
