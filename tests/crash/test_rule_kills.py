"""Rules killed at any moment: every evaluation is there, each once, each behind the one before."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from crash.rules_until_killed import group, open_store
from madang.core.samples import SAMPLES_SCHEMA, is_stale, labels_of
from madang.metrics.rules.times import EvaluationTimes

_STUCK_S = 120.0
CHILD = Path(__file__).parent / "rules_until_killed.py"


@pytest.mark.crash
def test_killed_rules_miss_nothing_and_repeat_nothing(tmp_path):
    kills, draw = int(os.environ.get("MADANG_RULE_KILLS", "6")), random.Random(3)
    store = open_store(tmp_path)
    stream = store.open("metrics.samples", SAMPLES_SCHEMA, partitions=2)
    for _ in range(kills):
        goal = _end(stream) + 40
        process = subprocess.Popen(
            [sys.executable, CHILD, tmp_path],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        try:
            _wait_until(lambda: _end(stream), goal, process)
            time.sleep(draw.uniform(0, 0.2))
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
    store.close()
    found = recorded(tmp_path)
    times = EvaluationTimes.of("rules/a.yml", "g", group().interval)
    numbers = found["n"]
    assert len(numbers) > 15 * kills
    at_ms = numbers[0][0]
    for place, (given_ms, value) in enumerate(numbers):
        assert (given_ms, value) == (at_ms, place + 1)
        at_ms = times.after(at_ms)
    assert found["twice"] == [(given_ms, value * 2) for given_ms, value in numbers]
    expected, there = [], False
    for given_ms, value in numbers:
        now = value % 20 < 10
        if now or there:
            expected.append((given_ms, 1.0 if now else None))
        there = now
    assert found["turning"] == expected


def _end(stream):
    return sum(stream.bounds(partition).end for partition in range(2))


def _wait_until(reached, goal, process):
    """Until so much is reached: however long it takes, as long as there is any progress."""
    last, at_s = -1, time.monotonic()
    while (now := reached()) < goal:
        assert process.poll() is None
        if now > last:
            last, at_s = now, time.monotonic()
        assert time.monotonic() < at_s + _STUCK_S, f"nothing came after {now}"
        time.sleep(0.02)


def recorded(folder):
    """By name, the samples as they stand in the log; None ends a series."""
    if not (folder / "log").exists():
        return {}
    names, found = {}, {}
    store = open_store(folder)
    stream = store.open("metrics.samples", SAMPLES_SCHEMA, partitions=2)
    for partition in range(2):
        offset = 0
        while chunks := stream.read(partition, offset):
            for chunk in chunks:
                batch = chunk.batch
                ends = is_stale(batch["value"].to_numpy())
                rows = zip(
                    batch["series"].to_pylist(),
                    batch["ts"].cast("int64").to_pylist(),
                    batch["value"].to_pylist(),
                    batch["labels"].to_pylist(),
                    ends.tolist(),
                    strict=True,
                )
                for series, at_ms, value, labels, end in rows:
                    if labels:
                        names[series] = labels_of(labels)["__name__"]
                    found.setdefault(names[series], []).append((at_ms, None if end else value))
            offset = chunks[-1].end_offset
    store.close()
    return found
