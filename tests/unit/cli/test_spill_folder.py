"""What a query over files spilled is gone afterwards, however it ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from madang.cli import main
from madang.cli.spill_folder import spill_folder

SPILLING = "select count(*) from (select distinct hash(i, 1), hash(i, 2) from range(60000000) r(i))"


@contextmanager
def spilling(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A command in the middle of a query that spills."""
    (folder / "a.csv").write_text("a\n1\n")
    command = [sys.executable, "-m", "madang.cli", "sql", "--file", f"a={folder}/a.csv"]
    command += ["--memory", "60MB", "--threads", "1", SPILLING]
    environment = {**os.environ, "TMPDIR": str(folder)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as process:
        until = time.monotonic() + 60
        while not any(folder.glob("madang-sql-*/duckdb_temp*")) and time.monotonic() < until:
            assert process.poll() is None
            time.sleep(0.02)  # nothing tells when a first block is spilled
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_query_and_removes_its_files(
    tmp_path: Path, number: signal.Signals
) -> None:
    with spilling(tmp_path) as process:
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (130, b"")
    assert not list(tmp_path.glob("madang-sql-*"))


def test_the_next_command_removes_what_a_killed_one_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with spilling(tmp_path) as process:
        process.kill()
        process.wait()
    assert list(tmp_path.glob("madang-sql-*/duckdb_temp*"))
    other = tmp_path / "madang-sql-other"
    other.mkdir()
    with spill_folder() as used:
        assert main(["sql", "--file", f"a={tmp_path}/a.csv", "select 1"]) == 0
        assert set(tmp_path.glob("madang-sql-*")) == {other, used}
