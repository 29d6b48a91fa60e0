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
        self._first_seen_s: dict[tuple[FileKey, str], float] = {}
        self._ask_again_s: dict[tuple[FileKey, str], tuple[float, float]] = {}
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
            if now_s < self._ask_again_s.get((file.key, file.path), (0.0, 0.0))[0]:
                return Later()
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
            if packed:  # unpacked at every look, so less and less often
                pause_s = self._ask_again_s.get((file.key, file.path), (0.0, _FIRST_PAUSE_S))[1]
                self._ask_again_s[file.key, file.path] = (
                    now_s + pause_s,
                    min(2 * pause_s, _LONGEST_PAUSE_S),
                )
            return Later()
        self._first_seen_s.pop((file.key, file.path), None)
        self._ask_again_s.pop((file.key, file.path), None)
        known = self._book.live.get(file.key)
        if known is None or not known.head_bytes:
            self._book.put(self.mark(file, head, file.tail))
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
        if file.identity != file.key:
            return  # a copy goes on with a generation that is over
        origin = file.origin(prepared)
        last = self._stream.last_sequence(file.partition, origin.producer)
        if last is not None and last >= origin.sequence:
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

    def forget_gone(self, paths: set[str]) -> None:
        """Forget since when files have been waiting that are not there any more."""
        for waiting in (self._first_seen_s, self._ask_again_s):
            for known in [known for known in waiting if known[1] not in paths]:
                del waiting[known]

    def end_missing(self, present: set[FileKey]) -> None:
        """Remember which known files are not there any more, after the first look at all."""
        for key in self._book.live.keys() - present:
            self._book.end(key, "missing")

    def _place(self, file: FollowedFile, head: bytes, now_s: float, *, packed: bool) -> bool:
        """Set the file to where it goes on; False where that cannot be told yet."""
        content, key = file.content, file.key
        assert content is not None
        known = self._book.live.get(key) or self._book.latest(key)
        of_copy = None
        if known is not None:
            file.identity = known.identity
            # The original's later generations are not the copy's.
            of_copy = known.generation if known.identity != key else None
        found = locate(self._stream, file.identity, head, generation=of_copy)
        # Of a file of which nothing was read, a mark tells nothing: its inode may be another's now.
        read = known is not None and known.position > 0
        if known and read and known.ended in ("", "missing") and _is(known, head, content):
            stands = Progress(known.partition, known.generation, known.position)
            if found is not None and found.generation >= stands.generation:
                stands = found
            size = content.size()
            if size is None or stands.position <= size:
                file.begin(stands.generation, stands.position, stands.partition)
                return True
        least = -1 if known is None else known.generation + (1 if read else 0)
        if found is not None and found.generation >= least:
            # Beyond the file's end it is a generation that is over: reading will tell.
            file.begin(found.generation, found.position, found.partition)
            return True
        if known is not None and known.ended == "" and read:
            # Truncated while nobody looked; or the inode is another file's now.
            self._book.end(key, "missing" if packed else "truncated")
        original = self._original_of(file, head, content, packed=packed) if head else None
        if original is not None:
            return self._adopt(file, head, original)
        if head and self._may_be_a_copy(file, head, now_s, packed=packed):
            return False
        if known is not None:
            self.begin_generation(file)
            return True
        start = _last_line_end(content) if self.start_at_end and not packed else 0
        file.begin(0, start, key.partition(self._stream.partitions))
        return True

    def _original_of(
        self, file: FollowedFile, head: bytes, content: Content, *, packed: bool
    ) -> Mark | None:
        """The generation that is over and of which the file is the copy, plain or compressed."""
        for mark in self._book.ended(head):
            if not packed and not _may_be_original(mark, file):
                continue
            if _is(mark, head, content) and (mark.position or self._locate(mark, head)):
                return mark
        return None

    def _adopt(self, file: FollowedFile, head: bytes, mark: Mark) -> bool:
        """Go on where the original ended; False while another copy of it is still being read."""
        for live in self._book.live.values():
            same = live.identity == mark.identity and live.generation == mark.generation
            if same and live.key != file.key:
                return False
        stands = Progress(mark.partition, mark.generation, mark.position)
        found = self._locate(mark, head)
        if found is not None and found.position > stands.position:
            stands = found
        file.identity = mark.identity
        file.begin(stands.generation, stands.position, stands.partition)
        return True

    def _locate(self, mark: Mark, head: bytes) -> Progress | None:
        return locate(self._stream, mark.identity, head, generation=mark.generation)

    def _may_be_a_copy(
        self, file: FollowedFile, head: bytes, now_s: float, *, packed: bool
    ) -> bool:
        originals = self._book.alike(file.key, head)
        if not packed:
            originals = [mark for mark in originals if Path(mark.path).suffix not in PACKED]
        if not originals:
            return False
        if packed:
            # Of what was not read yet there is nothing to compare with: wait until there is.
            content = file.content
            assert content is not None
            return any(not mark.position or _is(mark, head, content) for mark in originals)
        if now_s - self._first_seen_s.setdefault((file.key, file.path), now_s) < self._grace_s:
            return True
        # Truncated, but nobody has looked yet: then this is the copy, and the next look adopts it.
        return any(_was_truncated(mark) for mark in originals)


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


def _may_be_original(mark: Mark, file: FollowedFile) -> bool:
    """Whether a plain file may be the copy that was made before this one was truncated.

    Where nobody saw the truncation and the file is gone since, only its name tells: ``app.log.1``
    and ``app-2026.log`` are called after ``app.log``; a new ``app.log`` is no copy.
    """
    if mark.ended != "missing":
        return mark.ended == "truncated" and mark.key != file.key
    original, copy = Path(mark.path), Path(file.path)
    named_after = copy.name.startswith(original.name) or (
        copy.suffix == original.suffix and copy.name.startswith(original.stem)
    )
    return copy.parent == original.parent and copy != original and named_after


def _was_truncated(mark: Mark) -> bool:
    path = Path(mark.path)
    for candidate in (path, *_with_inode(path.parent, mark.inode)):
        try:
            content = PlainContent.open(candidate)
        except OSError:
            continue
        try:
            if content.status().st_ino == mark.inode:
                return not _is(mark, content.read(0, HEAD_BYTES), content)
        finally:
            content.close()
    return False


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
