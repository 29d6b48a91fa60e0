"""Finding things by the bytes that files begin with."""

from __future__ import annotations

from typing import Generic, TypeVar

from madang.collect.files.identity import hash_head

Item = TypeVar("Item")


class HeadIndex(Generic[Item]):
    """Items, each under the hash of a head of at most ``HEAD_BYTES`` bytes."""

    def __init__(self) -> None:
        # Dicts for sets: what was added first is found first.
        self._by_length: dict[int, dict[str, dict[Item, None]]] = {}
        self._entries: dict[Item, tuple[int, str]] = {}

    def add(self, item: Item, head_bytes: int, head_hash: str) -> None:
        """Put ``item`` under a head, and under no other."""
        if self._entries.get(item) == (head_bytes, head_hash):
            return
        self.discard(item)
        self._entries[item] = head_bytes, head_hash
        self._by_length.setdefault(head_bytes, {}).setdefault(head_hash, {})[item] = None

    def discard(self, item: Item) -> None:
        """Remove ``item`` if it is there."""
        entry = self._entries.pop(item, None)
        if entry is None:
            return
        length, head_hash = entry
        hashes = self._by_length[length]
        del hashes[head_hash][item]
        if not hashes[head_hash]:
            del hashes[head_hash]
        if not hashes:
            del self._by_length[length]

    def find(self, head: bytes) -> list[Item]:
        """The items whose heads are beginnings of ``head``."""
        found: list[Item] = []
        for length, hashes in self._by_length.items():
            if length <= len(head):
                found += hashes.get(hash_head(head[:length]), ())
        return found
