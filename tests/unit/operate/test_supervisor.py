"""The supervisor with real processes: readiness, restarts, order of the stop."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

PROGRAM = """
import os, sys, time
from pathlib import Path
from madang.core.datadir import DataDir
from madang.core.errors import MadangError
from madang.operate.logs import write_logs
from madang.operate.supervisor import SUPERVISOR, Supervisor

data = DataDir(Path(sys.argv[1]))
data.run.mkdir(parents=True)
write_logs(data.logs, SUPERVISOR)

def role(context):
    (data.root / f"{context.name}.pid").write_text(str(os.getpid()))
    context.ready()
    context.stop.wait()
    with (data.root / "stopped").open("a") as file:
        file.write(context.name + "\\n")

def broken(context):
    raise RuntimeError("no such luck")

def stubborn(context):
    context.ready()
    time.sleep(600)

def tired(context):
    pid = data.root / f"{context.name}.pid"
    first = not pid.exists()
    pid.write_text(str(os.getpid()))
    context.ready()
    if first:
        while not (data.root / "retire").exists():
            time.sleep(0.01)
        return
    context.stop.wait()

bodies = {"role": role, "broken": broken, "stubborn": stubborn, "tired": tired}
roles = dict(pair.split("=") for pair in sys.argv[2:])
supervisor = Supervisor(data, "/", {name: bodies[body] for name, body in roles.items()},
                        may_retire=frozenset({"query"}),
                        say=lambda text: print(text, file=sys.stderr, flush=True))
try:
    supervisor.start()
except MadangError as error:
    print(error, flush=True)
    sys.exit(3)
print("ready", flush=True)
supervisor.run()
"""


@pytest.fixture
def supervise(tmp_path):
    started = []

    def start(*roles: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(PROGRAM), str(tmp_path / "data"), *roles],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        process.stderr.close()


def _roles(data: Path) -> dict[str, dict]:
    rows = json.loads((data / "run/roles.json").read_bytes())["roles"]
    return {row["name"]: row for row in rows}


def _logged(data: Path, role: str = "supervisor") -> list[dict]:
    path = data / f"logs/{role}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _until(condition, timeout_s: float = 10.0):
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


def test_roles_stop_in_order_at_ctrl_c(supervise, tmp_path):
    process = supervise("deliver=role", "query-1=role", "collect=role", "serve=role")
    assert process.stdout.readline() == "ready\n"
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to everybody
    assert process.wait(10) == 0
    stopped = (tmp_path / "data/stopped").read_text().split()
    assert stopped == ["serve", "collect", "query-1", "deliver"]


def test_a_role_that_dies_is_started_again(supervise, tmp_path):
    process = supervise("serve=role", "collect=role")
    assert process.stdout.readline() == "ready\n"
    data = tmp_path / "data"
    old = int((data / "collect.pid").read_text())
    os.kill(old, signal.SIGKILL)
    _until(lambda: int((data / "collect.pid").read_text() or old) != old)
    _until(lambda: _roles(data)["collect"]["state"] == "running")
    assert _roles(data)["collect"]["restarts"] == 1
    assert _roles(data)["collect"]["exit"] == "ended by SIGKILL"
    assert _roles(data)["serve"]["restarts"] == 0


def test_the_terminal_is_told_of_a_death_and_of_the_stop(supervise, tmp_path):
    process = supervise("serve=role", "collect=role")
    assert process.stdout.readline() == "ready\n"
    os.kill(int((tmp_path / "data/collect.pid").read_text()), signal.SIGKILL)
    told = process.stderr.readline()
    assert told.startswith("The role collect ended by SIGKILL; it is started again.")
    assert "logs/collect.jsonl" in told
    _until(lambda: _roles(tmp_path / "data")["collect"]["state"] == "running")
    process.send_signal(signal.SIGINT)
    assert process.stderr.readline().startswith("Stopping; what was accepted is kept.")
    assert process.stderr.readline() == "Stopped.\n"
    assert process.wait(10) == 0


def test_a_death_by_a_signal_is_a_log_record(supervise, tmp_path):
    process = supervise("serve=role", "collect=role")
    assert process.stdout.readline() == "ready\n"
    data = tmp_path / "data"
    pid = int((data / "collect.pid").read_text())
    os.kill(pid, signal.SIGKILL)
    _until(lambda: len(_logged(data)) == 2)
    died, again = _logged(data)
    assert (died["level"], died["role"], died["message"]) == ("error", "supervisor", "a role died")
    assert (died["of"], died["of_pid"], died["exit"]) == ("collect", pid, "ended by SIGKILL")
    assert died["restart_in_s"] == 0.0
    assert died["lasted_s"] > 0
    assert (again["message"], again["of"], again["restarts"]) == (
        "a role is ready again",
        "collect",
        1,
    )
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0
    assert [line["message"] for line in _logged(data)][2:] == [
        "the platform was asked to stop",
        "the platform has stopped",
    ]


def test_a_role_that_may_retire_is_replaced_without_a_word_of_death(supervise, tmp_path):
    process = supervise("serve=role", "query-0=tired")
    assert process.stdout.readline() == "ready\n"
    data = tmp_path / "data"
    old = int((data / "query-0.pid").read_text())
    (data / "retire").touch()
    _until(lambda: _roles(data)["query-0"]["pid"] not in (None, old))
    _until(lambda: _roles(data)["query-0"]["state"] == "running")
    assert _roles(data)["query-0"]["restarts"] == 0
    retired, again = _logged(data)
    assert (retired["level"], retired["of"], retired["exit"]) == ("info", "query-0", "exit code 0")
    assert retired["message"] == "a role has retired; another process takes its place"
    assert (again["level"], again["message"]) == ("info", "a role is ready again")
    process.send_signal(signal.SIGINT)
    assert process.stderr.readline().startswith("Stopping;")
    assert process.wait(10) == 0


def test_a_role_that_may_not_retire_dies_with_exit_code_0_too(supervise, tmp_path):
    process = supervise("serve=role", "collect=tired")
    assert process.stdout.readline() == "ready\n"
    data = tmp_path / "data"
    (data / "retire").touch()
    _until(lambda: _roles(data)["collect"]["restarts"] == 1)
    assert _logged(data)[0]["message"] == "a role died"


def test_a_roles_lines_stay_out_of_the_supervisors_log(supervise, tmp_path):
    process = supervise("serve=role")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0
    data = tmp_path / "data"
    assert {line["role"] for line in _logged(data)} == {"supervisor"}
    assert {line["role"] for line in _logged(data, "serve")} == {"serve"}


def test_a_role_that_never_gets_ready_fails_the_start_with_its_log(supervise, tmp_path):
    process = supervise("serve=role", "collect=broken")
    line = process.stdout.readline()
    assert "the role collect did not start: exit code 1" in line
    assert "logs/collect.jsonl" in line
    assert process.wait(10) == 3
    logged = _logged(tmp_path / "data")
    assert [one["message"] for one in logged].count("a role died") == 3
    assert logged[-1]["level"] == "critical"


def test_a_second_ctrl_c_does_not_wait(supervise):
    process = supervise("serve=stubborn")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.wait(5) == 0


def test_roles_end_when_the_supervisor_is_killed(supervise, tmp_path):
    process = supervise("serve=role")
    assert process.stdout.readline() == "ready\n"
    pid = int((tmp_path / "data/serve.pid").read_text())
    process.kill()
    _until((tmp_path / "data/stopped").exists)
    _until(lambda: not Path(f"/proc/{pid}").exists() or "Z" in _state(pid))


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return "Z"
