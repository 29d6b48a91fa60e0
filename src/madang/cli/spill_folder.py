"""A folder for what a query spills, that is gone afterwards, however the command ends.

It lies where temporary files do (``TMPDIR``). A command that is killed leaves its folder behind;
the next one removes it, knowing by the lock that nobody holds any more that its owner is gone.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "madang-sql-"
_LOCK = "in-use"


@contextmanager
def spill_folder() -> Iterator[Path]:
    """A new folder; it and what is in it are removed at the end."""
    _remove_left_behind(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        lock = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            os.write(lock, b"locked")
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _remove_left_behind(parent: Path) -> None:
    with suppress(OSError):
        for folder in parent.glob(f"{_PREFIX}*"):
            with suppress(OSError):
                _remove_if_left(folder)


def _remove_if_left(folder: Path) -> None:
    if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
        return
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Between its making and its locking a folder's lock is empty; so is one that was left then.
        if os.fstat(lock).st_size:
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)
