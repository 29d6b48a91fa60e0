"""What is remembered of files besides the stream: what they held where the stream has them.

A file's life is a row of generations; each begins at byte 0 when the file is new or was truncated.
A mark says of a generation what stood before a position: hashes of the head and of the bytes right
before it. It is written **before** the batch that ends there is appended. So whatever the stream
has of a file, the book tells how to recognise another file with the same bytes, and after a crash
the stream tells which of the last marks came true. A generation that no file holds any more is
free: its copy, plain or compressed, goes on with it.
"""

from __future__ import annotations

import errno
import os
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import IO, Literal

import msgspec

from madang.collect.files.content import Content
from madang.collect.files.heads import HeadIndex
from madang.collect.files.identity import HEAD_BYTES, FileKey, hash_head, pack
from madang.stream import Origin

TAIL_BYTES = 1024
_MAX_FREE = 20_000
_TRAIL = 4
_LINES = 8
_FREE_TRAIL = 2
_STALE_FACTOR = 4
_STALE_LINES = 1000

Ended = Literal["", "truncated", "deleted", "missing"]
GenerationKey = tuple[FileKey, int]
"""The file whose generation it is, and its number."""


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """A generation, up to ``position``."""

    volume: int
    inode: int
    generation: int
    partition: int
    position: int
    head_bytes: int
    head: str
    tail_bytes: int
    tail: str
    path: str
    as_volume: int
    as_inode: int
    """The file whose producer's names are used: another one if this is its copy."""
    ended: Ended = ""
    finished: bool = False
    """A compressed file that was read to its end; ``stamp`` tells whether it is still that one."""
    stamp: int = 0
    given: bool = False
    """The file was begun here: the stream need not have a batch of it that ends here."""
    lines: str = ""
    """Ends of the last lines before ``position``, as ``line_ends`` writes them."""

    @property
    def key(self) -> FileKey:
        """The file that holds the generation."""
        return FileKey(self.volume, self.inode)

    @property
    def identity(self) -> FileKey:
        """The file that it counts as in the stream."""
        return FileKey(self.as_volume, self.as_inode)

    @property
    def origin(self) -> Origin:
        """The origin of the batch that ends at ``position``."""
        copy_of = None if self.identity == self.key else self.generation
        return Origin(
            self.identity.producer(self.head, copy_of), pack(self.generation, self.position)
        )

    def fits(self, head: bytes, content: Content) -> bool:
        """Whether a file with this head and content has the same bytes before ``position``."""
        if len(head) < self.head_bytes or hash_head(head[: self.head_bytes]) != self.head:
            return False
        size = content.size()
        if size is not None and size < self.position:
            return False
        found = content.read(self.position - self.tail_bytes, self.tail_bytes)
        return len(found) == self.tail_bytes and hash_head(found) == self.tail

    def ends_at(self, size: int) -> Mark | None:
        """What this mark would be, had the batch ended at ``size``, the end of a line."""
        for entry in self.lines.split():
            back, tail = entry.split(":")
            if self.position - int(back) == size:
                head = self.head if size >= HEAD_BYTES else tail
                return msgspec.structs.replace(
                    self, position=size, head_bytes=min(size, HEAD_BYTES), head=head,
                    tail_bytes=min(size, TAIL_BYTES), tail=tail, lines="",
                )  # fmt: skip
        return self if size == self.position else None

    @property
    def shortest_head(self) -> tuple[int, str]:
        """Length and hash of a head with which everything begins that this mark may fit."""
        if not self.lines:
            return self.head_bytes, self.head
        back, tail = self.lines.rpartition(" ")[2].split(":")
        size = self.position - int(back)
        return (HEAD_BYTES, self.head) if size >= HEAD_BYTES else (size, tail)


