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
from typing import IO, Literal

import msgspec

from madang.collect.files.content import Content
from madang.collect.files.identity import HEAD_BYTES, FileKey, hash_head

TAIL_BYTES = 1024
_MAX_ENDED = 20_000
_STALE_FACTOR = 4
_STALE_LINES = 1000

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


class MarkBook:
    """The marks of a source: a journal of JSON lines, written anew when most of it is stale.

    A line is a mark; ``ended`` tells whether the file's generation goes on. Lines are not fsynced:
    after a power cut the book may lack the last ones, or hold half of one, which is passed over.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._journal: IO[bytes] | None = None
        self._pending: list[bytes] = []
        self._lines = 0
        self._encoder = msgspec.json.Encoder()
        self.live: dict[FileKey, Mark] = {}
        self._ended: OrderedDict[tuple[FileKey, int], Mark] = OrderedDict()
        self._latest: dict[FileKey, Mark] = {}
        self._live_heads: dict[int, dict[str, set[FileKey]]] = {}
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

    def put(self, mark: Mark) -> None:
        """Remember how a file stands."""
        self._take(mark)
        self._pending.append(self._encoder.encode(mark))

    def _take(self, mark: Mark) -> None:
        key = mark.key
        self._forget_head(key)
        if not mark.ended:
            self.live[key] = mark
            heads = self._live_heads.setdefault(mark.head_bytes, {})
            heads.setdefault(mark.head, set()).add(key)
            return
        self.live.pop(key, None)
        self._ended[key, mark.generation] = mark
        self._ended.move_to_end((key, mark.generation))
        self._latest[key] = mark
        while len(self._ended) > _MAX_ENDED:
            _, oldest = self._ended.popitem(last=False)
            if self._latest.get(oldest.key) is oldest:
                del self._latest[oldest.key]

    def end(self, key: FileKey, how: Ended) -> None:
        """Remember that this generation of a file is over."""
        mark = self.live.get(key)
        if mark is not None:
            self.put(msgspec.structs.replace(mark, ended=how))

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

    def alike(self, key: FileKey, head: bytes) -> list[Mark]:
        """Other files that are there now and began as ``head`` does."""
        keys: set[FileKey] = set()
        for length, hashes in self._live_heads.items():
            if 0 < length <= len(head):
                keys |= hashes.get(hash_head(head[:length]), set())
        return [self.live[other] for other in keys - {key}]

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

    def flush(self) -> None:
        """Write what is new; before the first batch of a file, and after each acknowledgement.

        Raises:
            OSError: the book cannot be written. What is new is kept for the next attempt.
        """
        if not self._pending:
            return
        if self._journal is None or self._lines > _STALE_FACTOR * len(self) + _STALE_LINES:
            self._rewrite()
            return
        self._journal.write(b"\n".join(self._pending) + b"\n")
        self._lines += len(self._pending)
        self._pending.clear()

    def close(self) -> None:
        """Write what is new and close the journal. Raises OSError."""
        try:
            self.flush()
        finally:
            if self._journal is not None:
                self._journal.close()
                self._journal = None

    def __len__(self) -> int:
        return len(self.live) + len(self._ended)

    def _rewrite(self) -> None:
        if self._journal is not None:
            self._journal.close()
            self._journal = None
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_suffix(".new")
        marks = [*self._ended.values(), *self.live.values()]
        fresh.write_bytes(b"".join(self._encoder.encode(mark) + b"\n" for mark in marks))
        fresh.replace(self._path)
        self._journal = self._path.open("ab", buffering=0)
        self._lines = len(marks)
        self._pending.clear()
