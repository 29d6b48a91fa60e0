"""The lock of a data directory, among real processes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from madang.core.errors import ConflictError
from madang.operate.lock import lock_data_directory

HOLDER = """
import os, sys, time
from pathlib import Path
from madang.operate.lock import lock_data_directory

lock_data_directory(Path(sys.argv[1]))
if len(sys.argv) > 2 and os.fork() == 0:
    time.sleep(float(sys.argv[2]))
    os._exit(0)
print("locked", flush=True)
time.sleep(600)
"""


@pytest.fixture
def run(tmp_path):
    return tmp_path / "data" / "run"


@pytest.fixture
def hold(run):
    """Start a process that holds the lock, with a role that stays so many seconds."""
    started = []

    def start(*role_s: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(run), *role_s],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        return process

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_a_second_platform_is_refused_in_one_line(run, hold):
    holder = hold()
    with pytest.raises(ConflictError) as caught:
        lock_data_directory(run)
    assert str(caught.value) == (
        f"another Madang (process {holder.pid}) runs on {run.parent} "
        "(stop it, or choose another data directory with --data DIR)"
    )


def test_kill_frees_it(run, hold):
    kill(hold())
    os.close(lock_data_directory(run, patience_s=0))


def test_a_role_that_ends_after_its_killed_supervisor_is_waited_for(run, hold):
    kill(hold("1.0"))
    os.close(lock_data_directory(run))


def test_a_role_that_does_not_end_is_named(run, hold):
    holder = hold("600")
    kill(holder)
    (left,) = _members(holder.pid)
    roles = [{"name": "deliver", "pid": left}, {"name": "serve", "pid": holder.pid}]
    (run / "roles.json").write_text(json.dumps({"roles": roles}))
    said = rf"still run on .*: deliver \(process {left}\) \("
    with pytest.raises(ConflictError, match=said) as caught:
        lock_data_directory(run, patience_s=0.2)
    assert "kill -9" in caught.value.hint
    os.kill(left, signal.SIGKILL)
    os.close(lock_data_directory(run))


def test_a_process_that_has_the_id_of_a_dead_one_is_not_taken_for_it(run, hold):
    kill(hold("1.0"))
    # This very process now has the id that the dead one had.
    (run / "lock").write_text(f"{os.getpid()} 1\n")
    os.close(lock_data_directory(run))


def test_what_another_version_wrote_does_not_matter_to_a_free_lock(run):
    run.mkdir(parents=True)
    (run / "lock").write_text("1\n")
    os.close(lock_data_directory(run, patience_s=0))
    (run / "lock").write_bytes(b"\xff" * 200)
    os.close(lock_data_directory(run, patience_s=0))


def _members(group):
    """Processes of a group that still run."""
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdecimal():
            with contextlib.suppress(ProcessLookupError):
                if os.getpgid(int(path.name)) == group:
                    found.append(int(path.name))
    return found
