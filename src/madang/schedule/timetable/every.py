"""A fixed interval of real time."""

from __future__ import annotations

from madang.core.errors import InvalidInputError


class EveryTimetable:
    """Every so many seconds, counted from an anchor; days of 24 hours, whatever the clock does.

    Args:
        every_s: At least one second.
        anchor_us: An instant of the row; by default 1970-01-01 UTC, so that ``15m`` is :00, :15, …

    Raises:
        InvalidInputError: the interval is shorter than a second.
    """

    def __init__(self, every_s: float, anchor_us: int = 0) -> None:
        if not 1 <= every_s <= 1e9:
            raise InvalidInputError(
                f"an interval of {every_s:g} s cannot be scheduled", hint="one second or longer"
            )
        self.every_us = round(every_s * 1_000_000)
        self.anchor_us = anchor_us

    def next_after(self, after_us: int) -> int | None:
        """The first instant later than ``after_us``."""
        return after_us + self.every_us - (after_us - self.anchor_us) % self.every_us
