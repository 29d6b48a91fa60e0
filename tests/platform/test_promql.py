"""PromQL over a running platform: promtool asks, the role is killed, small queries are quick."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pyarrow as pa
import pytest

from debian_programs import debian_program
from madang.core.samples import SAMPLES_SCHEMA, canonical_labels, series_id
from madang.stream import LogStore, LogStream
from madang.testing.running_platform import TOKEN, RunningPlatform, write_project

API = "/prometheus/api/v1"
PODS = 20


class Pushed:
    """Appends samples as a collector does: one page at a time, acknowledged."""

    def __init__(self, stream: LogStream) -> None:
        self._stream = stream
        labels = [canonical_labels({"__name__": "x_total", "pod": f"p{n}"}) for n in range(PODS)]
        self._labels = pa.array(labels, pa.binary())
        self._ids = pa.array([series_id(one) for one in labels], pa.int64())
        self.pages, self._last_ms = 0, 0

    def page(self, ts_ms: int) -> None:
        """One sample of each series; its value is the page's number, its time its own."""
        ts_ms = self._last_ms = max(ts_ms, self._last_ms + 1)
        batch = pa.RecordBatch.from_arrays(
            [
                pa.array([ts_ms] * PODS, pa.timestamp("ms", "UTC")),
                self._ids,
                pa.array(np.full(PODS, float(self.pages))),
                pa.nulls(PODS, pa.binary()),
                self._labels if self.pages == 0 else pa.nulls(PODS, pa.binary()),
            ],
            schema=SAMPLES_SCHEMA,
        )
        self._stream.submit(batch).result(timeout=30)
        self.pages += 1


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    root = tmp_path_factory.mktemp("promql")
    project = write_project(root / "project", {"madang.yml": "query: {workers: 1}\n"})
    with RunningPlatform(project, root / "data") as running:
        yield running


