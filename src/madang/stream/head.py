"""The ``head`` file: how far a partition reaches, for every process that maps it.

Two slots are written in turn, each with its checksum: a writer that dies while it writes one leaves
the other. Readers take the valid slot with the higher sequence; nobody is asked, nothing is locked.
"""

from __future__ import annotations

import mmap
import os
import struct
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import google_crc32c

from madang.core.errors import ConflictError, CorruptionError, UnavailableError

_MAGIC = b"MADANGHD"
_VERSION = 1
_FILE = struct.Struct("<8sHHI")
_SLOT = struct.Struct("<QQQQqQQI")
_CRC = struct.Struct("<I")
_SLOT_BYTES = 64
_SLOTS_AT = 64
HEAD_BYTES = _SLOTS_AT + 2 * _SLOT_BYTES
_ATTEMPTS = 100


@cache
def boot_token() -> int:
    """A number that changes when the machine boots: page cache that was not synced is gone then."""
    try:
        text = Path("/proc/sys/kernel/random/boot_id").read_bytes()
    except OSError:
        text = b"unknown"
    token: int = google_crc32c.value(text)
    return token


@dataclass(frozen=True, slots=True)
class Head:
    """How far a partition reaches.

    ``sequence`` grows with every publication. Records below ``end`` are durable; they lie in
    segments up to ``segment_base``, in that one up to the byte ``position``. ``earliest`` is the
    first offset that is kept, ``sealed_bytes`` the size of all segments but the last.
    """

    sequence: int = 0
    end: int = 0
    segment_base: int = 0
    position: int = 0
    appended_at_us: int = 0
    earliest: int = 0
    sealed_bytes: int = 0
    boot: int = 0

    def moved(self, **changes: int) -> Head:
        """The next head: ``changes`` applied, the sequence one up, this boot's token."""
        return replace(self, sequence=self.sequence + 1, boot=boot_token(), **changes)

    def _encode(self) -> bytes:
        fields = _SLOT.pack(
            self.sequence,
            self.end,
            self.segment_base,
            self.position,
            self.appended_at_us,
            self.earliest,
            self.sealed_bytes,
            self.boot,
        )
        return fields + _CRC.pack(google_crc32c.value(fields))


class HeadFile:
    """A partition's head, mapped. Reading is safe from any thread; publishing needs the lock.

    Raises:
        ConflictError: a newer Madang wrote the file.
    """

    def __init__(self, path: Path, partition: int) -> None:
        self._path = path
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            if os.fstat(fd).st_size < HEAD_BYTES:
                os.ftruncate(fd, HEAD_BYTES)
            magic, version, _, _ = _FILE.unpack(os.pread(fd, _FILE.size, 0))
            if magic == _MAGIC and version > _VERSION:
                raise ConflictError(
                    f"{path} has format {version}, this Madang reads up to {_VERSION}",
                    hint="use the newer Madang that wrote it",
                )
            if magic != _MAGIC:
                os.pwrite(fd, _FILE.pack(_MAGIC, _VERSION, partition, 0), 0)
            self._map = mmap.mmap(fd, HEAD_BYTES)
        finally:
            os.close(fd)

    def read(self) -> Head | None:
        """The head, or None if the file holds none: a new partition, or a broken file.

        Raises:
            UnavailableError: closed.
        """
        for _ in range(_ATTEMPTS):
            try:
                raw = self._map[_SLOTS_AT:HEAD_BYTES]
            except ValueError as error:
                # Another thread closed the stream meanwhile.
                raise UnavailableError(f"{self._path.parent} is closed") from error
            found = [head for at in (0, _SLOT_BYTES) if (head := _decode(raw, at)) is not None]
            if found:
                return max(found, key=lambda head: head.sequence)
            if not any(raw):
                return None
        return None

    def require(self) -> Head:
        """The head.

        Raises:
            CorruptionError: both slots are broken; recovery builds them anew.
        """
        head = self.read()
        if head is None:
            raise CorruptionError(
                f"{self._path} holds no valid head", hint="restart Madang: it is rebuilt at start"
            )
        return head

    def publish(self, head: Head) -> None:
        """Make ``head`` what every reader sees from now on."""
        at = _SLOTS_AT + (head.sequence & 1) * _SLOT_BYTES
        self._map[at : at + _SLOT_BYTES] = head._encode()

    def sync(self) -> None:
        """Write the head to disk; without it, recovery finds the end by scanning."""
        self._map.flush()

    def close(self) -> None:
        """Unmap the file."""
        self._map.close()


def _decode(raw: bytes, at: int) -> Head | None:
    fields = raw[at : at + _SLOT.size]
    (crc,) = _CRC.unpack_from(raw, at + _SLOT.size)
    if crc != google_crc32c.value(fields) or not any(fields):
        return None
    return Head(*_SLOT.unpack(fields))
