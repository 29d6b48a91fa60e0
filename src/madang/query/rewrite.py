"""Text replacements by byte position, and the way back to where the user wrote it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from madang.core.errors import Place


@dataclass(frozen=True, slots=True)
class Splice:
    """Replace the bytes ``start`` to ``end`` of a text by ``text``."""

    start: int
    end: int
    text: bytes


class Rewritten:
    """A text after replacements that do not overlap; maps positions back to the original."""

    def __init__(self, original: bytes, splices: Iterable[Splice] = ()) -> None:
        self.original = original
        self._splices = sorted(splices, key=lambda splice: splice.start)
        pieces, position = [], 0
        for splice in self._splices:
            pieces += [original[position : splice.start], splice.text]
            position = splice.end
        self.text = b"".join([*pieces, original[position:]])

    def wrapped(self, before: str, behind: str) -> Rewritten:
        """The new text between two others."""
        size = len(self.original)
        around = [
            Splice(0, 0, before.encode()),
            *self._splices,
            Splice(size, size, behind.encode()),
        ]
        return Rewritten(self.original, around)

    def spliced(self, splices: Iterable[Splice]) -> Rewritten:
        """The new text with further replacements; they go before those that begin where they do."""
        return Rewritten(self.original, [*splices, *self._splices])

    def back(self, position: int) -> int:
        """The position in the original of ``position`` in the new text."""
        shift = 0
        for splice in self._splices:
            begin = splice.start + shift
            if position < begin:
                break
            if position < begin + len(splice.text):
                return splice.start
            shift += len(splice.text) - (splice.end - splice.start)
        return max(0, min(position - shift, len(self.original)))


def place(sql: bytes, position: int | None) -> Place:
    """Line and column (in characters, from 1) of a byte position in the user's SQL."""
    if position is None or not 0 <= position <= len(sql):
        return Place("sql")
    before = sql[:position].decode("utf-8", "replace")
    line_start = before.rfind("\n") + 1
    return Place("sql", before.count("\n") + 1, len(before) - line_start + 1)
