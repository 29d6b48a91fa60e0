"""The words of a query and where they stand, which the parser's tree does not tell."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Nothing in it is tried twice: queries come from anybody. A string that does not end goes on to
# the end of the text.
_TOKEN = re.compile(
    r"""
    (?P<skip>\s+|\#[^\n]*)
  | (?P<string>"(?:\\.|[^"\\])*+"?|'(?:\\.|[^'\\])*+'?|`[^`]*+`?)
  | (?P<number>0[xX][0-9a-fA-F]+
      | (?:\d++\.?+\d*+|\.\d++)[eE][+-]?\d+
      | (?:\d++(?:ms|[smhdwy]))++
      | \d+\.?\d* | \.\d+)
  | (?P<word>[A-Za-z_:][\w:]*)
  | (?P<sign>==|!=|<=|>=|=~|!~|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_BRACKETS = {"(": ")", "[": "]", "{": "}"}


_ESCAPE = re.compile(
    rb"\\(?:x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL
)
_LETTERS = {b"a": 7, b"b": 8, b"f": 12, b"n": 10, b"r": 13, b"t": 9, b"v": 11}


def unquoted(text: str) -> str:
    """What a string in a query says; bytes that are no UTF-8 become surrogates."""
    inner = text[1:-1].encode()
    if text[:1] == "`":
        return text[1:-1]

    def byte_of(found: re.Match[bytes]) -> bytes:
        hexadecimal, octal, short, long, letter = found.groups()
        if hexadecimal:
            return bytes([int(hexadecimal, 16)])
        if octal:
            return bytes([int(octal, 8) & 255])
        if short or long:
            return chr(int(short or long, 16)).encode("utf-8", "surrogatepass")
        return bytes([_LETTERS[letter]]) if letter in _LETTERS else letter

    return _ESCAPE.sub(byte_of, inner).decode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class Token:
    """One word; ``kind`` is 'string', 'number', 'word', 'sign', or 'end'."""

    kind: str
    text: str
    pos: int


def tokens_of(query: str) -> list[Token]:
    """The words of a query that the parser took, and an end."""
    tokens = [
        Token(found.lastgroup or "sign", found.group(), found.start())
        for found in _TOKEN.finditer(query)
        if found.lastgroup != "skip"
    ]
    return [*tokens, Token("end", "", len(query))]


class Reader:
    """Goes through the words of a query."""

    def __init__(self, query: str) -> None:
        self._tokens = tokens_of(query)
        self._at = 0

    def peek(self) -> Token:
        """The next word, which stays."""
        return self._tokens[self._at]

    def next(self) -> Token:
        """The next word."""
        token = self._tokens[self._at]
        if token.kind != "end":
            self._at += 1
        return token

    def take(self, text: str) -> bool:
        """Go past the next word if it is this one."""
        if self.peek().kind in {"word", "sign"} and self.peek().text.lower() == text:
            self.next()
            return True
        return False

    def skip_brackets(self, opening: str) -> None:
        """Go past the brackets that begin here, if they do, and past what is in them."""
        if not self.take(opening):
            return
        depth = 1
        while depth and self.peek().kind != "end":
            token = self.next()
            if token.kind == "sign":
                depth += (token.text == opening) - (token.text == _BRACKETS[opening])
