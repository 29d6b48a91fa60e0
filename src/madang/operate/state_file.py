"""State that parts leave in ``run/`` for whoever asks: replaced whole, lost at a crash."""

from __future__ import annotations

from pathlib import Path

import orjson


class StateFile:
    """Writes one file of ``run/``, only when what it says changed.

    A disk without room must not end anybody's work: the file then stays as it was, and is written
    with the next change.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fresh = path.with_suffix(".new")
        self._written = b""

    def write(self, state: object) -> None:
        """Replace the file by ``state`` as JSON."""
        packed = orjson.dumps(state)
        if packed == self._written:
            return
        try:
            self._fresh.write_bytes(packed)
            self._fresh.replace(self._path)
        except OSError:
            return
        self._written = packed