@pytest.fixture(scope="module")
def pushed(platform: RunningPlatform) -> Iterator[Pushed]:
    store = LogStore(platform.data / "streams")
    made = Pushed(store.open("metrics.samples", SAMPLES_SCHEMA))
    begin_ms = (time.time_ns() // 1_000_000_000 - 600) * 1000
    for number in range(40):
        made.page(begin_ms + number * 15_000)
    platform.wait_for(lambda: value(platform, "sum(count_over_time(x_total[20m]))") == PODS * 40)
    yield made
    store.close()


def value(platform: RunningPlatform, query: str) -> float | None:
    """The one value of a query; None where it has none, or the role restarts."""
    answer = platform.client.get(f"{API}/query", params={"query": query})
    if answer.status_code == 503:
        assert answer.json()["errorType"] == "unavailable"
        assert int(answer.headers["retry-after"]) >= 1
        return None
    assert answer.status_code == 200, answer.text
    found = answer.json()["data"]["result"]
    return float(found[0]["value"][1]) if found else None


def promtool(platform: RunningPlatform, *words: str) -> str:
    program = debian_program("prometheus", "usr/bin/promtool")
    url = platform.url.replace("://", f"://any:{TOKEN}@") + "/prometheus"
    command = [str(program), "query", words[0], *words[1:]]
    command.insert(command.index("--") if "--" in command else len(command), url)
    command = [word for word in command if word != "--"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_promtool_asks_all_that_it_can(platform: RunningPlatform, pushed: Pushed) -> None:
    now = int(time.time())
    assert "=> 20 @" in promtool(platform, "instant", "--", "count(x_total)")
    found = promtool(
        platform,
        "range",
        f"--start={now - 300}",
        f"--end={now}",
        "--step=15s",
        "--",
        "sum(x_total)",
    )
    assert len(found.splitlines()) > 10
    series = promtool(platform, "series", "--match=x_total{pod='p7'}", "--").strip()
    assert 'pod="p7"' in series
    assert promtool(platform, "labels", "--", "pod").split() == sorted(f"p{n}" for n in range(PODS))


def test_what_is_acknowledged_is_there_half_a_second_later(
    platform: RunningPlatform, pushed: Pushed
) -> None:
    waits = []
    for _ in range(10):
        pushed.page(time.time_ns() // 1_000_000)
        began, wanted = time.perf_counter(), pushed.pages - 1
        platform.wait_for(lambda wanted=wanted: value(platform, "max(x_total)") == wanted, 5)
        waits.append(time.perf_counter() - began)
    assert statistics.median(waits) < 0.5, waits


def test_small_queries_are_quick(platform: RunningPlatform, pushed: Pushed) -> None:
    # The bound is 10 ms on a quiet machine; here others may work beside.
    for query in ("x_total", 'rate(x_total{pod=~"p1|p2|p3"}[5m])'):
        times = []
        for _ in range(60):
            began = time.perf_counter()
            assert value(platform, query) is not None
            times.append(time.perf_counter() - began)
        assert statistics.median(times) < 0.05, times


def test_no_sample_is_missing_after_the_role_was_killed_under_load(
    platform: RunningPlatform, pushed: Pushed
) -> None:
    over = threading.Event()
    statuses: set[int] = set()

    def ask() -> None:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        with httpx.Client(base_url=platform.url, headers=headers, timeout=30) as client:
            now = time.time()
            asked = {"query": "rate(x_total[5m])", "start": now - 600, "end": now, "step": 1}
            while not over.is_set():
                # An answer that had begun when the role was killed is broken off.
                with contextlib.suppress(httpx.RemoteProtocolError):
                    statuses.add(client.post(f"{API}/query_range", data=asked).status_code)

    askers = [threading.Thread(target=ask) for _ in range(3)]
    for asker in askers:
        asker.start()
    longest_s = 0.0
    before = pushed.pages
    try:
        for _ in range(3):
            for _ in range(30):
                pushed.page(time.time_ns() // 1_000_000)
            os.kill(platform.role_pid("metrics"), signal.SIGKILL)
            began = time.perf_counter()
            for _ in range(30):
                pushed.page(time.time_ns() // 1_000_000)
            platform.wait_for(lambda: value(platform, "vector(1)") == 1, 30)
            longest_s = max(longest_s, time.perf_counter() - began)
    finally:
        over.set()
        for asker in askers:
            asker.join()
    assert longest_s < 10
    assert statuses <= {200, 503}
    assert pushed.pages == before + 180
    platform.wait_for(
        lambda: value(platform, "sum(count_over_time(x_total[30m]))") == PODS * pushed.pages
    )
    done = subprocess.run(
        [sys.executable, "-m", "madang.cli", "status", "--data", str(platform.data), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    roles = {one["name"]: one for one in json.loads(done.stdout)["roles"]}
    assert roles["metrics"]["restarts"] == 3


def test_limits_are_those_of_the_project_and_change_while_it_runs(
    platform: RunningPlatform, pushed: Pushed
) -> None:
    settings = Path(platform.project / "madang.yml")
    before = settings.read_text()
    settings.write_text(before + "metrics: {query: {max_samples: 100}}\n")

    def refused() -> bool:
        answer = platform.client.get(f"{API}/query", params={"query": "sum(x_total[10m:1s])"})
        text = platform.client.get(
            f"{API}/query", params={"query": "count_over_time(x_total[20m])"}
        )
        assert answer.status_code == 400
        return text.status_code == 422 and "too many samples" in text.text

    platform.wait_for(refused)
    settings.write_text(before)
    platform.wait_for(lambda: not refused())


def test_each_query_is_in_the_history(platform: RunningPlatform, pushed: Pushed) -> None:
    assert value(platform, "count(x_total) + 0") == PODS
    found: list[list[object]] = []

    def noted() -> bool:
        found[:] = platform.sql(
            'select state, "rows", samples_read, client from system.query_history '
            "where language = 'promql' and sql = 'count(x_total) + 0'"
        )
        return bool(found)

    platform.wait_for(noted)
    state, rows, samples, client = found[0]
    assert (state, rows, client) == ("done", 1, "api")
    assert int(str(samples)) >= PODS
