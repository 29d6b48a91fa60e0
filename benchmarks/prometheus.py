"""Debian's Prometheus, beside which metrics are measured: both are given and asked alike."""

from __future__ import annotations

import http.client
import shutil
import subprocess
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from madang.collect.remote_write import CONTENT_TYPES, V1_PROTO, RemoteWriteEncoder
from madang.core.samples import Samples
from madang.testing.running_platform import TOKEN, RunningPlatform, free_port

_UNPACKED = Path(__file__).parents[1] / "build/debian/prometheus/usr/bin/prometheus"
_READY_S = 60.0
_WRITE = {
    "Content-Type": CONTENT_TYPES[V1_PROTO],
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}


def program() -> str | None:
    """Where Prometheus is; None where there is none."""
    return shutil.which("prometheus") or (str(_UNPACKED) if _UNPACKED.exists() else None)


@dataclass
class MetricsServer:
    """What speaks Prometheus's API; one connection, kept."""

    port: int
    pid: int
    prefix: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        self._encoder = RemoteWriteEncoder()

    def write(self, samples: Samples) -> None:
        """Push samples; they are accepted when it returns."""
        body = self._encoder.v1(samples)
        status, said = self._request("POST", "/api/v1/write", body, _WRITE)
        assert status in (200, 204), said

    def ask(self, endpoint: str, **params: object) -> bytes:
        """The body of an answer."""
        path = f"/api/v1/{endpoint}?{urllib.parse.urlencode(params)}"
        status, body = self._request("GET", path)
        assert status == 200, body[:1000]
        return body

    def took_s(self, endpoint: str, **params: object) -> float:
        """Seconds until the last byte of an answer is here."""
        begun = time.perf_counter()
        self.ask(endpoint, **params)
        return time.perf_counter() - begun

    def process(self) -> psutil.Process:
        """The process that keeps the samples."""
        return psutil.Process(self.pid)

    def _request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] = {}
    ) -> tuple[int, bytes]:
        all_headers = {**self.headers, **headers}
        self._connection.request(method, self.prefix + path, body, all_headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read()


@contextmanager
def prometheus(folder: Path, config: str = "{}") -> Iterator[MetricsServer | None]:
    """A Prometheus that takes remote writes; None where there is none."""
    found = program()
    if found is None:
        yield None
        return
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "prometheus.yml").write_text(config)
    port = free_port()
    command = [
        found,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-remote-write-receiver",
        "--query.max-samples=500000000",
    ]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_until_ready(port)
            yield MetricsServer(port, process.pid)
        finally:
            process.terminate()


def server_of(platform: RunningPlatform) -> MetricsServer:
    """The same of a running platform."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return MetricsServer(platform.port, platform.role_pid("metrics"), "/prometheus", headers)


def _wait_until_ready(port: int) -> None:
    until_s = time.monotonic() + _READY_S
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/-/ready")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        assert time.monotonic() < until_s, "Prometheus is not ready"
        time.sleep(0.05)
