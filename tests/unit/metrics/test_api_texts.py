"""Times, durations and samples as Prometheus reads and writes them."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang.core.errors import InvalidInputError
from madang.metrics.api.points import numbers, point_lists, seconds_text
from madang.metrics.api.times import parse_duration_ms, parse_time_ms
from madang.metrics.number_text import number_text


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("0", 0),
        ("123.4", 123400),
        ("-1.5", -1500),
        ("1e3", 1_000_000),
        ("2015-06-03T13:21:58.555Z", 1433337718555),
        ("2015-06-03T14:21:58.555+01:00", 1433337718555),
        ("1969-12-31T23:59:59.5Z", -500),
    ],
)
def test_times(text, ms):
    assert parse_time_ms(text) == ms


@pytest.mark.parametrize(
    "text", ["", "foo", "30s", "NaN", "1e300", "2015-06-03", "2015-02-30T00:00:00Z", "1_0", " 1"]
)
def test_what_is_no_time(text):
    with pytest.raises(InvalidInputError, match="to a valid timestamp"):
        parse_time_ms(text)


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("123", 123_000),
        ("0.5", 500),
        ("123.333", 123_333),
        ("15s", 15_000),
        ("5m", 300_000),
        ("1h30m", 5_400_000),
        ("1y2w3d4h5m6s7ms", 33_019_506_007),
        ("90ms", 90),
    ],
)
def test_durations(text, ms):
    assert parse_duration_ms(text) == ms


@pytest.mark.parametrize("text", ["", "foo", "1d1y", "5 m", "1.5h", "NaN", "-inf", "9999999y", "m"])
def test_what_is_no_duration(text):
    with pytest.raises(InvalidInputError, match="to a valid duration"):
        parse_duration_ms(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "-0"),
        (1e21, "1000000000000000000000"),
        (1.5e-7, "0.00000015"),
        (123456789.25, "123456789.25"),
        (5e-324, "0." + "0" * 323 + "5"),
        (float("inf"), "+Inf"),
        (float("-inf"), "-Inf"),
        (float("nan"), "NaN"),
        (100000.0, "100000"),
    ],
)
def test_values_have_no_exponent(value, text):
    assert number_text(value) == text
    assert numbers(np.array([1.0, value])).to_pylist() == ["1", text]


@given(st.lists(st.floats(), max_size=30))
def test_values_come_back_as_they_were(values):
    texts = numbers(np.array(values, np.float64)).to_pylist()
    assert not any("e" in text for text in texts)
    back = np.array([float(text) for text in texts])
    np.testing.assert_array_equal(back, np.array(values, np.float64))


@given(st.integers(-(2**40), 2**40))
def test_seconds_are_exact(ms):
    assert round(float(seconds_text(ms)) * 1000) == ms


def test_points_stand_by_series():
    offsets = np.array([0, 2, 2, 3])
    lists = point_lists(
        offsets, np.array([1435781451781, 1435781466781, 60_000]), np.array([1.0, np.nan, 0.25])
    )
    assert lists == [b'[[1435781451.781,"1"],[1435781466.781,"NaN"]]', b"[]", b'[[60,"0.25"]]']
    assert json.loads(lists[0])[0] == [1435781451.781, "1"]
    assert point_lists(np.array([0]), np.array([], np.int64), np.array([])) == []
