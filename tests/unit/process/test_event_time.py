"""``_time``: fields, formats, zones, and what cannot be a time."""

from datetime import UTC, datetime

import pytest

from madang.core.errors import InvalidInputError
from madang.process import StreamDecoder
from madang.project import StreamSpec
from unit.process.conftest import counted

ARRIVAL = "2026-01-01T00:00:00+00:00"


def times(decoded):
    return [value.isoformat() for value in decoded.rows.column("_time").to_pylist()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"2025-11-21T07:31:59Z"', "2025-11-21T07:31:59+00:00"),
        ('"2025-11-21T07:31:59.123456789Z"', "2025-11-21T07:31:59.123456+00:00"),
        ('"2025-11-21 07:31:59,5"', "2025-11-20T22:31:59.500000+00:00"),
        ('"2025-11-21T07:31:59"', "2025-11-20T22:31:59+00:00"),
        ('"2025-11-21T07:31:59-0330"', "2025-11-21T11:01:59+00:00"),
        ('"2025-11-21T07:31+09"', "2025-11-20T22:31:00+00:00"),
        ('"2025-11-21"', "2025-11-20T15:00:00+00:00"),
        ('"20251121T073159Z"', "2025-11-21T07:31:59+00:00"),
        ('"21/Nov/2025:07:31:59 +0900"', "2025-11-20T22:31:59+00:00"),
        ('"Fri, 21 Nov 2025 07:31:59 +0000"', "2025-11-21T07:31:59+00:00"),
        ('"Sun Dec 04 04:47:44 2005"', "2005-12-03T19:47:44+00:00"),
        ('"2025/11/21 07:31:59"', "2025-11-20T22:31:59+00:00"),
        ("1763710319", "2025-11-21T07:31:59+00:00"),
        ("1763710319.25", "2025-11-21T07:31:59.250000+00:00"),
        ("1763710319123", "2025-11-21T07:31:59.123000+00:00"),
        ("1763710319123456", "2025-11-21T07:31:59.123456+00:00"),
        ("1763710319123456000", "2025-11-21T07:31:59.123456+00:00"),
        ('"1763710319"', "2025-11-21T07:31:59+00:00"),
        ('"1763710319123"', "2025-11-21T07:31:59.123000+00:00"),
        ('"2025-11-21T07:31:59+23:59"', "2025-11-20T07:32:59+00:00"),
        # A leap second is the next second.
        ('"2016-12-31T23:59:60Z"', "2017-01-01T00:00:00+00:00"),
        ('"2017-01-01T08:59:60.25+09:00"', "2017-01-01T00:00:00.250000+00:00"),
        ('"2017-01-01 08:59:60"', "2017-01-01T00:00:00+00:00"),
        ('"31/Dec/2016:23:59:60 +0000"', "2017-01-01T00:00:00+00:00"),
        ('"Sat, 31 Dec 2016 23:59:60 +0000"', "2017-01-01T00:00:00+00:00"),
    ],
)
def test_auto_reads_what_systems_write(decode, text, expected):
    decoded = decode([f'{{"at":{text}}}'], time={"field": "at"}, zone="Asia/Seoul")
    assert times(decoded) == [expected]
    assert decoded.misfits == {}


NO_TIMES = [
    ('"0000-01-01T00:00:00Z"', "out_of_range"),
    ('"0000-01-01"', "out_of_range"),
    ('"0000-00-00 00:00:00"', "unreadable"),
    ('"9999-12-31T23:59:59Z"', "out_of_range"),
    ('"9999-12-31 23:59:59"', "out_of_range"),
    ('"99999-01-01"', "unreadable"),
    ('"1969-12-31T23:59:59Z"', "out_of_range"),
    ('"2200-01-01T00:00:00Z"', "out_of_range"),
    ('"2025-02-30T00:00:00Z"', "unreadable"),
    ('"yesterday"', "unreadable"),
    ('"2025-11-21T07:31:59+25:00"', "unreadable"),
    ('"2025-11-21T07:31:59+24:00"', "unreadable"),
    ('"2025-11-21T07:31:59-0960"', "unreadable"),
    ('"21/Nov/2025:07:31:59 +2500"', "unreadable"),
    ('"21/Nov/2025:07:31:59 -0960"', "unreadable"),
    ('"2016-12-31T23:59:61Z"', "unreadable"),
    ('"2016-12-31T23:60:60Z"', "unreadable"),
    ('""', "unreadable"),
    ("1e300", "out_of_range"),
    ("-5", "out_of_range"),
    ("123456789012345678901234567890", "out_of_range"),
    ("true", "unreadable"),
    ("[1]", "unreadable"),
    ('{"x":1}', "unreadable"),
    ("null", "missing"),
]


