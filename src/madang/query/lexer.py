"""Cuts SQL into tokens with byte positions.

Only what DuckDB's parser does not know is found with it: ``FOR SYSTEM_TIME AS OF``, ``?`` and a
leading ``EXPLAIN``. What may run is never decided here but on DuckDB's own syntax tree of the text
that runs (:mod:`madang.query.guard`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    rb"""
    (?P<space>(?:[\s\x00]|--[^\n]*)+)
  | (?P<escaped>[eE]'(?:[^'\\]|''|\\.)*(?:'|\Z))
  | (?P<string>[xX]?'(?:[^']|'')*(?:'|\Z))
  | (?P<quoted>"(?:[^"]|"")*(?:"|\Z))
  | (?P<dollar>\$(?P<tag>[A-Za-z_\x80-\xff][\w\x80-\xff]*|)\$.*?(?:\$(?P=tag)\$|\Z))
  | (?P<param>\$[\w\x80-\xff]+|\?)
  | (?P<number>\d[\d_]*(?:\.[\d_]*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)
  | (?P<word>[A-Za-z_\x80-\xff][\w$\x80-\xff]*)
  | (?P<symbol>::|=>|->>|->|.)
    """,
    re.VERBOSE | re.DOTALL,
)


_KINDS = {"tag": "string", "dollar": "string", "escaped": "string"}


@dataclass(frozen=True, slots=True)
class Token:
    """``kind``: ``word``, ``quoted``, ``string``, ``number``, ``param`` or ``symbol``.

    ``start`` and ``end`` are byte positions.
    """

    kind: str
    text: str
    start: int
    end: int

    def is_word(self, *words: str) -> bool:
        """Whether it is one of the unquoted ``words`` (upper case)."""
        return self.kind == "word" and self.text.upper() in words

    @property
    def is_name(self) -> bool:
        """Whether it may be a part of a table's name."""
        return self.kind in ("word", "quoted")

    @property
    def name(self) -> str:
        """The identifier that it writes, without quotes."""
        if self.kind == "quoted":
            return self.text[1:-1].replace('""', '"')
        return self.text


def tokenize(sql: bytes) -> list[Token]:
    """The tokens of ``sql`` without space and comments."""
    tokens: list[Token] = []
    position = 0
    while position < len(sql):
        if sql.startswith(b"/*", position):
            position = _end_of_comment(sql, position)
            continue
        match = _TOKEN.match(sql, position)
        assert match is not None and match.lastgroup is not None
        # A ``-`` or ``/`` that begins a comment ends a run of space; longer symbols never hold one.
        kind = _KINDS.get(match.lastgroup, match.lastgroup)
        if kind != "space":
            text = match[0].decode("utf-8", "replace")
            tokens.append(Token(kind, text, position, match.end()))
        position = match.end()
    return tokens


def _end_of_comment(sql: bytes, start: int) -> int:
    """The position behind the block comment at ``start``; they nest."""
    depth, position = 0, start
    for mark in re.finditer(rb"/\*|\*/", sql[start:]):
        depth += 1 if mark[0] == b"/*" else -1
        position = start + mark.end()
        if depth == 0:
            return position
    return len(sql)
