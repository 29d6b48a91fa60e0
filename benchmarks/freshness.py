"""From the acknowledgement to being visible: to SQL, and in Iceberg."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.result import at_most, table
from madang.testing.running_platform import RunningPlatform, write_project

BUFFER_S = 10.0


def run(scratch: Path, *, rounds: int = 100) -> str:
    """Measure and return the section of the results."""
    project = write_project(
        scratch / "fresh-project", {"madang.yml": "name: bench\n", "streams/events.yml": "{}\n"}
    )
    visible, landed = [], []
    with RunningPlatform(project, scratch / "fresh-data") as platform:
        for number in range(rounds):
            body = f'{{"number": {number}}}\n'
            answer = platform.client.post("/ingest/events", content=body)
            assert answer.status_code == 200, answer.text
            acknowledged = time.perf_counter()
            while not platform.sql("select 1 from events where number = $n", n=number):
                pass
            visible.append(time.perf_counter() - acknowledged)
        for number in range(3):
            platform.client.post("/ingest/events", content=f'{{"number": {-1 - number}}}\n')
            acknowledged = time.perf_counter()
            platform.wait_for(lambda: platform.delivered("events"))
            landed.append(time.perf_counter() - acknowledged)
    ordered = sorted(visible)
    p99 = ordered[int(len(ordered) * 0.99) - 1]
    lines = [
        at_most(f"acknowledged → visible to SQL, p99 of {rounds}", p99, 1, "s", 3),
        at_most("acknowledged → in Iceberg, slowest of 3", max(landed), BUFFER_S + 2, "s"),
    ]
    return table("Freshness", lines, "Visible: polled by HTTP, so a query's own time is included.")
