"""Cron over daylight saving, beside a reference that looks at every minute."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from madang.core.errors import InvalidInputError
from madang.schedule.timetable import CronTimetable, last_until

MINUTE = timedelta(minutes=1)
ZONES = (
    "UTC",
    "Asia/Seoul",
    "Europe/Berlin",
    "America/New_York",
    "America/Havana",  # at midnight
    "Australia/Lord_Howe",  # half an hour
    "Africa/Cairo",
    "America/Sao_Paulo",
    "Pacific/Apia",  # left out a whole day in 2011
    "Asia/Kathmandu",
)


def us(at: datetime) -> int:
    return round(at.timestamp()) * 1_000_000


def times(expression: str, zone: str, after: datetime, count: int) -> list[str]:
    table, at = CronTimetable(expression, ZoneInfo(zone)), us(after)
    found = []
    for _ in range(count):
        at = table.next_after(at)
        found.append(datetime.fromtimestamp(at / 1e6, ZoneInfo(zone)).isoformat(timespec="minutes"))
    return found


def fits(fields: list[set[int]], days_and: bool, wall: datetime) -> bool:
    minutes, hours, days, months, weekdays = fields
    dom, dow = wall.day in days, wall.isoweekday() % 7 in weekdays
    day = (dom and dow) if days_and else (dom or dow)
    return wall.minute in minutes and wall.hour in hours and wall.month in months and day


def reference(
    fields: list[set[int]],
    *,
    fixed: bool,
    days_and: bool,
    zone: ZoneInfo,
    start: datetime,
    end: datetime,
) -> list[int]:
    """Every instant, found by looking at every minute of the world and of the wall clock."""
    found: set[int] = set()
    at, shown = start, set()
    before = (start - MINUTE).astimezone(zone).replace(tzinfo=None)
    while at < end:
        wall = at.astimezone(zone).replace(tzinfo=None, fold=0)
        left_out = before + MINUTE
        if wall - before > MINUTE and fixed:
            while left_out < wall:
                if fits(fields, days_and, left_out):
                    found.add(us(at))
                left_out += MINUTE
        if fits(fields, days_and, wall) and not (fixed and wall in shown):
            found.add(us(at))
        shown.add(wall)
        before = wall
        at += MINUTE
    return sorted(found)


FIELD = {
    "minute": (0, 59),
    "hour": (0, 23),
    "day": (1, 31),
    "month": (1, 12),
    "weekday": (0, 6),
}


@st.composite
def field(draw: st.DrawFn, low: int, high: int) -> tuple[str, set[int]]:
    kind = draw(st.sampled_from(["star", "star", "step", "list", "range"]))
    everything = range(low, high + 1)
    if kind == "star":
        return "*", set(everything)
    if kind == "step":
        step = draw(st.integers(1, max(2, (high - low) // 2)))
        return f"*/{step}", set(everything[::step])
    if kind == "list":
        some = draw(st.lists(st.integers(low, high), min_size=1, max_size=3))
        return ",".join(map(str, some)), set(some)
    first = draw(st.integers(low, high))
    last = draw(st.integers(first, high))
    return f"{first}-{last}", set(range(first, last + 1))


CHANGES = [
    datetime(2025, 3, 30, tzinfo=UTC),
    datetime(2025, 10, 26, tzinfo=UTC),
    datetime(2025, 3, 9, 6, tzinfo=UTC),
    datetime(2025, 11, 2, 5, tzinfo=UTC),
    datetime(2025, 4, 5, 14, tzinfo=UTC),
    datetime(2025, 10, 4, 15, tzinfo=UTC),
    datetime(2025, 4, 24, 21, tzinfo=UTC),
    datetime(2025, 10, 30, 20, tzinfo=UTC),
    datetime(2018, 11, 4, 2, tzinfo=UTC),
    datetime(2018, 2, 18, 1, tzinfo=UTC),
    datetime(2011, 12, 30, 9, tzinfo=UTC),
]


@given(
    fields=st.tuples(*(field(*bounds) for bounds in FIELD.values())),
    zone=st.sampled_from(ZONES),
    change=st.sampled_from(CHANGES),
    shift=st.integers(-40, 20),
)
@settings(max_examples=60, deadline=None)
def test_each_minute_is_looked_at(fields, zone, change, shift):
    expression = " ".join(text for text, _ in fields)
    try:
        table = CronTimetable(expression, ZoneInfo(zone))
    except InvalidInputError:
        assume(False)  # such as 31 February
    start = change + timedelta(hours=shift)
    end = start + timedelta(hours=60)
    texts = [text for text, _ in fields]
    expected = reference(
        [values for _, values in fields],
        fixed=not (texts[0].startswith("*") or texts[1].startswith("*")),
        days_and=texts[2].startswith("*") or texts[4].startswith("*"),
        zone=ZoneInfo(zone),
        # Earlier, so that what the clock showed before is known.
        start=start - timedelta(hours=30),
        end=end,
    )
    expected = [at for at in expected if at > us(start)]
    found, at = [], us(start)
    while (at := table.next_after(at)) is not None and at < us(end):
        found.append(at)
    assert found == expected
    for instant in expected[:5]:
        assert last_until(table, instant) == instant
        assert last_until(table, instant + 59_999_999) == instant


def test_gap_is_made_up_for_once():
    start = datetime(2025, 3, 29, 12, tzinfo=UTC)
    assert times("30 2 * * *", "Europe/Berlin", start, 2) == [
        "2025-03-30T03:00+02:00",
        "2025-03-31T02:30+02:00",
    ]


def test_repeated_hour_runs_once_where_the_hour_is_fixed():
    start = datetime(2025, 10, 25, 12, tzinfo=UTC)
    assert times("30 2 * * *", "Europe/Berlin", start, 2) == [
        "2025-10-26T02:30+02:00",
        "2025-10-27T02:30+01:00",
    ]
    # Also for somebody who asks between the two.
    between = datetime(2025, 10, 26, 0, 45, tzinfo=UTC)
    assert times("30 2 * * *", "Europe/Berlin", between, 1) == ["2025-10-27T02:30+01:00"]


def test_quarters_go_by_real_time():
    start = datetime(2025, 10, 26, 0, 29, tzinfo=UTC)
    assert times("*/15 * * * *", "Europe/Berlin", start, 4) == [
        "2025-10-26T02:30+02:00",
        "2025-10-26T02:45+02:00",
        "2025-10-26T02:00+01:00",
        "2025-10-26T02:15+01:00",
    ]


def test_last_days_and_names():
    start = datetime(2026, 1, 30, 23, tzinfo=UTC)
    assert times("0 9 L * *", "UTC", start, 2) == [
        "2026-01-31T09:00+00:00",
        "2026-02-28T09:00+00:00",
    ]
    assert times("0 9 * jan mon#1", "UTC", start, 1) == ["2027-01-04T09:00+00:00"]
    assert times("@monthly", "Asia/Seoul", start, 1) == ["2026-02-01T00:00+09:00"]


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("", "has 0 fields"),
        ("* * * *", "has 4 fields"),
        ("0 0 12 * * ?", "has 6 fields"),
        ("61 * * * *", "minute is '61'"),
        ("* 24 * * *", "hour is '24'"),
        ("* * 0 * *", "day-of-month is '0'"),
        ("* * * FOO *", "month is 'FOO'"),
        ("* * * * 8", "day-of-week is '8'"),
        ("*/0 * * * *", "minute is '*/0'"),
        ("5-1 * * * *", "minute is '5-1'"),
        ("٣ * * * *", "minute is '٣'"),
        ("0 0 31 2 *", "31"),
        ("@dayly", "@dayly"),
        ("@reboot", "@reboot"),
        ("0 0 * * ,", "day-of-week is ','"),
    ],
)
def test_what_cannot_be_read_is_said(expression, says):
    with pytest.raises(InvalidInputError) as caught:
        CronTimetable(expression, ZoneInfo("UTC"))
    assert says in caught.value.message
    assert caught.value.hint


def test_rare_day_is_found_and_no_day_is_said():
    leap = CronTimetable("0 0 29 2 *", ZoneInfo("UTC"))
    assert leap.next_after(us(datetime(2025, 1, 1, tzinfo=UTC))) == us(
        datetime(2028, 2, 29, tzinfo=UTC)
    )


@given(
    expression=st.sampled_from(
        ["*/15 * * * *", "30 2 * * *", "0 0 1 * *", "0 */5 * * *", "59 23 31 12 *"]
    ),
    zone=st.sampled_from(ZONES),
    at=st.integers(0, 4 * 10**15),
)
@example("30 2 * * *", "Europe/Berlin", us(datetime(2025, 10, 26, 0, 30, tzinfo=UTC)))
@settings(max_examples=100, deadline=None)
def test_row_grows_and_both_directions_agree(expression, zone, at):
    table = CronTimetable(expression, ZoneInfo(zone))
    row = list(islice(steps(table, at), 4))
    assert row == sorted(set(row)) and row[0] > at
    assert table.next_after(row[0] - 1) == row[0]
    assert last_until(table, row[1] - 1) == row[0]


def steps(table, at):
    while True:
        at = table.next_after(at)
        yield at
