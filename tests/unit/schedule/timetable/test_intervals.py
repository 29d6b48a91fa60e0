"""Which runs are due: the intervals tile, none comes twice, and the limit holds."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madang.core.errors import InvalidInputError
from madang.schedule.timetable import CronTimetable, DataInterval, EveryTimetable, due_intervals

HOUR = 3_600_000_000
TABLES = [
    EveryTimetable(3_600),
    EveryTimetable(900, anchor_us=420_000_000),
    CronTimetable("30 2 * * *", ZoneInfo("Europe/Berlin")),
    CronTimetable("*/20 * * * *", ZoneInfo("Australia/Lord_Howe")),
]
BEGIN = round(datetime(2025, 10, 24, tzinfo=UTC).timestamp()) * 1_000_000


def test_one_run_is_made_up_for_unless_told():
    due = due_intervals(EveryTimetable(3_600), reached_us=BEGIN, now_us=BEGIN + 5 * HOUR)
    assert due.intervals == (DataInterval(BEGIN + 4 * HOUR, BEGIN + 5 * HOUR),)
    assert due.skipped == DataInterval(BEGIN, BEGIN + 4 * HOUR)
    assert due.next_us == BEGIN + 6 * HOUR


def test_a_changed_timetable_leaves_no_gap():
    daily = EveryTimetable(86_400)
    due = due_intervals(daily, reached_us=BEGIN + 7 * HOUR, now_us=BEGIN + 24 * HOUR)
    assert due.intervals == (DataInterval(BEGIN + 7 * HOUR, BEGIN + 24 * HOUR),)


def test_nothing_ends_after_the_end():
    due = due_intervals(
        EveryTimetable(3_600),
        reached_us=BEGIN,
        now_us=BEGIN + 9 * HOUR,
        end_us=BEGIN + 2 * HOUR,
        catch_up=None,
    )
    assert [each.end_us for each in due.intervals] == [BEGIN + HOUR, BEGIN + 2 * HOUR]
    assert due.next_us is None


@given(
    table=st.sampled_from(TABLES),
    looks=st.lists(st.integers(0, 30 * HOUR), min_size=1, max_size=8),
    catch_up=st.one_of(st.none(), st.integers(0, 5)),
)
@settings(max_examples=80, deadline=None)
def test_any_row_of_looks_schedules_each_time_once(table, looks, catch_up):
    reached, now, covered = BEGIN, BEGIN, []
    for step in looks:
        now += step
        due = due_intervals(table, reached_us=reached, now_us=now, catch_up=catch_up)
        if catch_up is not None:
            assert len(due.intervals) <= catch_up
        covered += ([due.skipped] if due.skipped else []) + list(due.intervals)
        reached = covered[-1].end_us if covered else BEGIN
        assert due.next_us > now
    # What was run and what was left out tile everything from the beginning, in order.
    assert [each.start_us for each in covered] == [BEGIN, *(each.end_us for each in covered)][:-1]
    times, at = [], BEGIN
    while (at := table.next_after(at)) <= now:
        times.append(at)
    if catch_up is None:
        assert [each.end_us for each in covered] == times
    else:
        assert {each.end_us for each in covered} <= set(times)
        assert not times or covered[-1].end_us == times[-1]


@pytest.mark.parametrize("every_s", [0, -5, 0.2, float("nan"), 1e12])
def test_no_interval_of_nothing(every_s):
    with pytest.raises(InvalidInputError):
        EveryTimetable(every_s)
