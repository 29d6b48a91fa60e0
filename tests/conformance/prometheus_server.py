"""Debian's Prometheus as a process of a test, and requests to it."""

from __future__ import annotations

import http.client
import socket
import subprocess
import time
from contextlib import contextmanager

from debian_programs import debian_program


@contextmanager
def prometheus(folder, config, *flags):
    """Run it with a configuration, in which PORT stands for its own; gives the port."""
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


def request(port, method, path, body=None, headers=None):
    """The status and the body of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def wait_until_ready(port, timeout_s=60.0):
    """Wait until it answers."""
    wait_for(lambda: request(port, "GET", "/-/ready")[0] == 200, timeout_s)


def wait_for(is_so, timeout_s=60.0):
    """Wait until something holds of another program, which can only be asked."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            if is_so():
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError("it did not become so")
