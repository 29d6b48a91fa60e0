"""Where a file is begun: which generation its bytes are, known, copied, or new.

A file goes on with the generation that it held, if its bytes still fit. Where it has the same bytes
as a file that is there, it is left alone for a while: it may be the copy, even one under way, that
is made before the original is truncated or deleted. Otherwise it may be the copy of a generation
that is free.
"""

from __future__ import annotations

import contextlib
import enum
import logging
import os
import re
from collections.abc import Callable
from pathlib import Path

import msgspec

from madang.collect.files.content import PACKED, Content, PackedContent, PlainContent
from madang.collect.files.followed import FollowedFile
from madang.collect.files.heads import HeadIndex
from madang.collect.files.identity import (
    HEAD_BYTES,
    FileKey,
    Progress,
    hash_head,
    key_of,
    locate,
)
from madang.collect.files.marks import TAIL_BYTES, Mark, MarkBook
from madang.core.errors import InvalidInputError
from madang.stream import Stream

_log = logging.getLogger(__name__)
_BLOCK_BYTES = 2**20
# Where more files than this begin alike, a new one is not compared with all of them.
_FEW = 64
_NUMBERS = re.compile(r"[-._]\d+(?:[-._T:]?\d+)*")


class _Likeness(enum.Enum):
    """How a new file compares with one that is there."""

    DIFFERENT = "not its copy"
    SAME = "has the same bytes as far as it goes"
    LEFT = "has the bytes of the generation that the other is just leaving"


