"""Orphans: files in a table's folder that no state of the table refers to.

They are left by crashes, given-up commits, and expired snapshots. A file that is being written now
looks the same, and a query may still read what a snapshot that just expired referred to. So a file
goes only if it was an orphan in two looks at least ``safe_age_s`` apart, was not written to in that
time either, and every read under way began after the first of these looks: it pinned its tables
later still, so it cannot have found the file in them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from madang.core.clock import Clock
from madang.lake.catalog import lake_errors
from madang.lake.files import to_path
from madang.lake.state import TableState
from madang.lake.table import LakeTable

SAFE_AGE_S: Final = 3600.0
"""Longer than any commit or compaction takes."""


@dataclass(frozen=True, slots=True)
class OrphanReport:
    """``removed`` files of ``size_bytes`` went; ``waiting`` ones are orphans, but too young."""

    table: str
    removed: int
    size_bytes: int
    waiting: int


class OrphanSweeper:
    """Remembers since when a file has been an orphan; one for each table.

    Args:
        table: The table.
        clock: Monotonic for the time between looks, wall time for the age of files.
        safe_age_s: How long a file has to be an orphan.
        reading_since_s: When the oldest read under way began (monotonic), None if there is none.
    """

    def __init__(
        self,
        table: LakeTable,
        clock: Clock,
        *,
        safe_age_s: float = SAFE_AGE_S,
        reading_since_s: Callable[[], float | None] = lambda: None,
    ) -> None:
        self._table = table
        self._clock = clock
        self._safe_age_s = safe_age_s
        self._reading_since_s = reading_since_s
        self._since_s: dict[Path, float] = {}

    def sweep(self) -> OrphanReport:
        """Look at every file once, and remove what has been an orphan long enough."""
        with lake_errors(f"cleaning the table {self._table.name}"):
            folder = self._table.state().table_folder
            # Listed before the table is read: what is committed in between is not in the list.
            found = list(_files(folder))
            referred = self._referred(self._table.state())
            orphans = [path for path in found if path not in referred]
            now_s = self._clock.monotonic_s()
            self._since_s = {path: self._since_s.get(path, now_s) for path in orphans}
            reading_s = self._reading_since_s()
            removed = size = 0
            for path in orphans:
                if reading_s is not None and reading_s <= self._since_s[path]:
                    continue
                length = self._remove(path, now_s)
                if length is not None:
                    removed += 1
                    size += length
        return OrphanReport(self._table.name, removed, size, len(self._since_s))

    def _remove(self, path: Path, now_s: float) -> int | None:
        if now_s - self._since_s[path] < self._safe_age_s:
            return None
        try:
            found = path.stat()
            age_s = self._clock.now_us() / 1_000_000 - found.st_mtime
            if age_s < self._safe_age_s:
                return None
            path.unlink()
        except FileNotFoundError:
            return None
        del self._since_s[path]
        return found.st_size

    def _referred(self, state: TableState) -> set[Path]:
        reader = self._table.reader
        referred = {to_path(state.location), *map(to_path, state.metadata_log)}
        manifests = {}
        for snapshot in state.snapshots:
            referred.add(to_path(snapshot.manifest_list))
            for manifest in reader.manifests(snapshot):
                manifests[manifest.manifest_path] = manifest
        for path, manifest in manifests.items():
            referred.add(to_path(path))
            referred.update(Path(file.path) for file in reader.manifest_files(manifest))
        return referred


def _files(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        for name in names:
            yield Path(parent) / name
