"""Folders for tests that sync a lot: in memory, where the machine has such a file system."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MEMORY = Path("/dev/shm")  # noqa: S108 - only looked at; folders in it get random names
_ENOUGH_BYTES = 32 * 2**20


def memory_folder() -> str | None:
    """A folder in memory with some room, or None: then the usual one is used.

    A file system in memory behaves like any other, but an fsync does not wait for a busy disk.
    """
    if not os.access(_MEMORY, os.W_OK):
        return None
    return str(_MEMORY) if shutil.disk_usage(_MEMORY).free > _ENOUGH_BYTES else None


@contextmanager
def fast_folder() -> Iterator[Path]:
    """An empty folder, in memory if possible, removed in the end."""
    with tempfile.TemporaryDirectory(prefix="madang-test-", dir=memory_folder()) as folder:
        yield Path(folder)
