"""The supervisor: one quiet process that forks the roles, restarts what dies and stops in order.

It imports everything once so that the roles share their memory, and starts no thread, so that a
fork at any time is safe: recovery and migration run in a role of their own (``prepare``), and the
project directory is watched by ``serve``.

It logs what the roles cannot log themselves: how they ended. Its file is ``supervisor.jsonl``.
"""

from __future__ import annotations

import gc
import logging
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FrameType

from madang.core.clock import from_us
from madang.core.datadir import DataDir
from madang.core.errors import UnavailableError
from madang.operate.health import ROLES_FILE
from madang.operate.role import RoleContext, become_role
from madang.operate.state_file import StateFile
from madang.operate.telemetry import forget_process

SUPERVISOR = "supervisor"
"""What its log lines say under ``role``, and its log file's name."""
RoleBody = Callable[[RoleContext], None]
_log = logging.getLogger(__name__)
_TICK_S = 0.5
_BACKOFF_S = (0.0, 0.2, 1.0, 3.0, 10.0, 30.0)
_STEADY_S = 60.0
"""A role that ran this long has its back-off forgotten."""
_STOP_ORDER = ("serve", "collect", "query", "metrics", "deliver")
_GRACE_S = 20.0
_RETIRED_SOON_S = 1.0
"""A role that retires sooner than this after its start is started again a moment later only."""
_START_TRIES = 3
"""A role that died this often before all were ready fails the start."""


@dataclass(slots=True)
class _Role:
    name: str
    body: RoleBody
    pid: int = 0
    started_s: float = 0.0
    started_at_us: int = 0
    restarts: int = 0
    failures: int = 0
    ready_fd: int = -1
    state: str = "stopped"
    due_s: float = 0.0
    exit: str = ""


