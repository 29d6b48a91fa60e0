"""Debian's PostgreSQL as a server for tests: made, started, killed, stopped."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from debian_programs import debian_program

USER = "madang"
PASSWORD = "한글 p@ss:word/"
_BIN = "usr/lib/postgresql/15/bin"


class PostgreSQL:
    """A server on a free port of this machine, with an empty database."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._bin = debian_program("postgresql-15", f"{_BIN}/postgres").parent
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        # It refuses to run as root, as which tests run in some places.
        self._user = "nobody" if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(folder, self._user)
        (folder / "password").write_text(PASSWORD)
        folder.joinpath("password").chmod(0o644)
        made = subprocess.run(
            [
                self._bin / "initdb",
                *("-D", folder / "data", "-U", USER, "--pwfile", folder / "password"),
                *("--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-sync"),
            ],
            user=self._user,
            capture_output=True,
            check=False,
            cwd=folder,
        )
        if made.returncode:
            pytest.skip(f"no PostgreSQL can be made here: {made.stderr.decode()[-500:]}")
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "postgres", password: str = PASSWORD) -> str:
        """Where it answers."""
        import sqlalchemy as sa

        return sa.URL.create(
            "postgresql", USER, password, "127.0.0.1", self.port, database
        ).render_as_string(hide_password=False)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        path = self.folder / "log"
        begin = path.stat().st_size if path.exists() else 0
        with path.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    self._bin / "postgres",
                    *("-D", self.folder / "data", "-p", str(self.port), "-k", self.folder),
                    *("-c", "listen_addresses=127.0.0.1", "-c", "shared_buffers=16MB"),
                ],
                user=self._user,
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )
        until = time.monotonic() + 60
        while b"ready to accept connections" not in path.read_bytes()[begin:]:
            assert time.monotonic() < until, path.read_text()[-2000:]
            assert self._process.poll() is None, path.read_text()[-2000:]
            time.sleep(0.02)

    def stop(self, how: int = signal.SIGINT) -> None:
        """Stop it and its connections; SIGQUIT is the kill of it that leaves nothing behind."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None


@contextmanager
def postgresql() -> Iterator[PostgreSQL]:
    """A running server, removed afterwards."""
    # Not below pytest's folder, which only its owner may enter.
    with tempfile.TemporaryDirectory(prefix="madang-pg-") as name:
        server = PostgreSQL(Path(name))
        server.start()
        try:
            yield server
        finally:
            server.stop()
