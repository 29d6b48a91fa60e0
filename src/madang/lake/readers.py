"""Who reads table files now: queries say when they begin, upkeep asks before it removes a file.

Each reading process has one small file, which it locks (flock) for as long as it lives and which
holds the time at which its oldest query began. A process that dies frees its lock, so that its file
counts no more. Times are the machine's monotonic clock, which its processes share.
"""

from __future__ import annotations

import fcntl
import logging
import os
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from madang.core.clock import Clock, SystemClock
from madang.core.ids import new_id

_LOG = logging.getLogger(__name__)
_SUFFIX = ".reader"
_BEGAN = struct.Struct("<d")
_IDLE = float("inf")


class Reading:
    """Says that this process reads. Thread-safe; make it after forking.

    Args:
        folder: Where the readers of a data directory have their files; made if missing.
        clock: Injected time.
    """

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        self._folder = folder
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._began: dict[int, float] = {}
        self._fd = -1
        self._path: Path | None = None
        self._next = 0

    @contextmanager
    def held(self) -> Iterator[None]:
        """What a table refers to when it is pinned in here stays until the end of the block.

        Where the disk takes no file, the block runs all the same: files then have only their grace
        period (:data:`madang.lake.orphans.SAFE_AGE_S`).
        """
        with self._lock:
            number = self._next = self._next + 1
            self._began[number] = self._clock.monotonic_s()
            self._publish()
        try:
            yield
        finally:
            with self._lock:
                del self._began[number]
                self._publish()

    def close(self) -> None:
        """Remove the process's file."""
        with self._lock:
            if self._path is not None:
                self._path.unlink(missing_ok=True)
            if self._fd >= 0:
                os.close(self._fd)
            self._fd, self._path = -1, None

    def _publish(self) -> None:
        try:
            if self._fd < 0:
                self._create()
            os.pwrite(self._fd, _BEGAN.pack(min(self._began.values(), default=_IDLE)), 0)
        except OSError as error:
            _LOG.warning("a query cannot say that it reads: %s", error)

    def _create(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{new_id()}{_SUFFIX}"
        hidden = path.with_suffix(".new")
        fd = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            # Locked and filled before anybody can see it, for an unlocked one is taken for dead.
            fcntl.flock(fd, fcntl.LOCK_EX)
            os.pwrite(fd, _BEGAN.pack(_IDLE), 0)
            hidden.rename(path)
        except BaseException:
            os.close(fd)
            hidden.unlink(missing_ok=True)
            raise
        self._fd, self._path = fd, path


class Readers:
    """All processes that read a data directory's tables.

    Args:
        folder: As for :class:`Reading`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def oldest_s(self) -> float | None:
        """When the oldest read under way began (monotonic seconds), or None if nobody reads."""
        oldest = _IDLE
        for path in self._folder.glob(f"*{_SUFFIX}"):
            with suppress(FileNotFoundError):
                oldest = min(oldest, _began(path))
        return None if oldest == _IDLE else oldest


def _began(path: Path) -> float:
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raw = os.pread(fd, _BEGAN.size, 0)
            return float(_BEGAN.unpack(raw)[0]) if len(raw) == _BEGAN.size else 0.0
        path.unlink()  # its process is gone, and names do not come back
        return _IDLE
    finally:
        os.close(fd)
