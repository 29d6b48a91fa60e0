"""CPU of a scraped sample: one target of 50,000 series every second; beside it Prometheus."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from benchmarks.prometheus import prometheus
from benchmarks.result import Line, at_most, table
from madang.testing.running_platform import RunningPlatform, free_port, write_project

SERIES = 50_000
_WARM_S = 8.0
CONFIG = """\
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: bench
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


def run(scratch: Path, *, seconds: float = 60.0, series: int = SERIES) -> str:
    """Measure and return the section of the results."""
    folder = scratch / "scrape"
    folder.mkdir(parents=True, exist_ok=True)
    with _target(series) as port:
        config = folder / "prometheus.yml"
        config.write_text(CONFIG.format(port=port))
        theirs_us = _prometheus_us(config, folder, seconds, series)
        collect_us, all_us = _ours_us(config, folder, seconds)
    what = "CPU per scraped sample: fetched, read, on disk in the stream (role collect)"
    lines = [
        Line(what, f"{collect_us:.2f} µs")
        if theirs_us is None
        else at_most(what, collect_us, theirs_us, "µs", 2),
        Line("the same of all roles together, tables included", f"{all_us:.2f} µs"),
    ]
    note = f"One target of {series:,} series every second for {seconds:g} s, gzip; Prometheus: "
    note += "not on this machine." if theirs_us is None else f"{theirs_us:.2f} µs, all it does."
    return table("Scraping", lines, note)


@contextmanager
def _target(series: int) -> Iterator[int]:
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.pages", str(port), str(series)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield port
        finally:
            process.kill()


def _cpu_s(processes: list[psutil.Process]) -> float:
    return sum(one.cpu_times().user + one.cpu_times().system for one in processes)


def _ours_us(config: Path, folder: Path, seconds: float) -> tuple[float, float]:
    """Microseconds a sample: of the role ``collect``, and of the platform."""
    files = {
        "madang.yml": "name: bench\n",
        "sources/scrape.yml": f"kind: scrape\nconfig: {config}\n",
    }
    project = write_project(folder / "project", files)
    with RunningPlatform(project, folder / "data") as platform:
        time.sleep(_WARM_S)
        assert platform.process is not None
        top = psutil.Process(platform.process.pid)
        collect = psutil.Process(platform.role_pid("collect"))
        everyone = [top, *top.children(recursive=True)]
        before = (_cpu_s([collect]), _cpu_s(everyone), _samples(platform))
        time.sleep(seconds)
        after = (_cpu_s([collect]), _cpu_s(everyone), _samples(platform))
    count = after[2] - before[2]
    assert count > 0, "nothing was scraped"
    return (after[0] - before[0]) / count * 1e6, (after[1] - before[1]) / count * 1e6


def _samples(platform: RunningPlatform) -> int:
    return sum(int(one["end"]) for one in platform.stream("metrics.samples")["partition_bounds"])


def _prometheus_us(config: Path, folder: Path, seconds: float, series: int) -> float | None:
    """Microseconds a sample; None where there is no Prometheus."""
    with prometheus(folder / "theirs", config.read_text()) as server:
        if server is None:
            return None
        time.sleep(_WARM_S)
        before = _cpu_s([server.process()])
        time.sleep(seconds)
        return (_cpu_s([server.process()]) - before) / (seconds * series) * 1e6
