r"""The series of a sample line, read label by label: ``name{label="value",…}`` and its new forms.

Text 0.0.4 allows blanks between all tokens, a comma behind the last label, or none between two, and
raw newlines in label values, as Prometheus's lexer does. OpenMetrics allows none of that, though
Prometheus allows the comma behind the last label there as well. In both a name that is no plain
word stands in quotes, a metric's inside the braces.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from madang.collect.exposition.problem import MalformedPageError, shown_at

METRIC = re.compile(rb"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(rb"[a-zA-Z_][a-zA-Z0-9_]*")
_BLANKS = re.compile(rb"[ \t]*")
_QUOTED_OVER_LINES = re.compile(rb'"(?:[^\\"]|\\[^\n])*+"')
QUOTED = re.compile(rb'"(?:[^\\"\n]|\\[^\n])*+"')
_ESCAPE = re.compile(rb'\\([\\"n])')

Pairs = list[tuple[bytes, bytes]]


class Grammar(Enum):
    """How a page is read."""

    TEXT = auto()
    """Text 0.0.4, as Prometheus reads it."""
    OPENMETRICS = auto()
    """OpenMetrics, as Prometheus reads it: syntax only."""
    OPENMETRICS_STRICT = auto()
    """OpenMetrics, as its specification has it."""


@dataclass(frozen=True, slots=True)
class SeriesText:
    """A series as it is written.

    ``pairs`` are in the order of the page, unescaped, without the metric's name; ``end`` is where
    the value begins, behind the blanks.
    """

    name: bytes
    pairs: Pairs
    end: int


def unescape(text: bytes) -> bytes:
    r"""``\\``, ``\"`` and ``\n`` for what they stand for; any other backslash is itself."""
    if b"\\" not in text:
        return text
    return _ESCAPE.sub(lambda m: b"\n" if m[1] == b"n" else m[1], text)


def read_series(body: bytes, at: int, grammar: Grammar) -> SeriesText:
    """The series that begins at ``body[at]``.

    Args:
        body: The page.
        at: Where the line begins.
        grammar: Which of them.

    Raises:
        MalformedPageError: with what was expected there.
    """
    strict = grammar is not Grammar.TEXT
    if not strict:
        at = _skip(body, at)
    start = at
    name = b""
    if (match := METRIC.match(body, at)) is not None:
        name, at = match[0], match.end()
        if not strict:
            at = _skip(body, at)
    elif body[at : at + 1] != b"{":
        raise MalformedPageError(f"expected a metric name, found {shown_at(body, at)}", at)
    pairs: Pairs = []
    if body[at : at + 1] == b"{":
        name, pairs, at = _read_labels(body, at + 1, name, grammar)
    if not name:
        raise MalformedPageError("the metric has no name", start)
    if not strict:
        at = _skip(body, at)
    elif body[at : at + 1] == b" ":
        at += 1
    else:
        raise MalformedPageError(f"expected one blank, found {shown_at(body, at)}", at)
    return SeriesText(name, pairs, at)


def read_exemplar_labels(body: bytes, at: int, grammar: Grammar) -> tuple[Pairs, int]:
    """The labels of an exemplar, from behind their brace; and where they end."""
    _, pairs, at = _read_labels(body, at, b"exemplar", grammar)
    return pairs, at


def _read_labels(body: bytes, at: int, name: bytes, grammar: Grammar) -> tuple[bytes, Pairs, int]:
    strict = grammar is not Grammar.TEXT
    pairs: Pairs = []
    expect_item = False  # behind a comma
    while True:
        at = at if strict else _skip(body, at)
        if body[at : at + 1] == b"}":
            if expect_item and grammar is Grammar.OPENMETRICS_STRICT:
                raise MalformedPageError("expected a label behind the comma, found '}'", at)
            return name, pairs, at + 1
        item_at = at
        item, quoted, at = _read_label_name(body, at)
        at = at if strict else _skip(body, at)
        following = body[at : at + 1]
        if quoted and following in (b",", b"}"):
            if name:
                raise MalformedPageError("the metric's name is given twice", item_at)
            name = item
        else:
            if following != b"=":
                raise MalformedPageError(f"expected '=', found {shown_at(body, at)}", at)
            at = at + 1 if strict else _skip(body, at + 1)
            value, at = _read_quoted(body, at, "a label value in double quotes", strict=strict)
            pairs.append((item, value))
            at = at if strict else _skip(body, at)
            following = body[at : at + 1]
        expect_item = following == b","
        if expect_item:
            at += 1
        elif strict and following != b"}":
            raise MalformedPageError(f"expected ',' or '}}', found {shown_at(body, at)}", at)


def _read_label_name(body: bytes, at: int) -> tuple[bytes, bool, int]:
    if (match := LABEL.match(body, at)) is not None:
        return match[0], False, match.end()
    if body[at : at + 1] != b'"':
        raise MalformedPageError(f"expected a label name, found {shown_at(body, at)}", at)
    name, end = _read_quoted(body, at, "a name in double quotes", strict=True)
    if not name:
        raise MalformedPageError("a name is empty", at)
    return name, True, end


def _read_quoted(body: bytes, at: int, expected: str, *, strict: bool) -> tuple[bytes, int]:
    match = (QUOTED if strict else _QUOTED_OVER_LINES).match(body, at)
    if match is None:
        raise MalformedPageError(f"expected {expected}, found {shown_at(body, at)}", at)
    text = body[at + 1 : match.end() - 1]
    try:
        text.decode()
    except UnicodeDecodeError as error:
        place = at + 1 + error.start
        raise MalformedPageError("the text in quotes is not valid UTF-8", place) from None
    return unescape(text), match.end()


def _skip(body: bytes, at: int) -> int:
    match = _BLANKS.match(body, at)
    return at if match is None else match.end()
