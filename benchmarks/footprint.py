"""Start to ready, idle memory (PSS of all processes) and idle CPU, with the starter project."""

from __future__ import annotations

import shutil
import statistics
import time
from pathlib import Path

import psutil

from benchmarks.result import at_most, table
from madang.testing.running_platform import RunningPlatform

STARTER = Path(__file__).parent.parent / "examples/home"
IDLE_S = 30.0


def _tree(platform: RunningPlatform) -> list[psutil.Process]:
    assert platform.process is not None
    top = psutil.Process(platform.process.pid)
    return [top, *top.children(recursive=True)]


def _cpu_s(processes: list[psutil.Process]) -> float:
    return sum(p.cpu_times().user + p.cpu_times().system for p in processes)


def run(scratch: Path, *, starts: int = 5, idle_s: float = IDLE_S) -> str:
    """Measure and return the section of the results."""
    project = scratch / "home"
    shutil.copytree(STARTER, project, dirs_exist_ok=True)
    times = []
    for _ in range(starts):
        platform = RunningPlatform(project, scratch / "footprint-data")
        began = time.perf_counter()
        with platform:
            times.append(time.perf_counter() - began)
    with RunningPlatform(project, scratch / "footprint-data") as platform:
        platform.sql("select count(*) from system.logs")
        time.sleep(15)  # the first files are read
        processes = _tree(platform)
        before, began = _cpu_s(processes), time.perf_counter()
        time.sleep(idle_s)
        cpu = (_cpu_s(processes) - before) / (time.perf_counter() - began) * 100
        memory = sum(p.memory_full_info().pss for p in processes) / 2**20
    lines = [
        at_most(f"start to ready, median of {starts}", statistics.median(times), 3, "s", 2),
        at_most(f"idle memory, PSS of {len(processes)} processes", memory, 300, "MB", 0),
        at_most(f"idle CPU over {idle_s:.0f} s, of one core", cpu, 2, "%"),
    ]
    return table(
        "Start and idle",
        lines,
        "The starter project: this machine's metrics every 5 s, "
        "the files of /var/log, Madang's own logs.",
    )