class Placer:
    """Decides where files go on, from the book of marks and the stream's sequences.

    Args:
        stream: Where the lines go.
        book: What is remembered of files.
        followed: Gives the file of a key, if it is followed.
        start_at_end: Whether files are begun behind what they hold now.
        grace_s: How long a file with the same bytes as one that is there is left alone, since it
            changed last.
    """

    def __init__(
        self,
        stream: Stream,
        book: MarkBook,
        followed: Callable[[FileKey], FollowedFile | None],
        *,
        start_at_end: bool,
        grace_s: float,
    ) -> None:
        self._stream = stream
        self._book = book
        self._followed = followed
        self._grace_s = grace_s
        self._unread: HeadIndex[FileKey] = HeadIndex()
        self._families: dict[tuple[str, str], dict[FileKey, None]] = {}
        self._waiting: dict[FileKey, tuple[int, float]] = {}
        self._start_at_end = start_at_end
        self._has_looked = False

    def place(self, file: FollowedFile, head: bytes, now_s: float) -> bool:
        """Set the file, which is open, to where it goes on; False where that cannot be told yet.

        Raises:
            OSError: it cannot be read.
            InvalidInputError: a compressed file is damaged.
        """
        content = file.content
        assert content is not None
        placed = self.goes_on(file, head)
        if not placed and not content.growing:
            placed = self._adopts(file, head, content)
        if not placed and not self._waits(file, head, content, now_s):
            # Only now a plain one: the beginning of a copy under way may be that of what is free.
            placed = content.growing and self._adopts(file, head, content)
            placed = placed or self._begins(file, head, content)
        if placed:
            self._waiting.pop(file.key, None)
        return placed

    def follow(self, file: FollowedFile) -> None:
        """The file is followed from now on."""
        self._families.setdefault(_family_of(file), {})[file.key] = None

    def read(self, file: FollowedFile) -> None:
        """Something of the file's generation was read: marks tell of it from now on."""
        self._unread.discard(file.key)

    def forget(self, file: FollowedFile) -> None:
        """The file is not followed any more."""
        self._unread.discard(file.key)
        members = self._families.get(_family_of(file), {})
        members.pop(file.key, None)
        if not members:
            self._families.pop(_family_of(file), None)

    def forget_waiting(self, present: set[FileKey]) -> None:
        """Forget since when files have been waiting that are not there any more."""
        for gone in self._waiting.keys() - present:
            if self._followed(gone) is None:
                del self._waiting[gone]

    def end_first_look(self) -> None:
        """What is found from now on is new."""
        self._start_at_end = False
        self._has_looked = True

    def begin_generation(self, file: FollowedFile) -> None:
        """The file holds something new: read it from its start."""
        generation = max(self._book.next_generation(file.key), file.generation + 1)
        self._start(file, generation, 0)
        self._unread.add(file.key, 0, hash_head(b""))
        file.sniffed = False

    def goes_on(self, file: FollowedFile, head: bytes) -> bool:
        """Whether the file still holds what it held; then it is set to where it goes on.

        Otherwise the generation is free from now on. Raises as ``place`` does.
        """
        book, key, content = self._book, file.key, file.content
        assert content is not None
        known = book.last_held(key)
        if known is not None and known.position and known.ended in ("", "missing"):
            of_copy = known.generation if known.identity != key else None
            if known.fits(head, content):
                stands = Progress(known.partition, known.generation, known.position)
                found = locate(self._stream, known.identity, head, generation=of_copy)
                # The stream knows better where the book could not be written.
                if found is not None and (found.generation, found.position) > (
                    stands.generation, stands.position,
                ):  # fmt: skip
                    stands = found
                file.identity = known.identity
                self._stand(file, stands if of_copy is None else _within(stands, content))
                return True
        found = locate(self._stream, key, head)
        if found is not None and found.generation >= book.next_generation(key):
            # Beyond the file's end it is a generation that is over: reading will tell.
            file.identity = key
            self._stand(file, found)
            return True
        packed = isinstance(content, PackedContent)
        book.end(key, "missing" if packed else "truncated")
        return False

    def _adopts(self, file: FollowedFile, head: bytes, content: Content) -> bool:
        """Whether the file is the copy of a generation that is free: it goes on with that."""
        if not head:
            return False
        best: Mark | None = None
        free = self._book.alike(head)[0]
        # In this order a compressed file is unpacked once, not once for each.
        for generation in sorted(free, key=lambda one: self._book.last(one).position):
            fit = self._book.fit(generation, head, content)
            if fit is None or not _may_be_copy(fit, self._book.last(generation), file):
                continue
            if best is None or fit.position >= best.position:
                best = fit
        if best is None:
            return False
        last = self._book.last((best.identity, best.generation))
        stands = Progress(last.partition, last.generation, last.position)
        found = locate(self._stream, last.identity, head, generation=last.generation)
        if found is not None and found.position > stands.position:
            stands = found
        file.identity = last.identity
        self._stand(file, _within(stands, content))
        if file.path != last.path:
            _log.info(
                "%s has the bytes of %s, which were read: it goes on behind byte %d",
                file.path, last.path, file.position,
            )  # fmt: skip
        # Where the copy is shorter, its own end is what it is recognised by from now on.
        self._book.put(
            msgspec.structs.replace(
                best, volume=file.key.volume, inode=file.key.inode, path=file.path,
                ended="", finished=False, given=True,
            )
        )  # fmt: skip
        return True

    def _waits(self, file: FollowedFile, head: bytes, content: Content, now_s: float) -> bool:
        """Whether the file may be the copy of one that is there."""
        if not head:
            return False
        packed = isinstance(content, PackedContent)
        same = not packed and self._is_unpacked_beside(file, head, content)
        if same and (content.size() or 0) > HEAD_BYTES:
            return True
        for key in self._holders_like(file, head):
            if key == file.key:
                continue
            other = self._followed(key)
            likeness = self._compare(file, head, content, key, other)
            if likeness is _Likeness.LEFT:
                return True
            if likeness is _Likeness.SAME:
                if packed or (other is not None and other.gone_since_s is not None):
                    return True
                same = True
        if not same:
            return False
        stamp = file.mtime_ns ^ file.size
        since = self._waiting.get(file.key)
        if since is None or since[0] != stamp:
            since = self._waiting[file.key] = (stamp, now_s)
        return now_s - since[1] < self._grace_s

    def _is_unpacked_beside(self, file: FollowedFile, head: bytes, content: Content) -> bool:
        """Whether a compressed file of its name, which is read, holds all that the file has.

        So ``gzip -k`` and ``gunzip -k`` leave them. A few bytes (a banner) may be a new file's.
        """
        for ending in PACKED:
            beside = Path(f"{file.path}{ending}")
            try:
                mark = self._book.held(key_of(beside, beside.stat()))
            except OSError:
                continue
            if mark is not None and mark.position > HEAD_BYTES:
                return _begins_packed(beside, head, content)
        return False

    def _holders_like(self, file: FollowedFile, head: bytes) -> list[FileKey]:
        """Files that are there and may have the same bytes."""
        holders = dict.fromkeys([*self._book.alike(head)[1], *self._unread.find(head)])
        family = self._families.get(_family_of(file), {})
        # While a copy is under way its head is shorter than those that are known of the others.
        if len(head) < HEAD_BYTES and (self._has_looked or len(family) <= _FEW):
            holders |= family
        if len(holders) > _FEW:
            related = [key for key in holders if key in family]
            return (related or list(holders))[:_FEW]
        return list(holders)

    def _compare(
        self,
        file: FollowedFile,
        head: bytes,
        content: Content,
        key: FileKey,
        other: FollowedFile | None,
    ) -> _Likeness:
        mark = self._book.held(key)
        if other is None or Path(other.path).suffix.lower() in PACKED:
            return self._compare_marks(head, content, mark, other)
        if other.size == 0 and mark is None:
            return _Likeness.DIFFERENT
        with contextlib.ExitStack() as stack:
            held = other.content
            if held is None:
                held = reopened(other)
                if held is None:
                    return self._compare_marks(head, content, mark, None)
                stack.callback(held.close)
            assert isinstance(held, PlainContent)
            other_head = held.read(0, HEAD_BYTES)
            if mark is not None and mark.position and not mark.fits(other_head, held):
                fit = self._book.fit((mark.identity, mark.generation), head, content)
                return _Likeness.LEFT if fit is not None else _Likeness.DIFFERENT
            return _Likeness.SAME if _begins_with(held, other_head, head, content) else (
                _Likeness.DIFFERENT
            )  # fmt: skip

    def _compare_marks(
        self, head: bytes, content: Content, mark: Mark | None, other: FollowedFile | None
    ) -> _Likeness:
        """Compare with a file of which only marks can tell: it is compressed, or was not opened."""
        if mark is None:
            return _Likeness.DIFFERENT
        fit = self._book.fit((mark.identity, mark.generation), head, content)
        if fit is None:
            return _Likeness.DIFFERENT
        if other is None and mark.finished and content.read(mark.position, 1):
            return _Likeness.DIFFERENT
        return _Likeness.SAME

    def _begins(self, file: FollowedFile, head: bytes, content: Content) -> bool:
        """The file is new, or holds something new."""
        packed = isinstance(content, PackedContent)
        at_end = self._start_at_end and not packed
        start = _last_line_end(content) if at_end else 0
        self._start(file, self._book.next_generation(file.key), start)
        # A file without a byte may be a copy whose first byte is still to come.
        file.placed = bool(head) or packed
        if start:
            self._book.put(self.mark(file, start, hash_head(file.head), file.tail, given=True))
        elif not packed:
            self._unread.add(file.key, len(head), hash_head(head))
        return True

    def mark(
        self, file: FollowedFile, position: int, head_hash: str, tail: bytes, *, given: bool = False
    ) -> Mark:
        """The mark of a file at ``position``, before which ``tail`` stands."""
        return Mark(
            file.key.volume, file.key.inode, file.generation, file.partition, position,
            min(position, HEAD_BYTES), head_hash, len(tail[-TAIL_BYTES:]),
            hash_head(tail[-TAIL_BYTES:]), file.path, file.identity.volume, file.identity.inode,
            given=given,
        )  # fmt: skip

    def _start(self, file: FollowedFile, generation: int, position: int) -> None:
        file.identity = file.key
        file.begin(generation, position, file.key.partition(self._stream.partitions))

    def _stand(self, file: FollowedFile, stands: Progress) -> None:
        file.begin(stands.generation, stands.position, stands.partition)


