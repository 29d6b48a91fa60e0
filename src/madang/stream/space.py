"""The disk's watermark: producers are refused before the disk is full."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

from madang.core.clock import Clock
from madang.core.errors import StorageFullError
from madang.core.units import format_size

_CHECK_EVERY_S = 0.2
_RETRY_AFTER_S = 5.0


class DiskSpace:
    """Free bytes of the file system that holds ``path``, asked at most five times a second."""

    def __init__(self, path: Path, min_free_bytes: int, clock: Clock) -> None:
        self._path = path
        self.min_free_bytes = min_free_bytes
        self._clock = clock
        self._mutex = threading.Lock()
        self._checked_at_s: float | None = None
        self._free_bytes = 0

    def free_bytes(self) -> int:
        """Bytes that an unprivileged process may still write."""
        now_s = self._clock.monotonic_s()
        with self._mutex:
            if self._checked_at_s is None or now_s - self._checked_at_s >= _CHECK_EVERY_S:
                self._look(now_s)
            return self._free_bytes

    def _look(self, now_s: float) -> None:
        found = os.statvfs(self._path)
        self._free_bytes = found.f_bavail * found.f_frsize
        self._checked_at_s = now_s

    def require(self, size_bytes: int) -> None:
        """Take ``size_bytes`` from what is free, or refuse when the watermark would be passed.

        Raises:
            StorageFullError: over the watermark, as a look at the disk just now confirmed.
        """
        self.free_bytes()
        with self._mutex:
            if self._free_bytes - size_bytes < self.min_free_bytes:
                self._look(self._clock.monotonic_s())
            free = self._free_bytes
            # What is written until the next look counts too.
            self._free_bytes -= size_bytes if free - size_bytes >= self.min_free_bytes else 0
        if free - size_bytes < self.min_free_bytes:
            raise StorageFullError(
                f"only {format_size(free)} are free on the disk of {self._path}, "
                f"{format_size(self.min_free_bytes)} must stay free",
                hint="free some space or shorten the retention of streams; nothing was accepted",
                retry_after_s=_RETRY_AFTER_S,
            )


def is_full(error: OSError) -> bool:
    """Whether ``error`` says that there is no room."""
    return error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def storage_full(error: OSError) -> StorageFullError:
    """The error for a write that found no room; nothing of it was kept."""
    return StorageFullError(
        f"the disk is full: {error.strerror}",
        hint="free some space; nothing was accepted",
        retry_after_s=_RETRY_AFTER_S,
    )
