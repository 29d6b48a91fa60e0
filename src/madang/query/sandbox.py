"""Shuts a query worker in, at the level of the operating system; Linux, best effort.

DuckDB is locked in the first place (:mod:`madang.query.engine`). This is the second wall, for the
day on which the first has a hole.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
from dataclasses import dataclass
from pathlib import Path

_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWNET = 0x40000000
_CLONE_NEWUSER = 0x10000000
_OOM_SCORE = "900"
_NICENESS = 5
"""Acknowledging and delivering come before answering when all want the processors."""


@dataclass(frozen=True, slots=True)
class Confinement:
    """What could be had: where a field is False, the system refused."""

    no_new_privileges: bool
    no_network: bool
    dies_first: bool
    memory_limited: bool


def confine(*, memory_bytes: int, max_file_bytes: int, network: bool = False) -> Confinement:
    """Give up what a query never needs; call it in the worker, before it starts threads.

    Args:
        memory_bytes: What the process may allocate; beyond it a query fails instead of the machine.
        max_file_bytes: The largest file that it may write (spill, Parquet answers).
        network: Keep the network, where table files are in an object store.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    no_network = False if network else _leave_network(libc)
    no_new = libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    os.nice(_NICENESS)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, max_file_bytes)
    memory_limited = _limit(resource.RLIMIT_DATA, memory_bytes)
    return Confinement(no_new, no_network, _die_first(), memory_limited)


def _leave_network(libc: ctypes.CDLL) -> bool:
    if libc.unshare(_CLONE_NEWNET) == 0:
        return True
    uid, gid = os.geteuid(), os.getegid()
    if libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) != 0:
        return False
    with contextlib.suppress(OSError):
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    return True


def _limit(kind: int, value: int) -> bool:
    try:
        _, hard = resource.getrlimit(kind)
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        resource.setrlimit(kind, (value, value))
    except (OSError, ValueError):
        return False
    return True


def _die_first() -> bool:
    try:
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE)
    except OSError:
        return False
    return True
