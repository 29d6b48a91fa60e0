"""Data intervals: what a scheduled run is about, and which of them are due."""

from __future__ import annotations

from dataclasses import dataclass

from madang.schedule.timetable.timetable import Timetable, last_until


@dataclass(frozen=True, slots=True, order=True)
class DataInterval:
    """From ``start_us``, inclusive, to ``end_us``, exclusive; its run is due at the end."""

    start_us: int
    end_us: int


@dataclass(frozen=True, slots=True)
class Due:
    """``intervals`` whose runs are due, oldest first.

    ``skipped`` is what was left out before them; ``next_us`` when the next run is due.
    """

    intervals: tuple[DataInterval, ...]
    skipped: DataInterval | None
    next_us: int | None


def due_intervals(
    timetable: Timetable,
    *,
    reached_us: int,
    now_us: int,
    end_us: int | None = None,
    catch_up: int | None = 1,
) -> Due:
    """The runs that are due now.

    Intervals tile: each begins where the one before ended, also where the timetable was changed in
    between; only what ``skipped`` names is missing.

    Args:
        timetable: The times at which runs are due.
        reached_us: The end of the newest interval that was scheduled already, or where the data
            begins if none was.
        now_us: What has come until here is due.
        end_us: No interval ends later; None: for ever.
        catch_up: How many of the missed intervals are made up for, the newest of them; None: all.
    """
    until_us = now_us if end_us is None else min(now_us, end_us)
    begin_us, skipped = reached_us, None
    if catch_up is not None:
        begin_us = _begin(timetable, reached_us, until_us, catch_up)
        if begin_us > reached_us:
            skipped = DataInterval(reached_us, begin_us)
    intervals: list[DataInterval] = []
    at_us = begin_us
    while (found := timetable.next_after(at_us)) is not None and found <= until_us:
        intervals.append(DataInterval(at_us, found))
        at_us = found
    is_over = found is not None and end_us is not None and found > end_us
    return Due(tuple(intervals), skipped, None if is_over else found)


def _begin(timetable: Timetable, reached_us: int, until_us: int, catch_up: int) -> int:
    """Where the oldest of the newest ``catch_up`` intervals after ``reached_us`` begins."""
    at_us = until_us + 1
    for _ in range(catch_up + 1):
        before = last_until(timetable, at_us - 1)
        if before is None or before <= reached_us:
            return reached_us
        at_us = before
    return at_us
