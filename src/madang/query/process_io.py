"""What this process has read, its memory, and giving memory back; Linux, else nothing."""

from __future__ import annotations

import ctypes
from pathlib import Path

_IO = Path("/proc/self/io")
_STATM = Path("/proc/self/statm")
_PAGE_BYTES = 4096


def bytes_read_so_far() -> int:
    """Bytes that this process has read by read calls, from disk or cache."""
    try:
        return int(_IO.read_text().split("\n", 1)[0].split()[1])
    except OSError:
        return 0


def resident_bytes() -> int:
    """Memory of this process that is in RAM and not shared with a file."""
    try:
        _, resident, shared, *_ = _STATM.read_text().split()
    except OSError:
        return 0
    return (int(resident) - int(shared)) * _PAGE_BYTES


def address_bytes() -> int:
    """Private memory that this process has reserved, used or not: what ``RLIMIT_DATA`` counts."""
    try:
        return int(_STATM.read_text().split()[5]) * _PAGE_BYTES
    except OSError:
        return 0


def give_memory_back() -> None:
    """Ask the allocators to return what they hold free."""
    import pyarrow as pa

    pa.default_memory_pool().release_unused()
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    except (OSError, AttributeError):
        return
