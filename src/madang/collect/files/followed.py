"""One file that is followed: from its bytes to batches, in order, each with its origin."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from madang.collect.files.content import Content
from madang.collect.files.framing import MAX_RECORD_BYTES, Cut, LineFraming, MultilineFraming
from madang.collect.files.identity import HEAD_BYTES, FileKey, hash_head, pack
from madang.collect.files.marks import TAIL_BYTES, line_ends
from madang.collect.records import record_batch
from madang.stream import Origin

_HEADER_BYTES = 64 * 1024


class TruncatedError(Exception):
    """The file is shorter than what was read of it, or holds something else there."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a file that is no longer where it was found is still read.

    ``partial_s`` without growth, and what is at its end counts as a record without its newline;
    ``linger_s`` without growth, and it is let go of. A file with the same bytes as another that is
    there waits ``copy_s`` without growth, in case it is the copy made before a truncation.
    """

    partial_s: float = 5.0
    linger_s: float = 30.0
    copy_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch on its way: ``end`` is the position behind it, ``tail`` the bytes before that.

    ``head_hash`` is of the file's first ``end`` bytes, or ``HEAD_BYTES``, as they were read;
    ``lines`` tells of the last ends of lines.
    """

    batch: pa.RecordBatch
    end: int
    tail: bytes
    head_hash: str
    lines: str
    attributes: Mapping[str, str]


@dataclass(eq=False, slots=True)
class FollowedFile:
    """The state of one file.

    ``position`` is how far the stream acknowledged it, ``read_to`` how far it was read; between
    them is what is in flight. Not thread-safe.
    """

    key: FileKey
    identity: FileKey
    """Whose producer's names its batches carry; another file's if this is its copy."""
    device: int
    path: str
    """Where it was first found: what its records tell."""
    now_at: str
    content: Content | None
    framing: LineFraming | MultilineFraming
    generation: int = 0
    partition: int = 0
    position: int = 0
    read_to: int = 0
    size: int = -1
    mtime_ns: int = -1
    head: bytes = b""
    tail: bytes = b""
    with_header: bool = False
    header: str | None = None
    grown_at_s: float = 0.0
    gone_since_s: float | None = None
    held: bool = False
    """Something at the end is not a whole record yet."""
    exhausted: bool = False
    """Nothing more to read until the file changes."""
    in_flight: bool = False
    prepared: deque[Prepared] = field(default_factory=deque)
    """Read, and not yet on its way: at most one that was refused and one ahead."""
    placed: bool = True
    """Whether it is decided where it goes on; not for a file without a byte in it."""
    sniffed: bool = False
    name_in_use: str | None = None
    scan: int = 0
    attributes: dict[str, str] = field(default_factory=dict)

    def begin(self, generation: int, position: int, partition: int) -> None:
        """Go on at ``position`` of a generation."""
        self.generation, self.partition = generation, partition
        self.position = self.read_to = position
        self.head = self.tail = b""
        self.header = self.name_in_use = None
        self.prepared.clear()
        self.exhausted = self.held = False
        self.placed = True
        if position and self.content is not None:
            count = min(position, TAIL_BYTES)
            self.head = self.content.read(0, min(position, HEAD_BYTES))
            self.tail = self.content.read(position - count, count)

    def prepare(self, want_bytes: int, now_us: int, *, final: bool) -> Prepared | None:
        """The next batch, or None where there is no whole record yet.

        Args:
            want_bytes: How much to read at once; more where a record is longer.
            now_us: The arrival time of its records.
            final: Whether what is at the end is a record as it stands.

        Raises:
            TruncatedError: see there. What is not acknowledged by then cannot be had any more.
            InvalidInputError: a compressed file is damaged.
            OSError: the file cannot be read.
        """
        content = self.content
        assert content is not None
        while True:
            block = self._read(content, want_bytes)
            short = len(block) < want_bytes
            cut = self._cut(block, final=final and short)
            if cut.consumed == 0:
                if not short and want_bytes < MAX_RECORD_BYTES:
                    want_bytes = min(want_bytes * 4, MAX_RECORD_BYTES)
                    continue
                self.held, self.exhausted = bool(block), True
                return None
            if short and cut.consumed == len(block):
                self.exhausted, self.held = not content.growing, False
            end = self.read_to + cut.consumed
            values = self._without_header(content, block, cut.values)
            # Never read apart: in between the file may have become another.
            if len(self.head) == self.read_to < HEAD_BYTES:
                self.head += block[: min(cut.consumed, HEAD_BYTES - len(self.head))]
            before = self.tail
            tail = before + block[max(0, cut.consumed - TAIL_BYTES) : cut.consumed]
            self.tail, self.read_to = tail[-TAIL_BYTES:], end
            if len(values) == 0:
                if not self.in_flight:
                    self.position = end
                continue
            attributes = dict(self.attributes, path=self.path)
            if self.header is not None:
                attributes["header"] = self.header
            if cut.split:
                attributes["split"] = "true"
            head_hash = hash_head(self.head)
            batch = record_batch(values, now_us)
            lines = line_ends(before, block, cut.consumed)
            return Prepared(batch, end, self.tail, head_hash, lines, attributes)

    def origin(self, prepared: Prepared) -> Origin:
        """The origin of a batch in the current generation."""
        copy_of = None if self.identity == self.key else self.generation
        producer = self.identity.producer(prepared.head_hash, copy_of)
        return Origin(producer, pack(self.generation, prepared.end))

    @property
    def rotated(self) -> bool:
        """Whether it has another name than before, or none: its writer will soon leave it."""
        return self.gone_since_s is not None or self.now_at != self.path

    def close(self) -> None:
        """Let go of the file; ``content`` may be opened again."""
        if self.content is not None:
            self.content.close()
            self.content = None

    def _read(self, content: Content, want_bytes: int) -> bytes:
        """Bytes from ``read_to``, checked to follow those that were read before."""
        size = content.size()
        if size is not None and size < self.read_to:
            raise TruncatedError
        known = self.tail if content.growing else b""
        block = content.read(self.read_to - len(known), len(known) + want_bytes)
        if known and block[: len(known)] != known:
            raise TruncatedError
        if known and self.head and content.read(0, len(self.head)) != self.head:
            raise TruncatedError
        size = content.size()
        if content.growing and size is not None and size < self.read_to - len(known) + len(block):
            raise TruncatedError
        return block[len(known) :]

    def _cut(self, block: bytes, *, final: bool) -> Cut:
        if final and not self.rotated and self.content and self.content.growing:
            # Still growing: its last line may be half written, but whole lines make a record.
            return self.framing.cut(block[: block.rfind(b"\n") + 1], final=True)
        return self.framing.cut(block, final=final)

    def _without_header(
        self, content: Content, block: bytes, values: pa.BinaryArray
    ) -> pa.BinaryArray:
        if not self.with_header or self.header is not None:
            return values
        begin = block if self.read_to == 0 else content.read(0, _HEADER_BYTES)
        if not begin.startswith(self.head):
            raise TruncatedError
        first = self.framing.cut(begin[:_HEADER_BYTES], final=True).values
        self.header = first[0].as_py().decode("utf-8", "replace") if len(first) else ""
        return values[1:] if self.read_to == 0 else values
