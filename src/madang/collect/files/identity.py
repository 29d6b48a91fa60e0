"""Who a file is, whatever it is called, and how far the stream already has it.

A file is its file system, its inode and the bytes at its head. The producer's name of a batch that
ends at byte E holds the hash of the first min(E, 1024) bytes, so a reused inode or a file that was
cut and written anew is another producer, and a short file may grow without becoming one: whoever
looks at the file later can compute the names of all batches that its head could have sent.

Where the same bytes begin a file anew (a banner, say), the name is the same; the upper bits of the
sequence then tell the generations apart: ``sequence = generation << 44 | byte offset``.
"""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from madang.stream import Stream

HEAD_BYTES = 1024
_OFFSET_BITS = 44
_OFFSET_MASK = (1 << _OFFSET_BITS) - 1


@dataclass(frozen=True, slots=True)
class FileKey:
    """A file on this machine: ``volume`` is the file system's id, which outlives a reboot."""

    volume: int
    inode: int

    def partition(self, partitions: int) -> int:
        """The partition that new batches of the file go to."""
        return zlib.crc32(b"%d-%d" % (self.volume, self.inode)) % partitions

    def producer(self, head_hash: str, copy_of: int | None = None) -> str:
        """The producer's name of batches behind a head.

        Args:
            head_hash: Of the head.
            copy_of: Where a copy goes on with a generation of this file, its number: meanwhile the
                file itself may have begun another with the same head.
        """
        name = f"file:{self.volume:x}-{self.inode:x}-{head_hash}"
        return name if copy_of is None else f"{name}-{copy_of}"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the stream has a file: byte ``position`` of a ``generation`` in a ``partition``."""

    partition: int
    generation: int
    position: int


def key_of(path: Path, status: os.stat_result) -> FileKey:
    """The key of a file that was found at ``path``.

    The volume is statvfs's id rather than the device number, which may change at a reboot.
    """
    try:
        volume = os.statvfs(path).f_fsid or status.st_dev
    except OSError:
        volume = status.st_dev
    return FileKey(volume, status.st_ino)


def hash_head(head: bytes) -> str:
    """16 hexadecimal digits of the first ``HEAD_BYTES`` bytes."""
    return blake2b(head[:HEAD_BYTES], digest_size=8).hexdigest()


def pack(generation: int, position: int) -> int:
    """The sequence of a batch that ends at byte ``position``."""
    return generation << _OFFSET_BITS | position


def unpack(sequence: int) -> tuple[int, int]:
    """``(generation, position)`` of a sequence."""
    return sequence >> _OFFSET_BITS, sequence & _OFFSET_MASK


def locate(
    stream: Stream, key: FileKey, head: bytes, *, generation: int | None = None
) -> Progress | None:
    """The furthest point that the stream has of the file, or None where it has nothing.

    Args:
        stream: Where the file's batches go.
        key: The file.
        head: Its first ``HEAD_BYTES`` bytes, or all of a shorter file.
        generation: The only one that counts, copies of it included; None: the latest.
    """
    hashes = [hash_head(head[:end]) for end in _possible_ends(head)]
    names = [key.producer(one) for one in hashes]
    if generation is not None:
        names += [key.producer(one, generation) for one in hashes]
    home = key.partition(stream.partitions)
    # The number of partitions may have grown since: then the file stays where it began.
    others = [number for number in range(stream.partitions) if number != home]
    for partition in [home, *others]:
        sequences = [stream.last_sequence(partition, name) for name in names]
        known = [sequence for sequence in sequences if sequence is not None]
        if generation is not None:
            known = [sequence for sequence in known if unpack(sequence)[0] == generation]
        found = max(known, default=None)
        if found is not None:
            return Progress(partition, *unpack(found))
    return None


def _possible_ends(head: bytes) -> list[int]:
    """Where batches within the head may have ended: at line ends, and where the file ends."""
    ends, at = [], head.find(b"\n")
    while at >= 0:
        ends.append(at + 1)
        at = head.find(b"\n", at + 1)
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        ends = [end + odd for end in ends for odd in (0, 1) if (end + odd) % 2 == 0]
    if head and (not ends or ends[-1] != len(head)):
        ends.append(len(head))
    return ends
