"""Giving back memory that a process holds and does not use."""

from __future__ import annotations

import ctypes
import re
from pathlib import Path

_MADV_DONTNEED = 4
_M_ARENA_MAX = -8
_RANGE = re.compile(rb"([0-9a-f]+)-([0-9a-f]+) r-[-x]p \S+ \S+ \d+ +/")
_ARENAS = 2


def limit_arenas() -> None:
    """Let threads share two arenas of malloc, instead of growing up to eight a core.

    Inherited by forks. Where the C library has no such setting, nothing happens.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _ARENAS)


def forget_file_pages() -> None:
    """Unmap the pages of libraries that this process has read and not changed.

    They stay in the page cache and come back when they are touched. For the supervisor, which
    loaded every library for the roles and runs almost nothing of them itself, and for roles that
    have started: what only the start needed takes 30 MB and more.
    """
    madvise = getattr(ctypes.CDLL(None, use_errno=True), "madvise", None)
    try:
        smaps = Path("/proc/self/smaps").read_bytes()
    except OSError:
        return  # not Linux
    if madvise is None:
        return
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for mapping in re.split(rb"(?m)^(?=[0-9a-f]+-[0-9a-f]+ )", smaps):
        found = _RANGE.match(mapping)
        # A private copy, such as relocated data, would be lost: only mappings without one.
        if found is None or re.search(rb"(?m)^Anonymous: +0 kB$", mapping) is None:
            continue
        start, end = int(found[1], 16), int(found[2], 16)
        madvise(start, end - start, _MADV_DONTNEED)