@dataclass(slots=True)
class Supervisor:
    """Runs roles until it is told to stop.

    Args:
        data: The data directory, locked by the caller.
        project_dir: Handed to the roles.
        roles: Name → body; names beginning alike (``query-1``) stop together.
        may_retire: First words of the names of roles that may end by themselves, with exit code 0,
            to be started anew: that is no death, and counts for nothing.
        ready_timeout_s: A role that is not ready by then fails the start.
        say: Gets what the person at the terminal should know: a role that died, the stop.
    """

    data: DataDir
    project_dir: str
    roles: Mapping[str, RoleBody]
    may_retire: frozenset[str] = frozenset()
    ready_timeout_s: float = 60.0
    say: Callable[[str], None] = lambda _: None
    _running: dict[str, _Role] = field(default_factory=dict)
    _stopping: bool = False
    _impatient: bool = False
    _states: StateFile = field(init=False)

    def __post_init__(self) -> None:
        self._states = StateFile(self.data.run / ROLES_FILE)

    def start(self) -> None:
        """Fork every role and wait until all are ready.

        Raises:
            UnavailableError: a role died before it was ready; the others were stopped.
        """
        signal.signal(signal.SIGTERM, self._asked_to_stop)
        signal.signal(signal.SIGINT, self._asked_to_stop)
        gc.collect()
        gc.freeze()  # what is alive now is shared with the roles; the collector must not touch it
        for name, body in self.roles.items():
            self._running[name] = _Role(name, body)
            self._fork(self._running[name])
        deadline = time.monotonic() + self.ready_timeout_s
        while not self._stopping and any(r.state != "running" for r in self._running.values()):
            self._look(0.05)
            self._restart_dead()
            dead = next((r for r in self._running.values() if r.failures >= _START_TRIES), None)
            if dead or time.monotonic() > deadline:
                self.stop()
                late = dead or next(r for r in self._running.values())
                _log.critical("the platform did not start", extra=_of(late))
                raise UnavailableError(
                    f"the role {late.name} did not start{': ' + late.exit if late.exit else ''}",
                    hint=f"its log says why: {self.data.logs / late.name}.jsonl",
                )
        self._publish()

    def run(self) -> None:
        """Watch over the roles until SIGINT or SIGTERM, then stop them in order."""
        while not self._stopping:
            self._look(_TICK_S)
            self._restart_dead()
        self.say("Stopping; what was accepted is kept. Ctrl-C again ends it at once.")
        _log.info("the platform was asked to stop")
        self.stop()
        _log.info("the platform has stopped")
        self.say("Stopped.")

    def _restart_dead(self) -> None:
        now = time.monotonic()
        for role in self._running.values():
            if role.state in ("dead", "retired") and now >= role.due_s:
                role.restarts += role.state == "dead"
                self._fork(role)

    def stop(self) -> None:
        """End the roles in an order in which nothing that was acknowledged waits needlessly.

        First those that accept, then those that read, delivery last. Each gets a grace period; a
        second Ctrl-C, or the end of the grace, kills.
        """
        self._stopping = True
        for prefix in _STOP_ORDER:
            group = [r for n, r in self._running.items() if _kind(n) == prefix and r.pid]
            self._end(group)
        self._end([role for role in self._running.values() if role.pid])
        self._publish()

    def _end(self, roles: list[_Role]) -> None:
        for role in roles:
            role.state = "stopping"
            _kill(role.pid, signal.SIGTERM)
        deadline = time.monotonic() + _GRACE_S
        while any(role.pid for role in roles):
            self._look(0.05)
            if self._impatient or time.monotonic() > deadline:
                for role in roles:
                    if role.pid:
                        _log.warning("a role did not stop in time and is killed", extra=_of(role))
                    _kill(role.pid, signal.SIGKILL)

    def _fork(self, role: _Role) -> None:
        reading, writing = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        supervisor_pid = os.getpid()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            for other in self._running.values():
                if other.ready_fd >= 0:
                    os.close(other.ready_fd)
            code = 1
            try:
                code = become_role(
                    role.name,
                    role.body,
                    self.data,
                    self.project_dir,
                    ready_fd=writing,
                    supervisor_pid=supervisor_pid,
                )
            finally:
                os._exit(code)
        os.close(writing)
        role.pid, role.ready_fd, role.state = pid, reading, "starting"
        role.started_s, role.started_at_us = time.monotonic(), time.time_ns() // 1000

    def _look(self, timeout_s: float) -> None:
        """Wait for news of the roles: readiness and deaths."""
        waiting = {role.ready_fd: role for role in self._running.values() if role.ready_fd >= 0}
        try:
            readable, _, _ = select.select(list(waiting), [], [], timeout_s)
        except InterruptedError:
            readable = []
        for descriptor in readable:
            role = waiting[descriptor]
            if os.read(descriptor, 1):
                role.state = "running"
                if role.exit:
                    _log.info("a role is ready again", extra=_of(role))
                self._publish()
            os.close(descriptor)
            role.ready_fd = -1
        for role in self._running.values():
            if role.pid:
                self._reap(role)

    def _reap(self, role: _Role) -> None:
        pid, status = os.waitpid(role.pid, os.WNOHANG)
        if pid == 0:
            return
        forget_process(role.pid)
        code = os.waitstatus_to_exitcode(status)
        role.exit = f"ended by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        if role.state == "stopping":
            role.state = "stopped"
        elif code == 0 and role.state == "running" and _kind(role.name) in self.may_retire:
            self._retired(role)
        else:
            self._died(role)
        role.pid = 0
        if role.ready_fd >= 0:
            os.close(role.ready_fd)
            role.ready_fd = -1
        self._publish()

    def _retired(self, role: _Role) -> None:
        """A role ended in order, for a new process to take its place."""
        lasted_s = time.monotonic() - role.started_s
        pause_s = _BACKOFF_S[1] if lasted_s < _RETIRED_SOON_S else 0.0
        role.failures, role.due_s, role.state = 0, time.monotonic() + pause_s, "retired"
        told = {"lasted_s": round(lasted_s, 3), "restart_in_s": pause_s}
        _log.info("a role has retired; another process takes its place", extra=_of(role) | told)

    def _died(self, role: _Role) -> None:
        lasted_s = time.monotonic() - role.started_s
        role.failures = 1 if lasted_s > _STEADY_S else role.failures + 1
        pause_s = _BACKOFF_S[min(role.failures, len(_BACKOFF_S)) - 1]
        role.due_s = time.monotonic() + pause_s
        told = {"lasted_s": round(lasted_s, 3), "restart_in_s": pause_s}
        _log.error("a role died", extra=_of(role) | told)
        if role.state == "running" and not self._stopping:
            log = self.data.logs / role.name
            self.say(f"The role {role.name} {role.exit}; it is started again. Its log: {log}.jsonl")
        role.state = "dead"

    def _publish(self) -> None:
        """Write what the roles do to ``run/roles.json``, for status and UI."""
        rows = [
            {
                "name": role.name,
                "pid": role.pid or None,
                # Who reads it knows four states; a new process is on its way.
                "state": "starting" if role.state == "retired" else role.state,
                "started_at": from_us(role.started_at_us).isoformat(),
                "restarts": role.restarts,
                "exit": role.exit or None,
            }
            for role in self._running.values()
        ]
        self._states.write({"supervisor": os.getpid(), "roles": rows})

    def _asked_to_stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._impatient = self._stopping
        self._stopping = True


def _kind(name: str) -> str:
    """``query`` of ``query-1``."""
    return name.split("-", maxsplit=1)[0]


def _of(role: _Role) -> dict[str, object]:
    """What a log line says of a role: its own fields, beside the supervisor's ``role``."""
    return {
        "of": role.name,
        "of_pid": role.pid or None,
        "exit": role.exit or None,
        "restarts": role.restarts,
    }


def _kill(pid: int, number: int) -> None:
    if pid:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
