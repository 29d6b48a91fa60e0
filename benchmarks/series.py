"""A million active series: memory of each, and how soon they are back after a kill."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np

from benchmarks.prometheus import MetricsServer, prometheus, server_of
from benchmarks.result import Line, at_most, table
from madang.core.samples import METRIC_NAME, Samples, canonical_labels
from madang.testing.running_platform import RunningPlatform, write_project

SERIES = 1_000_000
_BODY_SERIES, _ROUNDS, _EVERY_S = 20_000, 3, 15
_MOST_BYTES, _MOST_READY_S = 4 * 2**30, 20.0
_METRICS = 250
_COUNT = 'count({__name__=~"m_.*"})'


def run(scratch: Path, *, series: int = SERIES) -> str:
    """Measure and return the section of the results."""
    folder = scratch / "series"
    project = write_project(folder / "project", {"madang.yml": "name: bench\n"})
    end_s = int(time.time())
    with RunningPlatform(project, folder / "data") as platform:
        ours = server_of(platform)
        taken_bytes = _fill(ours, series, end_s)
        platform.kill()
        begun_s = time.monotonic()
        platform.start()
        _wait_for(server_of(platform), end_s, series)
        ready_s = time.monotonic() - begun_s
        after_bytes = server_of(platform).process().memory_info().rss
    theirs_bytes = None
    with prometheus(folder / "theirs") as theirs:
        if theirs is not None:
            theirs_bytes = _fill(theirs, series, end_s)
    a_series = "memory of an active series, role metrics"
    lines = [
        Line(a_series, f"{taken_bytes / series:,.0f} B")
        if theirs_bytes is None
        else at_most(a_series, taken_bytes / series, round(theirs_bytes / series), "B", 0),
        at_most("memory of the role", taken_bytes / 2**30, _MOST_BYTES / 2**30, "GiB", 2),
        at_most("killed → all of them queried again", ready_s, _MOST_READY_S, "s"),
        Line("memory after that", f"{after_bytes / 2**30:.2f} GiB"),
    ]
    note = (
        f"{series:,} series of {_METRICS} metrics, five labels each, {_ROUNDS} samples pushed by "
        "remote write. Memory: what the process that keeps them holds (RSS) more than before."
    )
    return table("Many series", lines, note)


def _fill(server: MetricsServer, series: int, end_s: int) -> int:
    """Push all series; by how much the server has grown."""
    before = server.process().memory_info().rss
    for turn in range(_ROUNDS):
        at_ms = (end_s - (_ROUNDS - 1 - turn) * _EVERY_S) * 1000
        for first in range(0, series, _BODY_SERIES):
            numbers = range(first, min(first + _BODY_SERIES, series))
            server.write(
                Samples(
                    [_labels(number) for number in numbers],
                    np.arange(len(numbers), dtype=np.int32),
                    np.full(len(numbers), at_ms),
                    np.arange(first, first + len(numbers), dtype=np.float64) + turn * 1.5,
                )
            )
    _wait_for(server, end_s, series)
    return server.process().memory_info().rss - before


def _labels(number: int) -> bytes:
    return canonical_labels(
        {
            METRIC_NAME: f"m_{number % _METRICS}_total",
            "job": f"job-{number % 7}",
            "instance": f"10.0.{number // _METRICS % 256}.{number // _METRICS // 256}:9100",
            "namespace": f"team-{number % 31}",
            "pod": f"pod-{number // _METRICS:06d}",
        }
    )


def _wait_for(server: MetricsServer, end_s: int, series: int) -> None:
    until_s = time.monotonic() + 300
    found: object = None
    while time.monotonic() < until_s:
        try:
            found = json.loads(server.ask("query", query=_COUNT, time=end_s))["data"]["result"]
        except (AssertionError, OSError) as error:
            found = error
        if isinstance(found, list) and found and int(found[0]["value"][1]) == series:
            return
        time.sleep(0.1)
    raise AssertionError(f"not all series are there: {found}")
