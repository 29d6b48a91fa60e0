"""A line of line protocol, read; and the units of its timestamps."""

from __future__ import annotations

from dataclasses import dataclass

from madang.core.errors import InvalidInputError

_NS_OF_PRECISION = {
    "": 1,
    "n": 1,
    "ns": 1,
    "u": 1_000,
    "us": 1_000,
    "µ": 1_000,
    "µs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}


class Unsigned(int):
    """A field written with ``u``."""


FieldValue = float | int | bool | str


@dataclass(frozen=True, slots=True)
class Point:
    """One line. Integers are ``int`` (``Unsigned`` with ``u``); ``time_ns`` is since 1970."""

    measurement: str
    tags: tuple[tuple[str, str], ...]
    fields: tuple[tuple[str, FieldValue], ...]
    time_ns: int | None = None


def precision_ns(precision: str) -> int:
    """The nanoseconds of one unit of a ``precision`` parameter of InfluxDB 1 or 2.

    Raises:
        InvalidInputError: it is none of them.
    """
    if (found := _NS_OF_PRECISION.get(precision)) is None:
        raise InvalidInputError(
            f"the precision {precision!r} is not known",
            hint="one of ns, us, ms, s, m, h; without one, ns",
        )
    return found
