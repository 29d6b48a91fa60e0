"""One platform for one data directory."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from madang.core.errors import ConflictError, UnavailableError

_PATIENCE_S = 20.0


def lock_data_directory(run: Path) -> int:
    """Take the data directory's lock; returns the descriptor that holds it.

    Roles inherit the descriptor, so roles that outlive a killed supervisor keep a new platform out
    until they are gone, for which this waits a little.

    Raises:
        ConflictError: another platform runs on it.
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
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
            if _alive(holder) or time.monotonic() > deadline:
                os.close(descriptor)
                raise ConflictError(
                    f"another Madang (process {holder}) runs on {run.parent}",
                    hint="stop it, or choose another data directory with --data DIR",
                ) from None
            time.sleep(0.1)
            continue
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        return descriptor


def _alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
