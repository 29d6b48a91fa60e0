"""One platform for one data directory.

The lock is an flock, which the kernel frees with the last process that holds it, however that one
ends. What is written in the file only serves to say who it is, and whether to wait: a process is
named by its id and the moment in which it started, for ids come back.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from pathlib import Path

import psutil

from madang.core.errors import ConflictError, UnavailableError
from madang.operate.health import ROLES_FILE

_PATIENCE_S = 20.0
_POLL_S = 0.1


def lock_data_directory(run: Path, *, patience_s: float = _PATIENCE_S) -> int:
    """Take the data directory's lock; returns the descriptor that holds it.

    Roles inherit the descriptor, so roles that outlive a killed supervisor keep a new platform out
    until they are gone: what they still commit is not for two platforms. The kernel tells them that
    it died, so this waits for them.

    Args:
        run: The folder ``run`` of the data directory; made if missing.
        patience_s: How long to wait for the roles of a supervisor that is gone.

    Raises:
        ConflictError: another platform, or what is left of one, runs on it.
        UnavailableError: the directory cannot be written.
    """
    try:
        run.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(run / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise UnavailableError(
            f"the data directory {run.parent} cannot be written: {error.strerror}",
            hint="choose another with --data DIR, or DATA=DIR for make run",
        ) from error
    deadline = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 64, 0).decode(errors="replace").split()
            if _runs(holder) or time.monotonic() > deadline:
                os.close(descriptor)
                raise _taken(run, holder) from None
            time.sleep(_POLL_S)
            continue
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()} {_started(os.getpid())}\n".encode(), 0)
        return descriptor


def _taken(run: Path, holder: list[str]) -> ConflictError:
    if _runs(holder):
        return ConflictError(
            f"another Madang (process {holder[0]}) runs on {run.parent}",
            hint="stop it, or choose another data directory with --data DIR",
        )
    left = ", ".join(_roles_left(run)) or "unknown"
    return ConflictError(
        f"roles of a Madang that was killed still run on {run.parent}: {left}",
        hint="they end when their work is done; kill -9 ends them at once, and loses nothing",
    )


def _roles_left(run: Path) -> list[str]:
    """``<role> (process <id>)`` of the last platform's roles that still run."""
    try:
        roles = json.loads((run / ROLES_FILE).read_bytes())["roles"]
        known = [(str(role["name"]), int(role["pid"])) for role in roles if role["pid"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [f"{name} (process {pid})" for name, pid in known if _started(pid)]


def _runs(holder: list[str]) -> bool:
    """Whether the process ``[<id>, <start>]`` runs; nobody is named for a moment after a lock."""
    return len(holder) == 2 and holder[0].isdecimal() and _started(int(holder[0])) == holder[1]


def _started(pid: int) -> str:
    """When a process started, by a clock that nobody sets; empty if there is none."""
    if not Path("/proc/self/stat").exists():
        try:
            return str(psutil.Process(pid).create_time())
        except psutil.Error:
            return ""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return ""
    # The name, in brackets, may hold anything.
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in ("Z", "X") else fields[19]