@pytest.mark.parametrize(("text", "reason"), NO_TIMES)
def test_where_there_is_no_time_the_arrival_stands_in_and_counts(decode, text, reason):
    decoded = decode([f'{{"at":{text},"a":1}}', '{"at":"2025-01-01","a":1}'], time={"field": "at"})
    assert times(decoded) == [ARRIVAL, "2025-01-01T00:00:00+00:00"]
    (name, found), *others = decoded.time_fallbacks.items()
    assert (name, found.count, others) == (reason, 1, [])
    assert (found.example is None) == (reason == "missing")
    if reason != "missing":
        first = decoded.rows.to_pylist()[0]
        assert str(first["at"] if first["at"] is not None else first["_rest"]) is not None


@pytest.mark.parametrize(("text", "reason"), NO_TIMES)
def test_strictly_a_record_without_a_time_is_a_dead_letter(decode, text, reason):
    decoded = decode(
        [f'{{"at":{text},"a":1}}', '{"at":"2025-01-01","a":1}', '{"a":2}'],
        time={"field": "at", "on_error": "dead_letter"},
    )
    assert times(decoded) == ["2025-01-01T00:00:00+00:00"]
    assert decoded.rows.column("_offset").to_pylist() == [1]
    assert decoded.dead.column("offset").to_pylist() == [0, 2]
    assert decoded.dead.column("code").to_pylist() == [f"time_{reason}", "time_missing"]
    assert all("at" in why for why in decoded.dead.column("reason").to_pylist())
    assert decoded.time_fallbacks == {}


def test_the_reasons_name_the_field_and_the_value(decode):
    decoded = decode(
        ['{"at":"9999-12-31"}', '{"at":"soon"}', '{"b":1}'],
        time={"field": "at", "on_error": "dead_letter"},
    )
    assert decoded.dead.column("reason").to_pylist() == [
        "at: '9999-12-31' lies outside the years 1970 to 2199",
        "at: 'soon' cannot be read as a time",
        "there is no at",
    ]


def test_examples_are_short_and_the_latest_counts(decode):
    values = [f'{{"at":"{"x" * 500}"}}', '{"at":"9999-01-01"}', '{"at":"0000-01-01"}']
    found = decode(values, time={"field": "at"}).time_fallbacks
    assert found["unreadable"].example == "x" * 100
    assert (found["out_of_range"].count, found["out_of_range"].example) == (2, "9999-01-01")


def test_a_log_line_without_a_time_counts(decode):
    lines = ["<34>1 - host app - - - no clock yet", "<34>1 2025-01-01T00:00:00Z h a - - - hello"]
    decoded = decode(lines, format="syslog")
    assert times(decoded) == [ARRIVAL, "2025-01-01T00:00:00+00:00"]
    assert {name: one.count for name, one in decoded.time_fallbacks.items()} == {"missing": 1}


def test_the_field_stays_a_column_and_may_be_nested_or_dotted(decode):
    decoded = decode(['{"m":{"at":"2025-01-01T00:00:00Z"}}'], time={"field": "m.at"})
    assert times(decoded) == ["2025-01-01T00:00:00+00:00"]
    assert decoded.rows.column("m").to_pylist() == [{"at": "2025-01-01T00:00:00Z"}]
    decoded = decode(['{"m.at":"2025-01-01T00:00:00Z"}'], time={"field": "m.at"})
    assert times(decoded) == ["2025-01-01T00:00:00+00:00"]


