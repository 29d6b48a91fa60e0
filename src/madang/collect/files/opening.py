"""Where a file that was found is begun: known, grown, cut, copied, compressed or new."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from madang.collect.files.content import PACKED, Content, PackedContent, PlainContent
from madang.collect.files.followed import FollowedFile, Prepared
from madang.collect.files.framing import LineFraming
from madang.collect.files.identity import (
    HEAD_BYTES,
    FileKey,
    Progress,
    locate,
    unpack,
)
from madang.collect.files.marks import Mark, MarkBook, mark_of
from madang.stream import Stream

_BLOCK_BYTES = 2**20
# A compressor may still be writing; a file that was touched more recently is left for later.
_PACKED_SETTLE_S = 1.0


@dataclass(frozen=True, slots=True)
class Opening:
    """The file is open and stands where it goes on."""


@dataclass(frozen=True, slots=True)
class Skip:
    """The file is not to be read as it is; ``reason`` is empty where that is no problem."""

    reason: str


@dataclass(frozen=True, slots=True)
class Later:
    """It cannot be told yet what the file is."""


class Opener:
    """Decides where files are begun, from the stream's sequences and the book of marks.

    Args:
        stream: Where the lines go.
        book: What is remembered of files.
        start_at_end: Whether files are begun behind what they hold now.
        grace_s: How long a file that begins like a live one is left alone: it may be the copy that
            is made before the original is truncated.
    """

    def __init__(
        self, stream: Stream, book: MarkBook, *, start_at_end: bool, grace_s: float
    ) -> None:
        self._stream = stream
        self._book = book
        self._grace_s = grace_s
        self._first_seen_s: dict[FileKey, float] = {}
        self.start_at_end = start_at_end

    def open(
        self, file: FollowedFile, status: os.stat_result, now_s: float, now_ns: int
    ) -> Opening | Skip | Later:
        """Open a file that is not followed yet.

        Raises:
            OSError: it cannot be read.
            InvalidInputError: a compressed file is damaged.
        """
        path = Path(file.path)
        packed = path.suffix.lower() in PACKED
        if packed:
            mark = self._book.live.get(file.key)
            if mark is not None and mark.finished and mark.stamp == _stamp(status):
                return Skip("")
            if now_ns - status.st_mtime_ns < _PACKED_SETTLE_S * 1e9:
                return Later()
            file.content = PackedContent(path)
        else:
            file.content = content = PlainContent.open(path)
            opened = content.status()
            if (opened.st_dev, opened.st_ino) != (status.st_dev, status.st_ino):
                file.close()  # replaced between the two looks
                return Later()
        head = file.content.read(0, HEAD_BYTES)
        reason = self.sniff(file, head)
        if reason is not None:
            return Skip(reason)
        if not self._place(file, head, now_s, packed=packed):
            file.close()
            return Later()
        self._first_seen_s.pop(file.key, None)
        if file.key not in self._book.live:
            self._book.put(self.mark(file, head, file.tail), urgent=True)
        return Opening()

    def sniff(self, file: FollowedFile, head: bytes) -> str | None:
        """Learn the charset from the first bytes; the reason where the file holds no text."""
        if not head:
            return None
        file.sniffed = True
        if head[:2] in (b"\xff\xfe", b"\xfe\xff") and head[:4] != b"\xff\xfe\0\0":
            if not isinstance(file.framing, LineFraming):
                return "it is UTF-16, which several-line records are not read from"
            file.framing = LineFraming("utf-16-le" if head[0] == 0xFF else "utf-16-be")
            return None
        # A writer that does not append leaves a hole where the file was truncated: NULs, then text.
        known = file.key in self._book.live or self._book.latest(file.key) is not None
        text = head.lstrip(b"\0") if known else head
        if len(text) < len(head) and file.read_to == 0 and file.content is not None:
            file.begin(file.generation, _behind_nuls(file.content), file.partition)
        if b"\0" in text:
            return f"it is binary: a NUL byte within its first {HEAD_BYTES} bytes"
        return None

    def mark(self, file: FollowedFile, head: bytes, tail: bytes = b"") -> Mark:
        """The mark of a file at its ``position``, before which ``tail`` stands."""
        return mark_of(
            file.key,
            file.identity,
            file.path,
            generation=file.generation,
            partition=file.partition,
            position=file.position,
            head=head,
            tail=tail,
        )

    def begin_generation(self, file: FollowedFile) -> None:
        """The file holds something new: read it from its start."""
        assert file.content is not None
        generation = max(self._book.next_generation(file.key), file.generation + 1)
        file.identity = file.key
        file.begin(generation, 0, file.key.partition(self._stream.partitions))
        file.sniffed = False

    def claim_name(self, file: FollowedFile, prepared: Prepared) -> None:
        """Make the batch's origin one that the stream has not had.

        Where an earlier generation began with the same bytes its sequences are known already: this
        one gets a higher number.
        """
        producer = file.identity.producer(prepared.head_hash)
        last = self._stream.last_sequence(file.partition, producer)
        if last is not None and last >= file.origin(prepared).sequence:
            file.generation = unpack(last)[0] + 1

    def reopen(self, file: FollowedFile) -> bool:
        """Open a file again whose descriptor was closed; False where it cannot be found."""
        folder = Path(file.now_at).parent
        for path in (Path(file.now_at), *_with_inode(folder, file.key.inode)):
            try:
                content = PlainContent.open(path)
            except OSError:
                continue
            status = content.status()
            if (status.st_dev, status.st_ino) == (file.device, file.key.inode):
                file.content = content
                return True
            content.close()
        return False

    def end_missing(self, present: set[FileKey]) -> None:
        """Remember which known files are not there any more, after the first look at all."""
        for key in self._book.live.keys() - present:
            self._book.end(key, "missing")

    def _place(self, file: FollowedFile, head: bytes, now_s: float, *, packed: bool) -> bool:
        """Set the file to where it goes on; False where that cannot be told yet."""
        content, key = file.content, file.key
        assert content is not None
        known = self._book.live.get(key) or self._book.latest(key)
        if known is not None:
            file.identity = known.identity
        found = locate(self._stream, file.identity, head)
        if known is not None and known.ended in ("", "missing") and _is(known, head, content):
            stands = Progress(known.partition, known.generation, known.position)
            if found is not None and found.generation >= stands.generation:
                stands = found
            size = content.size()
            if size is None or stands.position <= size:
                file.begin(stands.generation, stands.position, stands.partition)
                return True
        if found is not None and (known is None or found.generation > known.generation):
            # Beyond the file's end it is a generation that is over: reading will tell.
            file.begin(found.generation, found.position, found.partition)
            return True
        if known is not None and known.ended == "":
            self._book.end(key, "truncated")
            self.begin_generation(file)
            return True
        if head and self._adopt(file, head, content, packed=packed):
            return True
        if head and self._may_be_a_copy(file, head, now_s, packed=packed):
            return False
        if known is not None:
            self.begin_generation(file)
            return True
        start = _last_line_end(content) if self.start_at_end and not packed else 0
        file.begin(0, start, key.partition(self._stream.partitions))
        return True

    def _adopt(self, file: FollowedFile, head: bytes, content: Content, *, packed: bool) -> bool:
        """Go on where a file ended of which this is the copy, plain or compressed."""
        for mark in self._book.ended(head):
            if not packed and (mark.ended != "truncated" or mark.key == file.key):
                continue
            if not _is(mark, head, content):
                continue
            found = locate(self._stream, mark.identity, head)
            if mark.position == 0 and found is None:
                continue
            stands = Progress(mark.partition, mark.generation, mark.position)
            if found is not None and found.generation == mark.generation:
                stands = found
            file.identity = mark.identity
            file.begin(stands.generation, stands.position, stands.partition)
            return True
        return False

    def _may_be_a_copy(
        self, file: FollowedFile, head: bytes, now_s: float, *, packed: bool
    ) -> bool:
        if not self._book.has_alike(file.key, head):
            return False
        if packed:
            return True
        return now_s - self._first_seen_s.setdefault(file.key, now_s) < self._grace_s


def stamp_of(status: os.stat_result) -> int:
    """A number that changes when a compressed file is written anew."""
    return _stamp(status)


def _stamp(status: os.stat_result) -> int:
    return status.st_mtime_ns ^ status.st_size


def _is(mark: Mark, head: bytes, content: Content) -> bool:
    size = content.size()
    if size is not None and size < mark.position:
        return False
    return mark.head_fits(head) and mark.tail_fits(content)


def _behind_nuls(content: Content) -> int:
    """Where the first byte stands that is not NUL."""
    at = 0
    while True:
        block = content.read(at, _BLOCK_BYTES)
        kept = block.lstrip(b"\0")
        at += len(block) - len(kept)
        if kept:
            return at
        if not block:
            return 0


def _last_line_end(content: Content) -> int:
    """The position behind the last newline."""
    end = content.size() or 0
    while end > 0:
        start = max(0, end - _BLOCK_BYTES)
        at = content.read(start, end - start).rfind(b"\n")
        if at >= 0:
            return start + at + 1
        end = start
    return 0


def _with_inode(folder: Path, inode: int) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [Path(entry.path) for entry in entries if entry.inode() == inode]
    except OSError:
        return []
