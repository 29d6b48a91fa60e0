"""Times and durations as Prometheus's API takes them."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

from madang.core.errors import InvalidInputError

_UNITS_MS = {
    "ms": 1,
    "s": 1000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 604_800_000,
    "y": 31_536_000_000,
}
_DURATION = re.compile(r"(\d+y)?(\d+w)?(\d+d)?(\d+h)?(\d+m(?!s))?(\d+s)?(\d+ms)?", re.ASCII)
_PART = re.compile(r"(\d+)([a-z]+)", re.ASCII)
_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_FARTHEST_MS = 2**63 - 1
_LONGEST = 100
# What "no bound" is where a time is left out: beyond all samples, and within 64 bits after a
# lookback is taken off.
EARLIEST_MS, LATEST_MS = -(2**62), 2**62


def parse_time_ms(text: str) -> int:
    """A time: seconds since 1970, with a fraction, or RFC 3339.

    Raises:
        InvalidInputError: it is neither.
    """
    wrong = f'cannot parse "{text[:_LONGEST]}" to a valid timestamp'
    number = _number(text)
    if number is not None:
        return _rounded_ms(number, wrong)
    found = _RFC3339.fullmatch(text)
    if found is not None:
        day, clock, fraction, zone = found.groups()
        try:
            at = datetime.fromisoformat(f"{day}T{clock}{zone.upper().replace('Z', '+00:00')}")
        except ValueError:
            pass
        else:
            since = at - datetime(1970, 1, 1, tzinfo=UTC)
            whole_ms = since.days * 86_400_000 + since.seconds * 1000
            return whole_ms + int(float(fraction or 0) * 1000)
    raise InvalidInputError(wrong)


def parse_duration_ms(text: str) -> int:
    """A duration: seconds with a fraction, or Prometheus's form (``1h30m``).

    Raises:
        InvalidInputError: it is neither.
    """
    number = _number(text)
    wrong = f'cannot parse "{text[:_LONGEST]}" to a valid duration'
    if number is not None:
        return _rounded_ms(number, wrong)
    if text and len(text) <= _LONGEST and _DURATION.fullmatch(text):
        total = sum(int(count) * _UNITS_MS[unit] for count, unit in _PART.findall(text))
        if total <= _FARTHEST_MS // 1_000_000:  # upstream counts nanoseconds in 64 bits
            return total
        raise InvalidInputError(f"{wrong}. It overflows int64")
    raise InvalidInputError(wrong)


def _number(text: str) -> float | None:
    try:
        return float(text) if text.isascii() and text == text.strip() and "_" not in text else None
    except ValueError:
        return None


def _rounded_ms(number: float, wrong: str) -> int:
    if math.isnan(number) or abs(number) > _FARTHEST_MS / 1000:
        raise InvalidInputError(f"{wrong}. It overflows int64")
    return round(number * 1000)
