"""Sizes and durations as people write them: ``64MiB``, ``10s``, ``7d``."""

from __future__ import annotations

import re

from madang.core.errors import InvalidInputError

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|[KMGT]i?B?)?", re.IGNORECASE)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
_SIZE_FACTORS: dict[str, int] = {"": 1, "B": 1} | {
    letter + tail: base**power
    for power, letter in enumerate("KMGT", start=1)
    for tail, base in (("B", 1000), ("", 1024), ("I", 1024), ("IB", 1024))
}
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def parse_size(text: str | int) -> int:
    """Bytes of ``64MiB``, ``1.5GB``, ``512`` (KB = 1000 bytes, KiB and K = 1024).

    Raises:
        InvalidInputError: the text is not a size.
    """
    if isinstance(text, int):
        return text
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise InvalidInputError(f"{text!r} is not a size", hint="write 512, 64MiB or 1.5GB")
    return round(float(match[1]) * _SIZE_FACTORS[(match[2] or "").upper()])


def parse_duration(text: str | int | float) -> float:
    """Seconds of ``10s``, ``1h30m``, ``7d``; a bare number is seconds.

    Raises:
        InvalidInputError: the text is not a duration.
    """
    if isinstance(text, int | float):
        return float(text)
    compact = text.replace(" ", "")
    parts = _DURATION.findall(compact)
    if not parts or "".join(number + unit for number, unit in parts) != compact:
        raise InvalidInputError(f"{text!r} is not a duration", hint="write 500ms, 10s, 1h30m or 7d")
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def format_size(size: int) -> str:
    """``size`` bytes as people read it, such as ``1.5 MiB``."""
    value, units = float(size), ["B", "KiB", "MiB", "GiB", "TiB"]
    while value >= 1024 and len(units) > 1:
        value /= 1024
        units.pop(0)
    return f"{value:.0f} {units[0]}" if units[0] == "B" else f"{value:.1f} {units[0]}"


def format_duration(seconds: float) -> str:
    """``seconds`` as people read it, such as ``1h30m`` or ``250ms``."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    left, text = round(seconds), ""
    for unit in ("w", "d", "h", "m", "s"):
        count, left = divmod(left, int(_SECONDS[unit]))
        if count:
            text += f"{count}{unit}"
    return text