def _within(stands: Progress, content: Content) -> Progress:
    """A copy may lack what was written between it and the truncation, and was read."""
    content.read(stands.position, 1)  # of a compressed file only that tells the size
    size = content.size()
    if size is None or size >= stands.position:
        return stands
    return Progress(stands.partition, stands.generation, size)


def reopened(file: FollowedFile) -> Content | None:
    """A file's content, opened again, or None where the file cannot be found."""
    now_at = Path(file.now_at)
    for path in (now_at, *_with_inode(now_at.parent, file.key.inode)):
        try:
            content = PlainContent.open(path)
        except OSError:
            continue
        status = content.status()
        if (status.st_dev, status.st_ino) == (file.device, file.key.inode):
            if Path(file.path).suffix.lower() not in PACKED:
                return content
            content.close()
            return PackedContent(path)
        content.close()
    return None


def _begins_with(held: PlainContent, held_head: bytes, head: bytes, content: Content) -> bool:
    """Whether all that ``content`` has stands at the beginning of ``held`` (by head and end)."""
    if not held_head.startswith(head):
        return False
    if content.read(held.size(), 1):
        return False
    size = content.size()
    if size is None or size <= len(head):
        return True
    count = min(size, TAIL_BYTES)
    return content.read(size - count, count) == held.read(size - count, count)


def _begins_packed(path: Path, head: bytes, content: Content) -> bool:
    """The same of a compressed file; False where it cannot be read."""
    held = PackedContent(path)
    size = content.size() or 0
    count = min(size, TAIL_BYTES)
    try:
        if not held.read(0, HEAD_BYTES).startswith(head):
            return False
        return held.read(size - count, count) == content.read(size - count, count)
    except (InvalidInputError, OSError):
        return False
    finally:
        held.close()


def _may_be_copy(fit: Mark, last: Mark, file: FollowedFile) -> bool:
    """Whether a file that fits a free generation is its copy rather than one that begins alike.

    Many bytes in common are proof enough, few (a banner) only beside the original and with a name
    after its. Where a file was truncated its copy is sure to be somewhere; of one that is gone a
    plain copy is an exception, and a new file in its place is none.
    """
    original, copy = Path(last.path), Path(file.path)
    much = fit.position > HEAD_BYTES
    packed = isinstance(file.content, PackedContent)
    if not packed and (last.key == file.key or copy == original):
        return False
    if packed or last.ended == "truncated":
        return much or (copy.parent == original.parent and _named_after(copy, original))
    return much and _named_after(copy, original)


def _named_after(copy: Path, original: Path) -> bool:
    """``app.log.1``, ``app-2026.log`` and ``app.1.log.gz`` are named after ``app.log``."""
    copy, original = _family(copy), _family(original)
    return copy.name.startswith(original.name) or (
        copy.suffix == original.suffix and copy.name.startswith(original.stem)
    )


def _family_of(file: FollowedFile) -> tuple[str, str]:
    path = Path(file.path)
    return str(path.parent), _family(path).name


def _family(path: Path) -> Path:
    name = path.stem if path.suffix.lower() in PACKED else path.name
    return Path(_NUMBERS.sub("", name) or name)


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
