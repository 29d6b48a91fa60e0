"""Business days: weekends, public holidays of a country, days of one's own; and times by them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from madang.core.clock import from_us
from madang.core.errors import InvalidInputError
from madang.core.extras import require
from madang.core.names import near_match
from madang.schedule.timetable.timetable import Timetable

_DAY: Final = timedelta(days=1)
_LONGEST_CLOSURE: Final = 400
_MOST_MOVED: Final = 10_000
_LONGEST_SHIFT_US: Final = 3 * 3_600 * 1_000_000
"""No clock is put forward or back by more, but where a zone left out a whole day."""
SATURDAY_SUNDAY: Final = frozenset({5, 6})


class Roll(StrEnum):
    """What becomes of a time on a day that is not a business day."""

    SKIP = "skip"
    """It is left out."""
    NEXT = "next"
    """It comes on the next business day, at the same time of day."""
    PREVIOUS = "previous"
    """It came on the business day before, at the same time of day."""


class Calendar:
    """Which days are business days.

    Args:
        country: ISO 3166 code such as ``KR``, whose public holidays are taken from the library
            ``holidays``; None: none.
        weekend: Days of the week that are free, Monday is 0.
        closed: Further days that are free.
        opened: Days that are worked although they would be free.

    Raises:
        InvalidInputError: no such country, or no day of the week is left.
    """

    def __init__(
        self,
        country: str | None = None,
        *,
        weekend: Collection[int] = SATURDAY_SUNDAY,
        closed: Collection[date] = (),
        opened: Collection[date] = (),
    ) -> None:
        if not set(range(7)) - set(weekend):
            raise InvalidInputError("a calendar needs a business day in its week")
        self.country = country
        self._weekend = frozenset(weekend)
        self._closed = frozenset(closed)
        self._opened = frozenset(opened)
        self._holidays: Mapping[date, str] = _public_holidays(country) if country else {}

    def is_business_day(self, day: date) -> bool:
        """Whether ``day`` is one."""
        if day in self._opened:
            return True
        return not (day.weekday() in self._weekend or day in self._closed or day in self._holidays)

    def holiday(self, day: date) -> str | None:
        """The name of the public holiday on ``day``, in the country's own language."""
        return self._holidays.get(day)

    def nearest(self, day: date, roll: Roll) -> date | None:
        """``day`` itself, or the business day that it moves to; None: it is left out."""
        if self.is_business_day(day):
            return day
        if roll is Roll.SKIP:
            return None
        step = _DAY if roll is Roll.NEXT else -_DAY
        for _ in range(_LONGEST_CLOSURE):
            day += step
            if self.is_business_day(day):
                return day
        return None


class OnBusinessDays:
    """Another timetable's times, on business days only. Two that move to one instant are one.

    Args:
        times: The timetable whose times are taken.
        calendar: Which days are business days.
        zone: The zone that days are told in.
        roll: What becomes of the times of other days.
    """

    def __init__(
        self, times: Timetable, calendar: Calendar, zone: ZoneInfo, roll: Roll = Roll.SKIP
    ) -> None:
        self._times = times
        self._calendar = calendar
        self._zone = zone
        self._roll = roll

    def next_after(self, after_us: int) -> int | None:
        """The first instant later than ``after_us``."""
        # Times of the same target day keep their time of day, so each target day is looked at
        # whole: its own times and those that moved to it.
        day = self._day(after_us)
        best = self._first_on(day, after_us)
        if best is not None:
            return best
        first = day + _DAY
        if not self._calendar.is_business_day(day):
            # What falls on free days until now may move to one that is still to come.
            first = day
            for _ in range(_LONGEST_CLOSURE):
                if self._calendar.is_business_day(first - _DAY):
                    break
                first -= _DAY
        at_us = self._midnight_us(first) - 1
        for _ in range(_MOST_MOVED):
            found = self._times.next_after(at_us)
            if found is None:
                return None
            target = self._calendar.nearest(self._day(found), self._roll)
            if target is not None and target > day:
                return self._first_on(target, after_us)
            at_us = self._midnight_us(self._day(found) + _DAY) - 1
        return None

    def _first_on(self, target: date, after_us: int) -> int | None:
        """The first instant later than ``after_us`` of those that fall on ``target``."""
        if not self._calendar.is_business_day(target):
            return None
        moved: list[int] = []
        for day in self._sources(target):
            at_us, end_us = self._midnight_us(day) - 1, self._midnight_us(day + _DAY)
            if target == self._day(after_us):
                at_us = max(at_us, min(after_us, self._moved_us(after_us, day)) - _LONGEST_SHIFT_US)
            while (found := self._times.next_after(at_us)) is not None and found < end_us:
                on_us = found if day == target else self._moved_us(found, target)
                if on_us > after_us:
                    moved.append(on_us)
                    break  # the times of one day stay in their order
                at_us = found
        return min(moved, default=None)

    def _sources(self, target: date) -> list[date]:
        """The days whose times fall on ``target``: itself and free days that move to it."""
        days = [target]
        if self._roll is Roll.SKIP:
            return days
        step = -_DAY if self._roll is Roll.NEXT else _DAY
        day = target + step
        while not self._calendar.is_business_day(day) and len(days) < _LONGEST_CLOSURE:
            days.append(day)
            day += step
        return days

    def _moved_us(self, at_us: int, day: date) -> int:
        wall = from_us(at_us).astimezone(self._zone)
        return _us(datetime.combine(day, wall.timetz().replace(tzinfo=None), self._zone))

    def _day(self, at_us: int) -> date:
        return from_us(at_us).astimezone(self._zone).date()

    def _midnight_us(self, day: date) -> int:
        return _us(datetime.combine(day, time(), self._zone))


def _us(at: datetime) -> int:
    return round(at.astimezone(UTC).timestamp()) * 1_000_000


def _public_holidays(country: str) -> Mapping[date, str]:
    holidays = require("holidays", extra="calendars", why=f"a calendar of {country}")
    known = holidays.list_supported_countries()
    if country.upper() not in known:
        near = near_match(country.upper(), known)
        raise InvalidInputError(
            f"no public holidays are known of {country!r}",
            hint=f"did you mean {near!r}?" if near else "a code of ISO 3166, such as KR or DE",
        )
    own = holidays.country_holidays(country.upper()).default_language
    found: Mapping[date, str] = holidays.country_holidays(country.upper(), language=own)
    return found
