"""What Madang sends on arrives, sample for sample, also over kills of either side."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from debian_programs import debian_program
from madang.collect.remote_write import CONTENT_TYPES, V1_PROTO, RemoteWriteEncoder
from madang.core.samples import METRIC_NAME, Samples, canonical_labels
from madang.testing.running_platform import TOKEN, RunningPlatform, write_project
from prometheus_server import request, wait_until_ready

pytestmark = pytest.mark.slow

SERIES = 300
HEADERS = {
    "Content-Type": CONTENT_TYPES[V1_PROTO],
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}


def project_text(url: str, proto: str) -> str:
    return f"""
metrics:
  remote_write:
    - url: {url}
      name: peer
      protobuf_message: {proto}
      authorization: {{credentials: {TOKEN}}}
      queue_config: {{batch_send_deadline: 200ms, max_samples_per_send: 500, min_backoff: 20ms}}
      write_relabel_configs:
        - {{source_labels: [__name__], regex: private_.*, action: drop}}
        - {{target_label: via, replacement: madang}}
"""


class Pushing:
    """Pushes a sample of each series ten times a second."""

    def __init__(self, platform: RunningPlatform) -> None:
        self._platform = platform
        names = ["public_total"] * (SERIES - 1) + ["private_total"]
        self._labels = [
            canonical_labels({METRIC_NAME: name, "n": str(number)})
            for number, name in enumerate(names)
        ]
        self.pushed: list[int] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Pushing:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        encoder = RemoteWriteEncoder()
        while not self._stop.wait(0.1):
            at_ms = time.time_ns() // 1_000_000
            samples = Samples(
                self._labels,
                np.arange(SERIES, dtype=np.int32),
                np.full(SERIES, at_ms),
                np.arange(SERIES) + at_ms % 100_000 / 1000,
            )
            answer = self._platform.client.post(
                "/prometheus/api/v1/write", content=encoder.v1(samples), headers=HEADERS
            )
            assert answer.status_code == 204, answer.text
            self.pushed.append(at_ms)

    def wait_for(self, count: int) -> None:
        until = len(self.pushed) + count
        self._platform.wait_for(lambda: len(self.pushed) >= until, 60)


def samples_in(ask: Callable[[dict], dict], via: str = "") -> dict[str, list]:
    """By the label n: every sample."""
    selector = f'public_total{{via="{via}"}}[10m]'
    answer = ask({"query": selector, "time": str(time.time() + 5)})
    return {one["metric"]["n"]: one["values"] for one in answer["data"]["result"]}


def asked(platform: RunningPlatform) -> Callable[[dict], dict]:
    def ask(params: dict) -> dict:
        answer = platform.client.get("/prometheus/api/v1/query", params=params)
        return answer.json() if answer.status_code == 200 else {"data": {"result": []}}

    return ask


class Prometheus:
    """A receiver that can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        (folder / "prometheus.yml").write_text("global: {}\n")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program = debian_program("prometheus", "usr/bin/prometheus")
        with (self._folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    program,
                    f"--config.file={self._folder / 'prometheus.yml'}",
                    f"--storage.tsdb.path={self._folder / 'data'}",
                    f"--web.listen-address=127.0.0.1:{self.port}",
                    "--web.enable-remote-write-receiver",
                ],
                stderr=log,
                stdout=log,
            )
        wait_until_ready(self.port)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def ask(self, params: dict) -> dict:
        form = urllib.parse.urlencode(params)
        return json.loads(request(self.port, "GET", f"/api/v1/query?{form}")[1])


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[Prometheus]:
    made = Prometheus(tmp_path / "prometheus")
    made.start()
    yield made
    made.kill()


def test_prometheus_takes_every_sample_once(tmp_path: Path, prometheus: Prometheus) -> None:
    url = f"http://127.0.0.1:{prometheus.port}/api/v1/write"
    text = project_text(url, V1_PROTO)
    project = write_project(tmp_path / "project", {"madang.yml": text})
    with RunningPlatform(project, tmp_path / "data") as platform:
        _wait_for_sender(platform)
        with Pushing(platform) as pushing:
            pushing.wait_for(10)
            for _ in range(3):
                os.kill(platform.role_pid("metrics"), signal.SIGKILL)
                pushing.wait_for(15)
            prometheus.kill()
            pushing.wait_for(15)
            prometheus.start()
            pushing.wait_for(10)
        _compare(platform, prometheus.ask, pushing)
        state = json.loads((tmp_path / "data/run/onward.json").read_bytes())["senders"][0]
        assert set(state["dropped"]) <= {"refused_again"}
        assert platform.stop() == 0
    found = samples_in(prometheus.ask, "madang")
    assert len(found) == SERIES - 1


def test_madang_takes_every_sample_once(tmp_path: Path) -> None:
    receiving = write_project(tmp_path / "receiver", {"madang.yml": "name: receiver\n"})
    receiver = RunningPlatform(receiving, tmp_path / "received").start()
    text = project_text(f"{receiver.url}/prometheus/api/v1/write", "io.prometheus.write.v2.Request")
    project = write_project(tmp_path / "project", {"madang.yml": text})
    try:
        with RunningPlatform(project, tmp_path / "data") as platform:
            _wait_for_sender(platform)
            with Pushing(platform) as pushing:
                pushing.wait_for(10)
                receiver.kill()
                pushing.wait_for(10)
                receiver.start()
                os.kill(platform.role_pid("metrics"), signal.SIGKILL)
                pushing.wait_for(15)
            _compare(platform, asked(receiver), pushing)
    finally:
        receiver.stop()
        receiver.client.close()


def _wait_for_sender(platform: RunningPlatform) -> None:
    # It sends what comes after its first start.
    groups = platform.data / "streams/metrics.samples/groups"
    platform.wait_for(lambda: bool(list(groups.glob("onward-peer-*.json"))), 30)


def _compare(platform: RunningPlatform, ask: Callable[[dict], dict], pushing: Pushing) -> None:
    expected = [at / 1000 for at in pushing.pushed]
    ours = asked(platform)

    def arrived() -> bool:
        found = samples_in(ask, "madang")
        return len(found) == SERIES - 1 and all(
            values[-1][0] == expected[-1] for values in found.values()
        )

    platform.wait_for(arrived, 60)
    platform.wait_for(lambda: len(samples_in(ours)) == SERIES - 1, 60)
    here, there = samples_in(ours), samples_in(ask, "madang")
    assert here == there
    assert {tuple(at for at, _ in values) for values in there.values()} == {tuple(expected)}
    assert not ask({"query": "private_total"})["data"]["result"]