class MarkBook:
    """The marks of a source: a journal of JSON lines, written anew when most of it is stale.

    The line of a new or ended generation is fsynced; the others need not be, because the stream
    tells how far a known generation came. Half a line is passed over.

    Args:
        path: The journal.
        landed: Whether the stream has the batch of a mark; asked of the last marks at the start.
    """

    def __init__(self, path: Path, landed: Callable[[Mark], bool] = lambda _: True) -> None:
        self._path = path
        self._journal: IO[bytes] | None = None
        self._pending: list[bytes] = []
        self._weighty = False
        self._lines = 0
        self._encoder = msgspec.json.Encoder()
        self._trails: dict[GenerationKey, list[Mark]] = {}
        self._free: OrderedDict[GenerationKey, None] = OrderedDict()
        self._held: dict[FileKey, GenerationKey] = {}
        self._numbers: dict[FileKey, int] = {}
        self._last_held: dict[FileKey, GenerationKey] = {}
        self._heads: HeadIndex[GenerationKey] = HeadIndex()
        try:
            lines = path.read_bytes().splitlines()
            self.is_new = False
        except FileNotFoundError:
            lines, self.is_new = [], True
        decoder = msgspec.json.Decoder(Mark)
        for line in lines:
            try:
                self._take(decoder.decode(line))
            except (msgspec.MsgspecError, UnicodeError):
                continue
        self._resolve(landed)

    def put(self, mark: Mark) -> None:
        """Remember a mark; a file holds one generation, so its former one ends with this.

        A mark that is known already is not written again.
        """
        if self.held(mark.key) == mark:
            return
        self._weighty |= bool(mark.ended) or _generation(mark) != self._held.get(mark.key)
        self._take(mark)
        self._pending.append(self._encoder.encode(mark))

    def end(self, key: FileKey, how: Ended) -> None:
        """Remember that a file does not hold its generation any more."""
        mark = self.held(key)
        if mark is not None:
            self.put(msgspec.structs.replace(mark, ended=how))

    def held(self, key: FileKey) -> Mark | None:
        """The last mark of the generation that a file holds."""
        generation = self._held.get(key)
        return None if generation is None else self._trails[generation][-1]

    def last_held(self, key: FileKey) -> Mark | None:
        """The same, or of the generation that it held last, if no other file took that over."""
        generation = self._last_held.get(key)
        if generation is None:
            return None
        mark = self._trails[generation][-1]
        return mark if mark.key == key else None

    def holders(self) -> set[FileKey]:
        """The files that hold a generation."""
        return set(self._held)

    def next_generation(self, key: FileKey) -> int:
        """The number of a generation of a file that begins now."""
        return self._numbers.get(key, -1) + 1

    def alike(self, head: bytes) -> tuple[list[GenerationKey], list[FileKey]]:
        """Free generations that ``head`` may begin, and files that hold such a one."""
        free, holders = [], []
        for generation in self._heads.find(head):
            if generation in self._free:
                free.append(generation)
            else:
                holders.append(self._trails[generation][-1].key)
        return free, holders

    def fit(self, generation: GenerationKey, head: bytes, content: Content) -> Mark | None:
        """The mark at which a file has the bytes of a generation, or None.

        A copy may lack what was written, and read, between it and the truncation. Then all of it
        has to be known: it ends where a batch ended, or one of the last lines of one.
        """
        trail = self._trails[generation]
        if trail[-1].position and trail[-1].fits(head, content):
            return trail[-1]
        size = content.size()
        if not size or size >= trail[-1].position:
            return None
        for mark in reversed(trail):
            shorter = mark.ends_at(size)
            if shorter is not None and shorter.fits(head, content):
                return shorter
        return None

    def last(self, generation: GenerationKey) -> Mark:
        """The last mark of a generation."""
        return self._trails[generation][-1]

    def flush(self) -> None:
        """Write what is new; before each append.

        Raises:
            OSError: the book cannot be written. What is new is kept for the next attempt.
        """
        if not self._pending:
            return
        if self._journal is None or self._lines > _STALE_FACTOR * len(self) + _STALE_LINES:
            self._rewrite()
            return
        text = b"\n".join(self._pending) + b"\n"
        if self._journal.write(text) < len(text):
            # No room for all of it: half a line would spoil the next one, so all is written anew.
            self._journal.close()
            self._journal = None
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self._weighty:
            os.fsync(self._journal.fileno())
        self._lines += len(self._pending)
        self._pending.clear()
        self._weighty = False

    def begin(self) -> None:
        """Write a new book even where there is nothing to remember. Raises OSError."""
        if self.is_new and self._journal is None:
            self._rewrite()

    def close(self) -> None:
        """Write what is new and close the journal. Raises OSError."""
        try:
            self.flush()
        finally:
            if self._journal is not None:
                self._journal.close()
                self._journal = None

    def __len__(self) -> int:
        """How many marks are kept; a bound from above."""
        return _TRAIL * len(self._held) + _FREE_TRAIL * len(self._free)

    def _take(self, mark: Mark) -> None:
        key, generation = mark.key, _generation(mark)
        former = self._held.pop(key, None)
        if former is not None and former != generation:
            ended = msgspec.structs.replace(self._trails[former][-1], ended="truncated")
            self._trails[former][-1] = ended
            self._let_go(former)
        trail = self._trails.setdefault(generation, [])
        if trail and self._held.get(trail[-1].key) == generation:
            del self._held[trail[-1].key]
        if trail and self._last_held.get(trail[-1].key) == generation:
            del self._last_held[trail[-1].key]
        while trail and trail[-1].position >= mark.position:
            trail.pop()
        trail.append(mark)
        del trail[:-_TRAIL]
        self._heads.add(generation, *trail[0].shortest_head)
        number = self._numbers.get(mark.identity, -1)
        self._numbers[mark.identity] = max(number, mark.generation)
        last = self._last_held.get(key)
        if last is None or last[0] != mark.identity or last[1] <= mark.generation:
            self._last_held[key] = generation
        if mark.ended:
            self._let_go(generation)
        else:
            self._free.pop(generation, None)
            self._held[key] = generation

    def _let_go(self, generation: GenerationKey) -> None:
        trail = self._trails[generation]
        del trail[:-_FREE_TRAIL]
        self._heads.add(generation, *trail[0].shortest_head)
        self._free[generation] = None
        self._free.move_to_end(generation)
        while len(self._free) > _MAX_FREE:
            self._forget(next(iter(self._free)))

    def _forget(self, generation: GenerationKey) -> None:
        key = self._trails.pop(generation)[-1].key
        self._free.pop(generation, None)
        self._heads.discard(generation)
        if self._held.get(key) == generation:
            del self._held[key]
        for holder in {key, generation[0]}:
            if self._last_held.get(holder) == generation:
                del self._last_held[holder]
        if self._numbers.get(generation[0]) == generation[1]:
            del self._numbers[generation[0]]

    def _resolve(self, landed: Callable[[Mark], bool]) -> None:
        """Take back the marks of batches that never reached the stream."""
        for generation in list(self._held.values()):
            trail = self._trails[generation]
            kept = list(trail)
            while kept and not (kept[-1].finished or kept[-1].given or landed(kept[-1])):
                kept.pop()
            if not kept:
                self._forget(generation)
                self._numbers[generation[0]] = generation[1] - 1
                continue
            trail[:] = kept

    def _rewrite(self) -> None:
        if self._journal is not None:
            self._journal.close()
            self._journal = None
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_suffix(".new")
        generations = [*self._free, *self._held.values()]
        marks = [mark for generation in generations for mark in self._as_written(generation)]
        with fresh.open("wb") as file:
            file.writelines(self._encoder.encode(mark) + b"\n" for mark in marks)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
        self._journal = self._path.open("ab", buffering=0)
        self._lines = len(marks)
        self._pending.clear()
        self._weighty = False

    def _as_written(self, generation: GenerationKey) -> list[Mark]:
        """A trail whose marks all name its last holder: former ones hold other generations now."""
        trail = self._trails[generation]
        last = trail[-1]
        return [msgspec.structs.replace(m, volume=last.volume, inode=last.inode) for m in trail]


def line_ends(before: bytes, block: bytes, end: int) -> str:
    """Where the last lines of a batch end, for ``Mark.lines``: the last first, by its distance.

    Args:
        before: The ``TAIL_BYTES`` before the batch, or what there is.
        block: The batch, up to ``end``.
        end: What follows it is no part of the batch.
    """
    found: list[str] = []
    at = block.rfind(b"\n", 0, end - 1)
    while at >= 0 and len(found) < _LINES:
        tail = block[max(0, at + 1 - TAIL_BYTES) : at + 1]
        if len(tail) < TAIL_BYTES:
            tail = (before + tail)[-TAIL_BYTES:]
        found.append(f"{end - at - 1}:{hash_head(tail)}")
        at = block.rfind(b"\n", 0, at)
    return " ".join(found)


def _generation(mark: Mark) -> GenerationKey:
    return mark.identity, mark.generation
