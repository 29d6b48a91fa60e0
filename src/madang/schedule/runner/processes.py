"""Processes as Linux tells of them: who is below whom, and what they take."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36
_KIB: Final = 1024


def die_with_parent(parent: int) -> None:
    """Be killed when ``parent`` is gone; ends this process at once if it is already."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def adopt_orphans() -> None:
    """Become the parent of every process below this one whose own parent ends."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def below(pid: int) -> Iterator[int]:
    """All processes below ``pid``, as far as they can be seen; parents first."""
    waiting = [pid]
    while waiting:
        found = list(_children(waiting.pop()))
        yield from found
        waiting += found


def children(pid: int) -> list[int]:
    """The processes directly below ``pid``."""
    return list(_children(pid))


def _children(pid: int) -> Iterator[int]:
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                yield from map(int, (task / "children").read_bytes().split())


def kill_all(pids: Iterator[int], number: int) -> int:
    """Send a signal to processes; how many got it."""
    count = 0
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
            count += 1
    return count


def private_bytes(pids: Iterator[int]) -> int:
    """Memory that these processes have for themselves; what they share is counted in parts."""
    total = 0
    for pid in pids:
        with suppress(OSError, ValueError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_bytes().splitlines():
                if line.startswith(b"Pss_Anon:"):
                    total += int(line.split()[1]) * _KIB
                    break
    return total


def oom_kills() -> int:
    """How many processes the kernel has killed for want of memory since the machine started."""
    with suppress(OSError, ValueError):
        for line in Path("/proc/vmstat").read_bytes().splitlines():
            if line.startswith(b"oom_kill "):
                return int(line.split()[1])
    return 0


def data_bytes() -> int:
    """What ``RLIMIT_DATA`` counts of this process: private memory, used or not."""
    with suppress(OSError, ValueError):
        for line in Path("/proc/self/status").read_bytes().splitlines():
            if line.startswith(b"VmData:"):
                return int(line.split()[1]) * _KIB
    return 0
