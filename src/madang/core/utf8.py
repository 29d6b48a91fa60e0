"""Whether bytes are text."""

from __future__ import annotations


def is_utf8(text: bytes) -> bool:
    """Whether these are valid UTF-8."""
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
