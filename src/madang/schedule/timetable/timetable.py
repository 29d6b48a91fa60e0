"""The port of timetables, and looking backwards in any of them."""

from __future__ import annotations

from typing import Final, Protocol

_FIRST_LOOK_US: Final = 60 * 1_000_000
_LONGEST_LOOK_US: Final = 60 * 366 * 86_400 * 1_000_000


class Timetable(Protocol):
    """A strictly growing row of instants."""

    def next_after(self, after_us: int) -> int | None:
        """The first instant later than ``after_us``; None: there is none within fifty years.

        The answer depends on nothing but ``after_us``: it may be asked again, in any order.
        """
        ...


def last_until(timetable: Timetable, until_us: int) -> int | None:
    """The last instant that is not later than ``until_us``; None: none within sixty years.

    Only ``next_after`` tells what the instants are, so that both directions always agree.
    """
    look_us = _FIRST_LOOK_US
    while look_us <= _LONGEST_LOOK_US:
        found = timetable.next_after(until_us - look_us)
        if found is not None and found <= until_us:
            break
        look_us *= 4
    else:
        return None
    while True:
        later = timetable.next_after(found)
        if later is None or later > until_us:
            return found
        found = later
