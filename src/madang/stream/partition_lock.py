"""The partition's lock: one writer at a time, among threads and among processes."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from madang.core.errors import UnavailableError


class FileLock:
    """An flock on ``path``, which dies with its holder; not reentrant.

    Lock order: a stream's lock before a partition's lock before a producer map's mutex.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mutex = threading.Lock()
        self._fd = -1
        self._owner = os.getpid()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock; waits as long as another thread or process has it.

        Raises:
            UnavailableError: the process was forked after the lock was made; a child would share
                the lock with its parent instead of waiting for it.
        """
        if os.getpid() != self._owner:
            raise UnavailableError(
                f"{self._path.parent} was opened before this process was forked",
                hint="open streams after forking",
            )
        with self._mutex:
            if self._fd < 0:
                self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            fcntl.flock(self._fd, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(self._fd, fcntl.LOCK_UN)

    def close(self) -> None:
        """Release the file."""
        with self._mutex:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1
