"""Debian's Prometheus as a server for tests: started, asked, stopped."""

from __future__ import annotations

import http.client
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from debian_programs import debian_program


@contextmanager
def prometheus(folder: Path, config: str, *flags: str) -> Iterator[int]:
    """A Prometheus whose data and configuration lie in ``folder``; gives its port.

    ``PORT`` in the configuration stands for that port.
    """
    program = debian_program("prometheus", "usr/bin/prometheus")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "prometheus.yml").write_text(config.replace("PORT", str(port)))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                program,
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                *flags,
            ],
            stderr=log,
            stdout=log,
        )
    try:
        yield port
    finally:
        process.terminate()
        process.wait(30)


def request(
    port: int,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> tuple[int, bytes]:
    """Ask once; status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def wait_until_ready(port: int, timeout_s: float = 60.0) -> None:
    """Wait until it takes requests."""
    wait_for(lambda: request(port, "GET", "/-/ready")[0] == 200, timeout_s)


def wait_for(is_so: Callable[[], object], timeout_s: float = 60.0) -> None:
    """Wait until something holds of another program, which can only be asked."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            if is_so():
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError("it did not come true")
