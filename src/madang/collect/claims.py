"""Who brings what into which stream, so that no two sources bring the same."""

from __future__ import annotations

import threading
from collections.abc import Hashable


class Claims:
    """Things that sources have taken, each for one stream. Thread-safe.

    Two sources that follow one file into one stream would append overlapping batches: the file
    would be counted twice in parts.
    """

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._owners: dict[tuple[str, Hashable], str] = {}

    def take(self, stream: str, thing: Hashable, owner: str) -> str:
        """Take a thing unless another source has it; returns the one that has it now."""
        with self._mutex:
            return self._owners.setdefault((stream, thing), owner)

    def release(self, stream: str, thing: Hashable, owner: str) -> None:
        """Give a thing back, if it is the owner's."""
        with self._mutex:
            if self._owners.get((stream, thing)) == owner:
                del self._owners[stream, thing]

    def release_all(self, stream: str, owner: str) -> None:
        """Give back all that an owner has."""
        with self._mutex:
            for held in [held for held, by in self._owners.items() if by == owner]:
                if held[0] == stream:
                    del self._owners[held]
