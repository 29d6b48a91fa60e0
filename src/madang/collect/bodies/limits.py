"""What a body may become in memory: one of tiny records, or one that is packed a thousandfold."""

from __future__ import annotations

from madang.core.errors import TooLargeError
from madang.core.units import format_size

MAX_RECORDS = 2**21
"""Records of a body. Each takes some hundred bytes on its way, however short it is."""
EXPANSION = 4
"""An Arrow body's rows may take this many times the largest body."""
HINT = "send it in several requests"


def check_lines(body: bytes | memoryview) -> None:
    """Refuse more lines than a body may hold.

    Raises:
        TooLargeError: there are.
    """
    if len(body) > MAX_RECORDS:
        lines = bytes(body).count(b"\n") if isinstance(body, memoryview) else body.count(b"\n")
        check_records(lines, "lines")


def check_records(count: int, what: str = "records") -> None:
    """Refuse ``count`` records if those are too many.

    Raises:
        TooLargeError: they are.
    """
    if count > MAX_RECORDS:
        raise TooLargeError(f"the body holds more than {MAX_RECORDS:,} {what}", hint=HINT)


def check_expanded(size_bytes: int, limit_bytes: int, what: str) -> None:
    """Refuse what takes ``size_bytes`` in memory if that is too much.

    Raises:
        TooLargeError: it is.
    """
    if size_bytes > limit_bytes:
        size, limit = format_size(size_bytes), format_size(limit_bytes)
        raise TooLargeError(f"{what} take {size} in memory, more than {limit}", hint=HINT)
