"""Bytes that failed their checksum: copied aside, recorded once, never silently skipped."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from madang.core.clock import Clock
from madang.stream.folder import PartitionFolder
from madang.stream.mapped_segment import Damage, MappedSegment

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class QuarantinedFrame:
    """Damage that was found: offsets ``base_offset`` to ``end_offset`` cannot be read.

    ``position`` and ``size_bytes`` say where in the segment the bytes lie; their copy is beside the
    record, with the suffix ``.bin``.
    """

    partition: int
    segment_base: int
    position: int
    size_bytes: int
    base_offset: int
    end_offset: int
    reason: str
    found_at_us: int


class Quarantine:
    """The ``quarantine`` folder of a partition; any process may add, the first one reports."""

    def __init__(self, folder: PartitionFolder, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self.found = 0
        """Frames that this process was the first to report."""

    def add(self, segment: MappedSegment, damage: Damage) -> QuarantinedFrame | None:
        """Record ``damage`` with a copy of its bytes; None if it was recorded before."""
        copy = segment.data[damage.position : damage.end_position]
        return self._add(segment.base_offset, damage, memoryview(copy))

    def add_hole(self, segment_base: int, damage: Damage) -> QuarantinedFrame | None:
        """Record records that are missing, or a segment that cannot be read: nothing is copied."""
        return self._add(segment_base, damage, b"")

    def _add(
        self, segment_base: int, damage: Damage, copy: memoryview | bytes
    ) -> QuarantinedFrame | None:
        stem = f"{segment_base:020d}-{damage.position:012d}-{damage.base_offset:020d}"
        record = QuarantinedFrame(
            self._folder.number,
            segment_base,
            damage.position,
            damage.end_position - damage.position,
            damage.base_offset,
            damage.end_offset,
            damage.reason,
            self._clock.now_us(),
        )
        path = self._folder.quarantine / f"{stem}.json"
        if path.exists():
            return None
        try:
            path.parent.mkdir(exist_ok=True)
            with path.open("xb") as file:
                file.write(msgspec.json.encode(asdict(record)))
            with path.with_suffix(".bin").open("wb") as file:
                file.write(copy)
        except FileExistsError:
            return None
        except OSError as error:
            # A full disk must not stop readers from going on behind the damage.
            _log.warning("cannot keep a copy of damaged bytes in %s: %s", path, error)
        self.found += 1
        _log.error(
            "%s: %s at byte %d of the segment %d: offsets %d to %d cannot be read",
            self._folder.path,
            damage.reason,
            damage.position,
            segment_base,
            damage.base_offset,
            damage.end_offset,
        )
        return record

    def records(self) -> list[QuarantinedFrame]:
        """Everything that was ever found, by any process, in order of position."""
        return [
            record
            for path in sorted(self._folder.quarantine.glob("*.json"))
            if (record := _read(path)) is not None
        ]


def _read(path: Path) -> QuarantinedFrame | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=QuarantinedFrame)
    except (OSError, msgspec.DecodeError) as error:
        _log.warning("cannot read the quarantine record %s: %s", path, error)
        return None
