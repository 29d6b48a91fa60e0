"""What is remembered of files besides the stream: how to recognise a copy and a truncation.

The stream alone says how far a file was read. A mark says what the file looked like there: hashes
of its head and of the bytes before the position. With them a file that was compressed, or copied
and truncated, is recognised as one that was read before, also after a restart. A lost book costs
that recognition and nothing else.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from madang.collect.files.content import Content
from madang.collect.files.identity import HEAD_BYTES, FileKey, hash_head

TAIL_BYTES = 256
_MAX_ENDED = 20_000

Ended = Literal["", "truncated", "deleted", "missing"]


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """A file as it was when the stream had it up to ``position``."""

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

    @property
    def key(self) -> FileKey:
        """The file."""
        return FileKey(self.volume, self.inode)

    @property
    def identity(self) -> FileKey:
        """The file that it counts as in the stream."""
        return FileKey(self.as_volume, self.as_inode)

    def head_fits(self, head: bytes) -> bool:
        """Whether a file that begins with ``head`` begins as this one did."""
        return len(head) >= self.head_bytes and hash_head(head[: self.head_bytes]) == self.head

    def tail_fits(self, content: Content) -> bool:
        """Whether the bytes before ``position`` are those that were read."""
        if self.tail_bytes == 0:
            return True
        found = content.read(self.position - self.tail_bytes, self.tail_bytes)
        return len(found) == self.tail_bytes and hash_head(found) == self.tail


def mark_of(
    key: FileKey,
    identity: FileKey,
    path: str,
    *,
    generation: int,
    partition: int,
    position: int,
    head: bytes,
    tail: bytes,
) -> Mark:
    """The mark of a file: ``head`` its first bytes, ``tail`` those before ``position``."""
    head, tail = head[: min(HEAD_BYTES, position) or HEAD_BYTES], tail[-TAIL_BYTES:]
    return Mark(
        key.volume, key.inode, generation, partition, position,
        len(head), hash_head(head), len(tail), hash_head(tail), path,
        identity.volume, identity.inode,
    )  # fmt: skip


class _Book(msgspec.Struct):
    version: int = 1
    live: list[Mark] = []
    ended: list[Mark] = []


class MarkBook:
    """The marks of a source, in one file that is replaced atomically."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.live: dict[FileKey, Mark] = {}
        self._ended: OrderedDict[tuple[FileKey, int], Mark] = OrderedDict()
        self.dirty = self.urgent = False
        try:
            book = msgspec.json.decode(path.read_bytes(), type=_Book)
            self.is_new = False
        except FileNotFoundError:
            book, self.is_new = _Book(), True
        except (msgspec.MsgspecError, UnicodeError):
            book, self.is_new = _Book(), False
        self._live_heads: dict[int, dict[str, set[FileKey]]] = {}
        self._latest: dict[FileKey, Mark] = {}
        for mark in book.live:
            self.put(mark)
        self.dirty = False
        for mark in book.ended:
            self._remember(mark)

    def put(self, mark: Mark, *, urgent: bool = False) -> None:
        """Remember how a file stands; ``urgent`` before anything of it is appended."""
        self._forget_head(mark.key)
        self.live[mark.key] = mark
        self._live_heads.setdefault(mark.head_bytes, {}).setdefault(mark.head, set()).add(mark.key)
        self.dirty = True
        self.urgent = self.urgent or urgent

    def end(self, key: FileKey, how: Ended) -> None:
        """Remember that this generation of a file is over."""
        self._forget_head(key)
        mark = self.live.pop(key, None)
        if mark is None:
            return
        self._remember(msgspec.structs.replace(mark, ended=how))
        while len(self._ended) > _MAX_ENDED:
            _, oldest = self._ended.popitem(last=False)
            if self._latest.get(oldest.key) is oldest:
                del self._latest[oldest.key]
        self.dirty = self.urgent = True

    def _remember(self, mark: Mark) -> None:
        self._ended[mark.key, mark.generation] = mark
        self._latest[mark.key] = mark

    def next_generation(self, key: FileKey) -> int:
        """The number of a generation that begins now."""
        known = [mark.generation for mark in (self.live.get(key), self._latest.get(key)) if mark]
        return max(known, default=-1) + 1

    def ended(self, head: bytes) -> Iterator[Mark]:
        """Generations that are over and began as ``head`` does, the latest first."""
        hashes: dict[int, str] = {}
        for mark in reversed(self._ended.values()):
            length = mark.head_bytes
            if 0 < length <= len(head):
                if length not in hashes:
                    hashes[length] = hash_head(head[:length])
                if hashes[length] == mark.head:
                    yield mark

    def has_alike(self, key: FileKey, head: bytes) -> bool:
        """Whether another file that is there now began as ``head`` does."""
        for length, hashes in self._live_heads.items():
            if 0 < length <= len(head) and hashes.get(hash_head(head[:length]), set()) - {key}:
                return True
        return False

    def _forget_head(self, key: FileKey) -> None:
        mark = self.live.get(key)
        if mark is None:
            return
        hashes = self._live_heads[mark.head_bytes]
        hashes[mark.head].discard(key)
        if not hashes[mark.head]:
            del hashes[mark.head]
        if not hashes:
            del self._live_heads[mark.head_bytes]

    def latest(self, key: FileKey) -> Mark | None:
        """The last generation of a file that is over."""
        return self._latest.get(key)

    def save(self) -> None:
        """Replace the file. Raises OSError."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        book = _Book(live=list(self.live.values()), ended=list(self._ended.values()))
        fresh = self._path.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(book))
        fresh.replace(self._path)
        self.dirty = self.urgent = False
