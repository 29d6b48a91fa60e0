"""What senders say of metric families, kept for ``/api/v1/metadata``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from madang.collect.families_file import (
    HELP_LENGTH,
    MOST_FAMILIES,
    Family,
    read_families,
    write_families,
)
from madang.collect.pushed import FamilyMetadata


class PushedFamilies:
    """The families that were pushed, over restarts: of each what was said last.

    Args:
        folder: Where the file is.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._families = read_families(folder)
        self.changed = False

    def note(self, metadata: Iterable[FamilyMetadata]) -> None:
        """Take in what a body says; from one thread."""
        for one in metadata:
            told = {"type": one.type, "unit": one.unit, "help": one.help[:HELP_LENGTH]}
            known = self._families.get(one.family)
            if known == told or (known is None and len(self._families) >= MOST_FAMILIES):
                continue
            self._families[one.family] = told
            self.changed = True

    def take(self) -> dict[str, Family]:
        """A copy to be written; from the thread of ``note``."""
        self.changed = False
        return dict(self._families)

    def write(self, families: dict[str, Family]) -> None:
        """Write what ``take`` gave; any thread. Raises OSError."""
        write_families(self._folder, families)
