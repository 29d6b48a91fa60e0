"""Where the parts of plain lines of line protocol stand: all lines at once, without a loop.

A line is plain if its parts can be told by single bytes: no quote, backslash or control character;
one space before the fields and at most one before the timestamp; ``=`` and ``,`` taking turns in
between. Whatever else there is, and whatever turns out wrong in a plain line, is for the strict
parser. So nothing here needs to know why a line would be refused.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_LINE_END, _SPACE, _COMMA, _EQUALS, _ODD = 1, 2, 3, 4, 5


def _byte_kinds() -> npt.NDArray[np.uint8]:
    kinds = np.zeros(256, np.uint8)
    kinds[:32] = _ODD
    kinds[[0x7F, ord('"'), ord("\\")]] = _ODD
    kinds[ord("\n")] = _LINE_END
    kinds[ord(" ")] = _SPACE
    kinds[ord(",")] = _COMMA
    kinds[ord("=")] = _EQUALS
    return kinds


_KINDS = _byte_kinds()
_KINDS_NOT_UTF8 = _KINDS.copy()
_KINDS_NOT_UTF8[128:] = _ODD

Positions = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Layout:
    """Positions in ``data``.

    Attributes:
        data: The body; its last byte is a line end.
        line_starts: Of every line.
        line_ends: The line end of every line.
        is_plain: Of every line.
        is_nothing: Which lines are empty, or plain comments.
        lines: Which lines are plain.
        value_counts: The fields of each plain line.
        value_starts: Of the fields of plain lines, in order.
        value_ends: Just behind them.
        time_starts: Where the timestamp of each plain line begins; the line end, if it has none.
    """

    data: npt.NDArray[np.uint8]
    line_starts: Positions
    line_ends: Positions
    is_plain: npt.NDArray[np.bool_]
    is_nothing: npt.NDArray[np.bool_]
    lines: Positions
    value_counts: Positions
    value_starts: Positions
    value_ends: Positions
    time_starts: Positions

    def templates(self) -> list[bytes]:
        """What each plain line says beside values and time: it repeats from body to body."""
        edges = np.zeros(len(self.data) + 1, np.int8)
        edges[self.value_starts] -= 1
        edges[self.value_ends] += 1
        ends = self.line_ends[self.lines]
        # With the space before the timestamp: a line has one template, with a timestamp or not.
        timed = self.time_starts < ends
        edges[self.time_starts[timed] - 1] -= 1
        edges[ends[timed]] += 1
        odd = ~self.is_plain
        edges[self.line_starts[odd]] -= 1
        edges[self.line_ends[odd] + 1] += 1
        kept = np.cumsum(edges[:-1], dtype=np.int8) == 0
        text: bytes = self.data[kept].tobytes()
        return text.split(b"\n")[:-1]


def layout_of(body: bytes) -> Layout:
    """Lay out a body whose last byte is a line end."""
    data = np.frombuffer(body, np.uint8)
    try:
        body.decode()
        kinds = _KINDS
    except UnicodeDecodeError:
        kinds = _KINDS_NOT_UTF8
    kind = kinds[data]
    marks = np.flatnonzero(kind)
    kind = kind[marks]
    end_marks = np.flatnonzero(kind == _LINE_END)
    ends = marks[end_marks]
    count = len(ends)
    starts = np.concatenate([[0], ends[:-1] + 1])
    first_marks = np.concatenate([[0], end_marks[:-1] + 1])
    line_of = np.repeat(np.arange(count), end_marks - first_marks + 1)

    is_plain = np.ones(count, np.bool_)
    is_plain[line_of[kind == _ODD]] = False
    is_nothing = is_plain & ((starts == ends) | (data[starts] == ord("#")))
    is_nothing |= (ends - starts == 1) & (data[starts] == ord("\r"))
    space_marks = np.flatnonzero(kind == _SPACE)
    spaces = np.bincount(line_of[space_marks], minlength=count)
    is_plain &= (spaces == 1) | (spaces == 2)
    # The marks of the first and of the second space, or of the line end.
    nth = np.cumsum(spaces) - spaces
    space_marks = np.append(space_marks, [0, 0])
    heads = np.where(is_plain, space_marks[nth], end_marks)
    tails = np.where(is_plain & (spaces == 2), space_marks[nth + 1], end_marks)
    is_plain &= (marks[heads] > starts) & (data[starts] != ord("#"))
    # `=` and `,` take turns between the two, and `=` is first and last.
    turn = np.arange(len(marks)) - heads[line_of]
    inside = (turn > 0) & (np.arange(len(marks)) < tails[line_of])
    wrong = inside & (kind != np.where(turn % 2 == 1, _EQUALS, _COMMA))
    is_plain[line_of[wrong]] = False
    is_plain &= (tails - heads) % 2 == 0
    is_plain &= tails - heads >= 2

    values = np.flatnonzero(inside & (kind == _EQUALS) & is_plain[line_of])
    lines = np.flatnonzero(is_plain)
    tail_ends = marks[tails[lines]]
    return Layout(
        data=data,
        line_starts=starts,
        line_ends=ends,
        is_plain=is_plain,
        is_nothing=is_nothing,
        lines=lines,
        value_counts=(tails - heads)[lines] // 2,
        value_starts=marks[values] + 1,
        value_ends=marks[values + 1],
        time_starts=np.where(spaces[lines] == 2, tail_ends + 1, tail_ends),
    )


def names_of(template: bytes) -> tuple[str, list[tuple[str, str]], list[str]] | None:
    """Measurement, tags and fields of a template; None: some part of it is empty or repeated."""
    head, _, tail = template.decode().partition(" ")
    measurement, *written = head.split(",")
    tags: dict[str, str] = {}
    for one in written:
        name, _, value = one.partition("=")
        if not name or not value or "=" in value or name in tags:
            return None
        tags[name] = value
    fields = tail[:-1].split("=,")
    if not measurement or not all(fields) or len(set(fields)) < len(fields):
        return None
    return measurement, list(tags.items()), fields
