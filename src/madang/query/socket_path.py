"""Addresses of Unix sockets whose path may be longer than the system's 107 bytes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LONGEST = 100


@contextmanager
def short_address(path: Path) -> Iterator[str]:
    """An address for ``path`` that fits; valid within the context.

    A long path is reached through its open folder, ``/proc/self/fd/<n>/<name>`` (Linux).
    """
    if len(os.fsencode(path)) <= _LONGEST:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
