"""The producers of a partition: how far each has come.

Derived from frame headers; a snapshot saves reading those of sealed segments again.

Named producers (a followed file, a delivery) stay; those called ``key:…`` are idempotency keys and
are forgotten after the window, and beyond a number.
"""

from __future__ import annotations

import logging
import struct
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import google_crc32c

from madang.core.durable_files import replace_file
from madang.core.errors import ConflictError, CorruptionError
from madang.stream.head import Head
from madang.stream.key_table import KeyTable, ProducerEntry, digest_of
from madang.stream.mapped_segment import Damage, MappedSegment
from madang.stream.port import Origin
from madang.stream.segment_format import Frame

_log = logging.getLogger(__name__)
KEY_PREFIX = "key:"
ANY_BODY = 1
"""The sequence of an idempotency key whose body's fingerprint nobody took."""
KEY_BOUND = 200_000
NAMED_BOUND = 1_000_000
_HEADER = struct.Struct("<8sIIQQQII")
_CRC = struct.Struct("<I")
_NAMED = struct.Struct("<qQqIHH")
_MAGIC = b"MADANGPR"
_VERSION = 1


@dataclass(frozen=True, slots=True)
class LogPlace:
    """A place between two frames: the offset, and where that is."""

    offset: int = 0
    segment_base: int = 0
    position: int = 0


