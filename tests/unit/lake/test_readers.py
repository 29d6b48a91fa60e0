"""Processes that say they read, and what is left of them when they die."""

from __future__ import annotations

import subprocess
import sys

from madang.core.clock import ManualClock
from madang.lake import Readers, Reading

PROGRAM = """
import sys
from pathlib import Path
from madang.lake import Reading

with Reading(Path(sys.argv[1])).held():
    print("reads", flush=True)
    sys.stdin.read()
"""


def test_the_oldest_of_all_reads_counts(tmp_path):
    clock, readers = ManualClock(), Readers(tmp_path / "readers")
    assert readers.oldest_s() is None
    one, other = (Reading(tmp_path / "readers", clock) for _ in range(2))
    clock.advance(5)
    with one.held():
        clock.advance(5)
        with one.held(), other.held():
            assert readers.oldest_s() == 5
        with other.held():
            assert readers.oldest_s() == 5
    assert readers.oldest_s() is None
    with other.held():
        assert readers.oldest_s() == 10
    one.close()
    other.close()
    assert list((tmp_path / "readers").iterdir()) == []


def test_a_killed_process_reads_no_more(tmp_path):
    readers = Readers(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "reads\n"
        assert readers.oldest_s() is not None
        assert readers.oldest_s() is not None, "a look frees nothing"
        process.kill()
    assert readers.oldest_s() is None
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_says_nothing_keeps_everything(tmp_path):
    reading = Reading(tmp_path)
    with reading.held():
        (path,) = tmp_path.iterdir()
        path.write_bytes(b"")
        assert Readers(tmp_path).oldest_s() == 0.0
    reading.close()


def test_a_disk_that_takes_no_file_stops_no_query(tmp_path):
    (tmp_path / "file").touch()
    with Reading(tmp_path / "file" / "readers").held():
        assert Readers(tmp_path / "file" / "readers").oldest_s() is None
