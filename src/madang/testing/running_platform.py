"""A real ``madang up`` for tests: its own process group, project and data directory.

Needs httpx (the extra ``testing``).
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

TOKEN = "mdg_admin_" + "t" * 40


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def write_project(directory: Path, files: dict[str, str]) -> Path:
    """A project directory from file name → text."""
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return directory


class RunningPlatform:
    """Starts, asks, kills and stops the platform; usable as a context manager."""

    def __init__(self, project: Path, data: Path, *, port: int | None = None) -> None:
        self.project, self.data = project, data
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.output = data.parent / f"{data.name}.out"
        self.process: subprocess.Popen[bytes] | None = None
        self.client = httpx.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60
        )

    def start(self, *, timeout_s: float = 30.0) -> RunningPlatform:
        """Start and wait until it is ready."""
        environment = os.environ | {"MADANG_TOKEN": TOKEN}
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "madang.cli",
                    "up",
                    str(self.project),
                    "--data",
                    str(self.data),
                    "--port",
                    str(self.port),
                ],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
        self.wait_for(self.is_ready, timeout_s)
        return self

    def is_ready(self) -> bool:
        """Whether ``/readyz`` says so; fails at once if the platform ended."""
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"the platform ended:\n{self.output.read_text()[-4000:]}")
        try:
            return self.client.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        """SIGKILL for every process of the platform at once."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """SIGINT, as Ctrl-C sends it; the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
        return self.process.returncode

    def role_pid(self, name: str) -> int:
        """The process of a role."""
        roles = json.loads((self.data / "run/roles.json").read_bytes())["roles"]
        return next(int(role["pid"]) for role in roles if role["name"] == name)

    def sql(self, text: str, **params: object) -> list[list[Any]]:
        """The rows of a query; ``$name`` are parameters."""
        answer = self.client.post("/api/sql", json={"sql": text, "params": params})
        assert answer.status_code == 200, answer.text
        rows: list[list[Any]] = answer.json()["rows"]
        return rows

    def stream(self, name: str) -> dict[str, Any]:
        """``GET /api/streams/<name>``."""
        answer = self.client.get(f"/api/streams/{name}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def delivered(self, name: str) -> bool:
        """Whether everything in the stream is in its table."""
        bounds = self.stream(name)["partition_bounds"]
        return all((p["delivered"] or 0) >= p["end"] for p in bounds)

    def wait_for(self, condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
        """Wait until ``condition`` holds."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, (
                f"not within {timeout_s} s:\n{self.output.read_text()[-4000:]}"
            )
            time.sleep(0.02)

    def __enter__(self) -> RunningPlatform:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            try:
                self.stop()
            finally:
                if self.process.poll() is None:
                    self.kill()
        self.client.close()
