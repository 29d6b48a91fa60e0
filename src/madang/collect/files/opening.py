"""Opening a file that was found, and what is noted of it before its batches are appended."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import msgspec

from madang.collect.files.content import PACKED, Content, PackedContent, PlainContent
from madang.collect.files.followed import FollowedFile, Prepared
from madang.collect.files.framing import LineFraming
from madang.collect.files.identity import HEAD_BYTES, FileKey, hash_head, unpack
from madang.collect.files.marks import MarkBook
from madang.collect.files.placing import Placer
from madang.stream import Stream

_BLOCK_BYTES = 2**20
# A compressor may still be writing; a file that was touched more recently is left for later.
_PACKED_SETTLE_S = 1.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 2.0, 300.0


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
    """Opens files that are not followed yet, and sees whether they can be.

    Args:
        stream: Where the lines go.
        book: What is remembered of files.
        placer: Decides where a file goes on.
    """

    def __init__(self, stream: Stream, book: MarkBook, placer: Placer) -> None:
        self._stream = stream
        self._book = book
        self._placer = placer
        self._ask_again_s: dict[tuple[FileKey, str], tuple[float, float]] = {}

    def open(
        self,
        file: FollowedFile,
        status: os.stat_result,
        now_s: float,
        now_ns: int,
        *,
        known: bool = False,
    ) -> Opening | Skip | Later:
        """Open a file that is not followed yet.

        Args:
            file: Not open yet.
            status: Of the file, as it was found.
            now_s: Monotonic time.
            now_ns: Wall time.
            known: Only see whether it still holds the generation that it held. All files are asked
                this before one is taken for a copy of what another left.

        Raises:
            OSError: it cannot be read.
            InvalidInputError: a compressed file is damaged.
        """
        path = Path(file.path)
        packed, settled = path.suffix.lower() in PACKED, True
        asked = file.key, file.path
        if packed:
            mark = self._book.held(file.key)
            if mark is not None and mark.finished and mark.stamp == stamp_of(status):
                return Skip("")
            settled = now_ns - status.st_mtime_ns >= _PACKED_SETTLE_S * 1e9
            due = now_s >= self._ask_again_s.get(asked, (0.0, 0.0))[0]
            if not known and not (settled and due):
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
            self._book.end(file.key, "truncated")
            return Skip(reason)
        if known:
            if self._placer.goes_on(file, head) and (not packed or settled):
                return Opening()
            file.close()
            return Later()
        if not self._placer.place(file, head, now_s):
            file.close()
            if packed:  # unpacked at every look, so less and less often
                pause_s = self._ask_again_s.get(asked, (0.0, _FIRST_PAUSE_S))[1]
                self._ask_again_s[asked] = now_s + pause_s, min(2 * pause_s, _LONGEST_PAUSE_S)
            return Later()
        self._ask_again_s.pop(asked, None)
        self.sniff(file, head)  # It may begin anew, and behind a hole.
        return Opening()

    def place_late(self, file: FollowedFile, now_s: float) -> str | bool:
        """Place a file that had no byte when it was opened.

        Returns:
            Whether it is placed now, or the reason why it is to be left out.

        Raises:
            OSError: it cannot be read.
        """
        assert file.content is not None
        head = file.content.read(0, HEAD_BYTES)
        if not head:
            return False
        reason = self.sniff(file, head)
        if reason is not None:
            return reason
        file.placed = self._placer.place(file, head, now_s)
        if file.placed:
            self.sniff(file, head)
        return file.placed

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
        known = self._book.next_generation(file.key) > 0
        text = head.lstrip(b"\0") if known else head
        if len(text) < len(head) and file.read_to == 0 and file.content is not None:
            file.begin(file.generation, _behind_nuls(file.content), file.partition)
        if b"\0" in text:
            return f"it is binary: a NUL byte within its first {HEAD_BYTES} bytes"
        return None

    def intend(self, file: FollowedFile, prepared: Prepared) -> None:
        """Mark where a batch ends before it is appended.

        Where the stream has had the batch's origin already, an earlier generation, which the book
        does not know, began with the same bytes: this one gets a higher number.
        """
        if file.name_in_use != prepared.head_hash and file.identity == file.key:
            origin = file.origin(prepared)
            last = self._stream.last_sequence(file.partition, origin.producer)
            if last is not None and last >= origin.sequence:
                file.generation = unpack(last)[0] + 1
        file.name_in_use = prepared.head_hash
        mark = self._placer.mark(file, prepared.end, prepared.head_hash, prepared.tail)
        self._book.put(msgspec.structs.replace(mark, lines=prepared.lines))
        self._placer.read(file)

    def finish(self, file: FollowedFile, status: os.stat_result | None) -> None:
        """Remember that a compressed file was read to its end."""
        mark = self._book.held(file.key)
        if mark is None:
            mark = self._placer.mark(file, file.position, hash_head(file.head), file.tail)
        stamp = 0 if status is None else stamp_of(status)
        self._book.put(msgspec.structs.replace(mark, finished=True, stamp=stamp))

    def forget_gone(self, paths: set[str]) -> None:
        """Forget when to ask again for files that are not there any more."""
        for gone in [asked for asked in self._ask_again_s if asked[1] not in paths]:
            del self._ask_again_s[gone]


def stamp_of(status: os.stat_result) -> int:
    """A number that changes when a compressed file is written anew."""
    return status.st_mtime_ns ^ status.st_size


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
