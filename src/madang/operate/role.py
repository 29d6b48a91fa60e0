"""What every role shares: its place in the platform and when it must stop."""

from __future__ import annotations

import ctypes
import faulthandler
import logging
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass

from madang.core.datadir import DataDir
from madang.operate.logs import write_logs
from madang.operate.memory import forget_file_pages

_PR_SET_PDEATHSIG = 1
_SETTLED_S = 20.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RoleContext:
    """What the supervisor hands to a role.

    ``ready`` is called once, when the role does its work. ``stop`` is set by SIGTERM; the role then
    finishes what it holds and returns.
    """

    name: str
    data: DataDir
    project_dir: str
    ready: Callable[[], None]
    stop: threading.Event


def become_role(
    name: str,
    body: Callable[[RoleContext], None],
    data: DataDir,
    project_dir: str,
    *,
    ready_fd: int,
    supervisor_pid: int,
) -> int:
    """Turn this freshly forked process into a role; returns its exit code.

    The terminal's Ctrl-C reaches the supervisor alone, which stops the roles in order. A role whose
    supervisor died is told by the kernel and stops as if asked to.
    """
    stop = threading.Event()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != supervisor_pid:
        return 1  # it died before the kernel was asked to tell
    _name_process(f"madang:{name}")
    write_logs(data.logs, name)
    # Where a native library crashes, this file says in which thread and line.
    faults = (data.logs / f"{name}.fault").open("a")
    faulthandler.enable(faults)

    def ready() -> None:
        os.write(ready_fd, b"1")
        os.close(ready_fd)
        # By then it has done everything once; what only the start needed need not stay.
        settled = threading.Timer(_SETTLED_S, forget_file_pages)
        settled.daemon = True
        settled.start()

    try:
        _log.info("the role starts", extra={"pid": os.getpid()})
        body(RoleContext(name, data, project_dir, ready, stop))
    except BaseException:  # noqa: BLE001 - whatever ends a role is logged, then it is restarted
        _log.critical("the role ended with an error", exc_info=True)
        return 1
    _log.info("the role has stopped")
    return 0


def _name_process(name: str) -> None:
    """Show the role's name in ``ps`` and ``top`` (15 bytes at most)."""
    ctypes.CDLL(None).prctl(15, name.encode()[:15])
