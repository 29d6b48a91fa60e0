"""A page that is refused: from a byte offset to an error that names line and column."""

from __future__ import annotations

from madang.core.errors import InvalidInputError, Place

_SHOWN = 120


class MalformedPageError(Exception):
    """Within this package: what is wrong, at which byte of the page. ``at`` < 0: nowhere."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.message = message
        self.at = at


def refusal(problem: MalformedPageError, body: bytes) -> InvalidInputError:
    """The error for people: line, column in bytes, and the line itself, shortened."""
    if problem.at < 0:
        return InvalidInputError(problem.message, where=Place("page"))
    at = min(problem.at, len(body))
    start = body.rfind(b"\n", 0, at) + 1
    end = body.find(b"\n", at)
    line = body[start : len(body) if end < 0 else end]
    shown = line[:_SHOWN].decode(errors="backslashreplace")
    if len(line) > _SHOWN:
        shown += f"… ({len(line)} bytes)"
    return InvalidInputError(
        problem.message,
        hint=f"in {shown!r}",
        where=Place("page", body.count(b"\n", 0, at) + 1, at - start + 1),
    )


def shown_at(body: bytes, at: int, length: int = 12) -> str:
    """What stands at an offset, for a message: ``'b 1'``, or the end of the line."""
    end = body.find(b"\n", at, at + length)
    text = body[at : at + length if end < 0 else end]
    if not text:
        return "the end of the line" if at < len(body) else "the end of the page"
    return repr(text.decode(errors="backslashreplace"))