class ProducerMap:
    """What a partition knows about its producers, up to one place in the log. Thread-safe.

    Args:
        window_s: How long idempotency keys are remembered.
        key_bound: The most idempotency keys; the oldest go first.
        named_bound: The most named producers; those that have been silent longest go first.
    """

    def __init__(
        self, window_s: float, *, key_bound: int = KEY_BOUND, named_bound: int = NAMED_BOUND
    ) -> None:
        self._window_us = round(window_s * 1_000_000)
        self._key_bound = key_bound
        self._named_bound = named_bound
        self._mutex = threading.Lock()
        self._keys = KeyTable(key_bound)
        self._named: dict[str, ProducerEntry] = {}
        self.place = LogPlace()

    def find(self, producer: str, now_us: int) -> ProducerEntry | None:
        """The last batch of ``producer``, or None if it is unknown or forgotten."""
        with self._mutex:
            if not producer.startswith(KEY_PREFIX):
                return self._named.get(producer)
            entry = self._keys.find(digest_of(producer))
        if entry is None or entry.appended_at_us < now_us - self._window_us:
            return None
        return entry

    def note(self, frames: Iterable[tuple[str, ProducerEntry]], place: LogPlace) -> None:
        """Remember batches in the order of their offsets; the map then reaches to ``place``."""
        with self._mutex:
            for producer, entry in frames:
                self._note(producer, entry)
            if place.offset >= self.place.offset:
                self.place = place

    def _note(self, producer: str, entry: ProducerEntry) -> None:
        if producer.startswith(KEY_PREFIX):
            self._keys.forget_before(entry.appended_at_us - self._window_us)
            digest = digest_of(producer)
            known = self._keys.find(digest)
            if known is None or known.base_offset < entry.base_offset:
                self._keys.put(digest, entry)
            return
        known = self._named.pop(producer, None)
        self._named[producer] = known if known and known.sequence >= entry.sequence else entry
        if len(self._named) > self._named_bound:
            for silent in list(islice(self._named, max(1, self._named_bound // 100))):
                del self._named[silent]

    def catch_up(self, head: Head, bases: list[int], open_: Callable[[int], MappedSegment]) -> None:
        """Read the headers of frames between the map's place and ``head``.

        Args:
            head: Up to where.
            bases: First offsets of the segments on disk, ascending.
            open_: Maps a segment.
        """
        place = self.place
        for number, base in enumerate(bases):
            if base > head.segment_base:
                break
            sealed = base != head.segment_base
            end = bases[number + 1] if sealed and number + 1 < len(bases) else head.end
            if end <= place.offset:
                continue
            found: list[tuple[str, ProducerEntry]] = []
            segment = _open(open_, base) if sealed or head.position else None
            if segment is not None:
                limit = segment.size_bytes if sealed else head.position
                inside = base == place.segment_base and place.position > 0
                start = place.position if inside else 0
                expected = place.offset if inside else base
                found = [
                    (frame.producer, entry_of(frame))
                    for frame in segment.walk(start, limit, expected, verify=False)
                    if not isinstance(frame, Damage) and frame.producer
                ]
            place = LogPlace(end, base, 0 if sealed else head.position)
            self.note(found, place)
        self.note((), LogPlace(head.end, head.segment_base, head.position))

    def save(self, path: Path) -> None:
        """Write the snapshot, atomically and durably."""
        with self._mutex:
            place, keys = self.place, self._keys.encode()
            named = [
                _NAMED.pack(
                    entry.sequence,
                    entry.base_offset,
                    entry.appended_at_us,
                    entry.count,
                    entry.split,
                    len(raw),
                )
                + raw
                for producer, entry in self._named.items()
                for raw in (producer.encode("utf-8", "surrogatepass"),)
            ]
            header = _HEADER.pack(
                _MAGIC,
                _VERSION,
                0,
                place.offset,
                place.segment_base,
                place.position,
                len(self._keys),
                len(named),
            )
        data = header + keys + b"".join(named)
        replace_file(path, data + _CRC.pack(google_crc32c.value(data)))

    @staticmethod
    def saved_offset(path: Path) -> int:
        """How far the snapshot reaches; 0 if there is no valid one."""
        saved = ProducerMap(0.0)
        saved.load(path)
        return saved.place.offset

    def load(self, path: Path) -> bool:
        """Take the state from the snapshot; False, and nothing taken, if there is no valid one."""
        try:
            raw = path.read_bytes()
        except FileNotFoundError:
            return False
        data, crc = raw[: -_CRC.size], raw[-_CRC.size :]
        if len(data) < _HEADER.size or _CRC.pack(google_crc32c.value(data)) != crc:
            return False
        magic, version, _, offset, base, position, keys, named = _HEADER.unpack_from(data)
        if magic != _MAGIC or version > _VERSION:
            return False
        at = _HEADER.size + KeyTable.encoded_size(keys)
        table = KeyTable.decode(data[_HEADER.size : at], keys, self._key_bound)
        producers: dict[str, ProducerEntry] = {}
        for _ in range(named):
            sequence, first, appended_at, count, split, length = _NAMED.unpack_from(data, at)
            at += _NAMED.size
            name = data[at : at + length].decode("utf-8", "surrogatepass")
            producers[name] = ProducerEntry(sequence, first, count, appended_at, split)
            at += length
        with self._mutex:
            self._keys, self._named = table, producers
            self.place = LogPlace(offset, base, position)
        return True


def check_body(origin: Origin, entry: ProducerEntry) -> None:
    """That what comes again under an idempotency key is what came first.

    Raises:
        ConflictError: it is another body.
    """
    if origin.sequence != entry.sequence and ANY_BODY not in (origin.sequence, entry.sequence):
        raise ConflictError(
            f"the idempotency key {origin.producer.removeprefix(KEY_PREFIX)!r} was used before, "
            "for another body",
            hint="a key stands for one body; nothing of this one was appended",
        )


def _open(open_: Callable[[int], MappedSegment], base: int) -> MappedSegment | None:
    try:
        return open_(base)
    except CorruptionError as error:
        # Readers report it; appending goes on without what it said about producers.
        _log.warning("the producers of the segment %d are not known: %s", base, error)
        return None


def entry_of(frame: Frame) -> ProducerEntry:
    """What a frame says about its producer."""
    return ProducerEntry(
        frame.sequence, frame.base_offset, frame.count, frame.appended_at_us, frame.split
    )
