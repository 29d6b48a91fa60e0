"""Business days, beside a reference that moves every time of many days and sorts."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madang.core.errors import InvalidInputError
from madang.schedule.timetable import Calendar, CronTimetable, EveryTimetable, OnBusinessDays, Roll

SEOUL = ZoneInfo("Asia/Seoul")


def us(at):
    return round(at.timestamp()) * 1_000_000


def row(table, after, count):
    found, at = [], us(after)
    for _ in range(count):
        at = table.next_after(at)
        found.append(datetime.fromtimestamp(at / 1e6, SEOUL).strftime("%m-%d %H:%M"))
    return found


def test_korean_holidays_with_their_substitutes():
    korea = Calendar("KR")
    # Chuseok 2025 with the substitute day, Hangul day beside it; and the lunar new year of 2026.
    closed = [date(2025, 10, day) for day in (3, 6, 7, 8, 9)] + [date(2026, 2, 17)]
    assert not any(korea.is_business_day(day) for day in closed)
    assert korea.is_business_day(date(2025, 10, 10))
    assert korea.holiday(date(2025, 10, 6)) == "추석"
    assert korea.holiday(date(2025, 10, 10)) is None


def test_own_days_stand_above_the_country():
    day, worked = date(2026, 11, 23), date(2026, 11, 28)
    own = Calendar("KR", closed=[day], opened=[worked])
    assert not own.is_business_day(day)
    assert own.is_business_day(worked)  # a Saturday


def test_times_of_free_days_are_left_out_or_moved():
    daily = CronTimetable("0 9 * * *", SEOUL)
    start = datetime(2025, 10, 2, 12, tzinfo=SEOUL)
    korea = Calendar("KR")
    assert row(OnBusinessDays(daily, korea, SEOUL), start, 2) == ["10-10 09:00", "10-13 09:00"]
    monthly = CronTimetable("0 9 4 * *", SEOUL)
    assert row(OnBusinessDays(monthly, korea, SEOUL, Roll.NEXT), start, 2) == [
        "10-10 09:00",
        "11-04 09:00",
    ]
    before = datetime(2025, 10, 1, 12, tzinfo=SEOUL)
    assert row(OnBusinessDays(monthly, korea, SEOUL, Roll.PREVIOUS), before, 2) == [
        "10-02 09:00",
        "11-04 09:00",
    ]


@given(
    cron=st.sampled_from(
        ["0 9 * * *", "30 6,18 * * *", "0 0 1,15 * *", "15 2 * * 6", "0 */7 * * *"]
    ),
    zone=st.sampled_from(["Asia/Seoul", "Europe/Berlin", "America/New_York"]),
    roll=st.sampled_from(list(Roll)),
    closed=st.sets(st.dates(date(2025, 3, 1), date(2025, 4, 20)), max_size=25),
    opened=st.sets(st.dates(date(2025, 3, 1), date(2025, 4, 20)), max_size=5),
    after_h=st.integers(0, 24 * 40),
)
@settings(max_examples=80, deadline=None)
def test_row_is_what_moving_everything_gives(cron, zone, roll, closed, opened, after_h):
    zone = ZoneInfo(zone)
    plain = CronTimetable(cron, zone)
    calendar = Calendar(closed=closed, opened=opened)
    table = OnBusinessDays(plain, calendar, zone, roll)
    start = datetime(2025, 3, 5, tzinfo=UTC) + timedelta(hours=after_h)
    expected, at, end = (
        set(),
        us(datetime(2025, 1, 1, tzinfo=UTC)),
        us(datetime(2025, 7, 1, tzinfo=UTC)),
    )
    while (at := plain.next_after(at)) < end:
        local = datetime.fromtimestamp(at / 1e6, zone)
        day = calendar.nearest(local.date(), roll)
        if day == local.date():
            expected.add(at)
        elif day is not None:
            expected.add(us(datetime.combine(day, local.time(), zone)))
    wanted = sorted(each for each in expected if each > us(start))[:12]
    found, at = [], us(start)
    for _ in wanted:
        at = table.next_after(at)
        found.append(at)
    assert found == wanted


def test_minutes_of_a_business_day_are_found_quickly():
    table = OnBusinessDays(EveryTimetable(60), Calendar(), SEOUL)
    at = us(datetime(2026, 11, 20, 23, 58, tzinfo=SEOUL))
    assert table.next_after(at) == at + 60_000_000
    assert table.next_after(at + 60_000_000) == us(datetime(2026, 11, 23, tzinfo=SEOUL))


def test_always_closed_is_no_row_for_ever():
    closed = [date(2026, 1, 1) + timedelta(days=each) for each in range(3_000)]
    table = OnBusinessDays(CronTimetable("0 0 1 1 *", SEOUL), Calendar(closed=closed), SEOUL)
    assert table.next_after(us(datetime(2026, 6, 1, tzinfo=UTC))) == us(
        datetime(2035, 1, 1, tzinfo=SEOUL)
    )


@pytest.mark.parametrize(("country", "says"), [("KOREA", "KOREA"), ("", None), ("XX", "'XX'")])
def test_unknown_country_is_said(country, says):
    if says is None:
        assert Calendar(country).country == ""
        return
    with pytest.raises(InvalidInputError) as caught:
        Calendar(country)
    assert says in caught.value.message


def test_a_week_without_business_days_is_refused():
    with pytest.raises(InvalidInputError):
        Calendar(weekend=range(7))