def test_a_time_that_fits_no_column_is_still_read(decode):
    schema = decode(['{"at":1763710319}'], time={"field": "at"}).rows.schema
    decoded = decode(['{"at":"2025-01-01T00:00:00Z"}'], schema, time={"field": "at"})
    assert times(decoded) == ["2025-01-01T00:00:00+00:00"]
    assert counted(decoded) == {"at": 1}


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("%d.%m.%Y %H:%M", '"21.11.2025 07:31"', "2025-11-20T22:31:00+00:00"),
        ("%d/%b/%Y:%H:%M:%S %z", '"21/Nov/2025:07:31:59 +0000"', "2025-11-21T07:31:59+00:00"),
        ("epoch_ms", "1763710319123", "2025-11-21T07:31:59.123000+00:00"),
        ("epoch_s", '"1763710319"', "2025-11-21T07:31:59+00:00"),
        ("iso8601", '"2025-11-21T07:31:59"', "2025-11-20T22:31:59+00:00"),
        ("%b %d %H:%M", '"Dec 31 23:00"', "2025-12-31T14:00:00+00:00"),
        ("%b %d %H:%M", '"Jan 01 10:00"', "2026-01-01T01:00:00+00:00"),
        ("%b %d %H:%M", '"Jan 03 10:00"', "2025-01-03T01:00:00+00:00"),
        ("%b %d %H:%M", '"Feb 29 09:00"', "2024-02-29T00:00:00+00:00"),
    ],
)
def test_patterns(decode, pattern, text, expected):
    decoded = decode(
        [f'{{"at":{text}}}'], time={"field": "at", "format": pattern}, zone="Asia/Seoul"
    )
    assert times(decoded) == [expected]


def test_hours_that_are_skipped_or_repeated(decode):
    decoded = decode(
        [
            '{"at":"2025-03-09T01:59:59"}',
            '{"at":"2025-03-09T02:30:00"}',
            '{"at":"2025-03-09T03:00:00"}',
            '{"at":"2025-11-02T01:30:00"}',
            '{"at":"2025-11-02T02:00:00"}',
        ],
        time={"field": "at", "zone": "America/New_York"},
        zone="Asia/Seoul",
    )
    assert times(decoded) == [
        "2025-03-09T06:59:59+00:00",
        "2025-03-09T07:30:00+00:00",
        "2025-03-09T07:00:00+00:00",
        "2025-11-02T05:30:00+00:00",
        "2025-11-02T07:00:00+00:00",
    ]


def test_many_formats_in_one_batch(decode):
    wanted = datetime(2025, 11, 21, 7, 31, 59, tzinfo=UTC)
    decoded = decode(
        [
            '{"at":"2025-11-21T07:31:59Z"}',
            '{"at":"1763710319"}',
            '{"at":"21/Nov/2025:16:31:59 +0900"}',
            '{"at":"nonsense"}',
        ],
        time={"field": "at"},
    )
    found = decoded.rows.column("_time").to_pylist()
    assert found[:3] == [wanted] * 3
    assert decoded.misfits == {}
    assert {name: one.count for name, one in decoded.time_fallbacks.items()} == {"unreadable": 1}


def test_a_pattern_or_zone_that_cannot_be_read_is_told_at_once():
    spec = StreamSpec(name="s", time={"field": "at", "format": "%Q"})
    with pytest.raises(InvalidInputError, match="cannot be read"):
        StreamDecoder(spec, zone="UTC", project_dir=".")
    with pytest.raises(InvalidInputError, match="no time zone"):
        StreamDecoder(StreamSpec(name="s"), zone="Mars/X", project_dir=".")


def test_leap_seconds_and_absurd_offsets_among_others_cost_only_themselves(decode):
    decoded = decode(
        [
            '{"at":"2016-12-31T23:59:59Z"}',
            '{"at":"2016-12-31T23:59:60Z"}',
            '{"at":"2016-12-31T23:59:59+25:00"}',
            '{"at":"2017-01-01T00:00:01Z"}',
            "{}",
        ],
        time={"field": "at"},
    )
    assert times(decoded) == [
        "2016-12-31T23:59:59+00:00",
        "2017-01-01T00:00:00+00:00",
        ARRIVAL,
        "2017-01-01T00:00:01+00:00",
        ARRIVAL,
    ]
    assert {code: one.count for code, one in decoded.time_fallbacks.items()} == {
        "unreadable": 1,
        "missing": 1,
    }


def test_a_pattern_in_which_sixty_is_no_second_keeps_it(decode):
    decoded = decode(['{"at":"01:02:60"}'], time={"field": "at", "format": "%d:%m:%y"})
    assert times(decoded) == ["2060-02-01T00:00:00+00:00"]
    decoded = decode(
        ['{"at":"31.12.2016 23:59:60"}'], time={"field": "at", "format": "%d.%m.%Y %H:%M:%S"}
    )
    assert times(decoded) == ["2017-01-01T00:00:00+00:00"]
