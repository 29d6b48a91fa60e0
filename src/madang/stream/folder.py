"""Paths of a partition: pure names, plus listing its segments."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

SEGMENT_SUFFIX = ".seg"
INDEX_SUFFIX = ".idx"
_OFFSET_DIGITS = 20


@dataclass(frozen=True, slots=True)
class PartitionFolder:
    """``<stream>/p<number>/``: segments, indexes, head, lock, producers, quarantine."""

    path: Path
    number: int

    @classmethod
    def of(cls, stream: Path, number: int) -> PartitionFolder:
        """The folder of partition ``number`` under a stream's folder."""
        return cls(stream / f"p{number:04d}", number)

    @property
    def head(self) -> Path:
        """The durable end."""
        return self.path / "head"

    @property
    def lock(self) -> Path:
        """Whoever holds its flock may write."""
        return self.path / "lock"

    @property
    def producers(self) -> Path:
        """Snapshot of the producers' last sequences."""
        return self.path / "producers"

    @property
    def quarantine(self) -> Path:
        """Copies of bytes that failed their checksum, each with a JSON record."""
        return self.path / "quarantine"

    def segment(self, base_offset: int) -> Path:
        """The segment that begins at ``base_offset``."""
        return self.path / f"{base_offset:0{_OFFSET_DIGITS}d}{SEGMENT_SUFFIX}"

    def index(self, base_offset: int) -> Path:
        """The sparse index of that segment."""
        return self.path / f"{base_offset:0{_OFFSET_DIGITS}d}{INDEX_SUFFIX}"

    def segments(self) -> list[int]:
        """Base offsets of the segments on disk, ascending; other files are left alone."""
        found = []
        with os.scandir(self.path) as entries:
            for entry in entries:
                stem, dot, suffix = entry.name.partition(".")
                if (
                    dot + suffix == SEGMENT_SUFFIX
                    and len(stem) == _OFFSET_DIGITS
                    and stem.isdecimal()
                ):
                    found.append(int(stem))
        return sorted(found)
