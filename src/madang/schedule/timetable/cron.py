"""The instants of a cron expression in a time zone, over daylight saving."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from madang.core.clock import from_us
from madang.core.errors import InvalidInputError
from madang.core.names import near_match

_FIELDS: Final = ("minute", "hour", "day-of-month", "month", "day-of-week")
_MACROS: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_FIELD_OF_ERROR: Final = re.compile(r"Bad ([a-z-]+)")
_SECOND: Final = timedelta(seconds=1)
_LATEST: Final = datetime(9900, 1, 1)  # noqa: DTZ001 - wall time of any zone


class CronTimetable:
    """Five fields as Vixie cron reads them, with ``L``, ``#`` and names of months and days.

    Daylight saving is Debian cron's: a job at a fixed hour and minute runs once a day, at the end
    of the gap where the clock leaves its time out, and the first time where the clock shows it
    twice; one whose minute or hour begins with ``*`` goes by real time, so ``*/15 * * * *`` is
    every quarter of an hour of every day.

    Args:
        expression: Such as ``30 6 * * 1-5`` or ``@daily``.
        zone: The zone whose wall clock it means.

    Raises:
        InvalidInputError: it cannot be read, or no day fits it.
    """

    def __init__(self, expression: str, zone: ZoneInfo) -> None:
        self.expression = expression
        self.zone = zone
        self._fields = _read(expression)
        minute, hour = self._fields.split()[:2]
        self._is_fixed = not minute.startswith("*") and not hour.startswith("*")
        if next(self._wall_times(datetime(2024, 1, 1)), None) is None:  # noqa: DTZ001 - as above
            raise InvalidInputError(
                f"no day fits the cron expression {expression!r}",
                hint="day-of-month and month name a date that does not exist",
            )

    def next_after(self, after_us: int) -> int | None:
        """The first instant later than ``after_us``."""
        local = from_us(after_us).astimezone(self.zone)
        wall = local.replace(tzinfo=None, microsecond=0, fold=0)
        if self._is_fixed:
            return self._first(wall, self._fixed_us, after_us)
        # Both times that a wall clock may show are kept in a row of their own, each of which grows.
        first = self._first(wall, self._earlier_us, after_us)
        twice_us = _instant_us(wall, self.zone, 1) - _instant_us(wall, self.zone, 0)
        if twice_us > 0:
            wall -= timedelta(microseconds=twice_us)
        second = self._first(wall, self._later_us, after_us)
        return min((each for each in (first, second) if each is not None), default=None)

    def _first(
        self, wall: datetime, instant_us: Callable[[datetime], int | None], after_us: int
    ) -> int | None:
        for time in self._wall_times(wall - _SECOND):
            found = instant_us(time)
            if found is not None and found > after_us:
                return found
        return None

    def _wall_times(self, after: datetime) -> Iterator[datetime]:
        """Wall times of the expression later than ``after``, whatever the zone makes of them."""
        if after > _LATEST:
            return
        yield from CronSim(self._fields, after)

    def _fixed_us(self, wall: datetime) -> int:
        early, late = _instant_us(wall, self.zone, 1), _instant_us(wall, self.zone, 0)
        return late if late <= early else _end_of_gap_us(self.zone, early, late)

    def _earlier_us(self, wall: datetime) -> int | None:
        at_us = _instant_us(wall, self.zone, 0)
        return None if _instant_us(wall, self.zone, 1) < at_us else at_us  # in a gap

    def _later_us(self, wall: datetime) -> int | None:
        at_us = _instant_us(wall, self.zone, 1)
        return None if at_us < _instant_us(wall, self.zone, 0) else at_us


def _read(expression: str) -> str:
    text = " ".join(expression.split())
    if text.startswith("@"):
        if text.lower() not in _MACROS:
            near = near_match(text.lower(), _MACROS)
            raise InvalidInputError(
                f"{expression!r} is not a cron expression",
                hint=f"did you mean {near!r}?" if near else f"one of {', '.join(_MACROS)}",
            )
        return _MACROS[text.lower()]
    count = len(text.split())
    if count != len(_FIELDS):
        raise InvalidInputError(
            f"the cron expression {expression!r} has {count} field{'' if count == 1 else 's'}",
            hint=f"five: {' '.join(_FIELDS)}"
            + ("; seconds and years cannot be said here" if count > len(_FIELDS) else ""),
        )
    try:
        CronSim(text, datetime(2024, 1, 1))  # noqa: DTZ001 - only read
    except CronSimError as error:
        bad = _FIELD_OF_ERROR.match(str(error))
        at = _FIELDS.index(bad[1]) if bad and bad[1] in _FIELDS else None
        what = f"its {_FIELDS[at]} is {text.split()[at]!r}" if at is not None else str(error)
        raise InvalidInputError(
            f"the cron expression {expression!r} cannot be read: {what}",
            hint=_HINTS[_FIELDS[at]] if at is not None else f"five: {' '.join(_FIELDS)}",
        ) from None
    return text


_HINTS: Final = {
    "minute": "0 to 59, *, */5, 0,30 or 10-20",
    "hour": "0 to 23, *, */6, 6,18 or 9-17",
    "day-of-month": "1 to 31, as the months have them, *, L for the last, LW for the last weekday",
    "month": "1 to 12, JAN to DEC, * or 1-6",
    "day-of-week": "0 to 7 (both are Sunday), SUN to SAT, 1-5, MON#1 for the first Monday or 5L",
}


def _instant_us(wall: datetime, zone: ZoneInfo, fold: int) -> int:
    at = wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)
    return round(at.timestamp()) * 1_000_000


def _end_of_gap_us(zone: ZoneInfo, early_us: int, late_us: int) -> int:
    """The instant between both at which the zone puts its clock forward."""
    before, low, high = from_us(early_us).astimezone(zone).utcoffset(), early_us, late_us
    while high - low > 1_000_000:
        middle = (low + high) // 2_000_000 * 1_000_000
        if from_us(middle).astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high
