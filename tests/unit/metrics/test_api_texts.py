"""Times, durations and samples as Prometheus reads and writes them."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang.core.errors import InvalidInputError
from madang.metrics.api.points import number_texts, point_texts, seconds_text, time_texts
from madang.metrics.api.times import parse_duration_ms, parse_time_ms
from madang.metrics.number_text import number_text, sample_text


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
    ("value", "text", "in_samples"),
    [
        (0.0, "0", "0"),
        (-0.0, "-0", "-0"),
        (1e21, "1000000000000000000000", "1e+21"),
        (1.5e-7, "0.00000015", "1.5e-07"),
        (-2e-6, "-0.000002", "-0.000002"),
        (123456789.25, "123456789.25", "123456789.25"),
        (5e-324, "0." + "0" * 323 + "5", "5e-324"),
        (-1.25e300, "-125" + "0" * 298, "-1.25e+300"),
        (float("inf"), "+Inf", "+Inf"),
        (float("-inf"), "-Inf", "-Inf"),
        (float("nan"), "NaN", "NaN"),
        (100000.0, "100000", "100000"),
        (1.5e20, "150000000000000000000", "150000000000000000000"),
    ],
)
def test_values_of_samples_have_an_exponent_only_far_out(value, text, in_samples):
    assert number_text(value) == text
    assert number_texts(np.array([1.0, value, 0.5])) == [b"1", in_samples.encode(), b"0.5"]


BITS = st.integers(0, 2**64 - 1).map(
    lambda bits: float(np.array([bits], np.uint64).view(np.float64)[0])
)
VALUES = st.one_of(
    st.floats(),
    BITS,
    st.floats(-1e-4, 1e-4),
    st.floats(1e14, 1e23),
    st.integers(-(2**60), 2**60).map(float),
    st.integers(-30, 30).map(lambda power: 10.0**power),
)


@given(st.lists(VALUES, max_size=50))
def test_values_by_batch_are_those_one_by_one(values):
    found = number_texts(np.array(values, np.float64))
    assert found == [sample_text(value).encode() for value in values]
    np.testing.assert_array_equal([float(text) for text in found], values)


@given(st.lists(st.integers(-(2**60), 2**60) | st.integers(-5000, 5000), max_size=20))
def test_times_by_batch_are_those_one_by_one(times):
    found = time_texts(np.array(times, np.int64))
    assert found == [seconds_text(ms).encode() for ms in times]


TIMES = {
    "any": lambda place, at: at,
    "before 1970": lambda place, at: at - 2**41,
    "one grid": lambda place, at: place * 500,
    "whole seconds": lambda place, at: (1_435_781_451 + at % 1_000_000) * 1000,
    "one fraction": lambda place, at: (1_435_781_451 + at % 1_000_000) * 1000 + 780,
    "one digit more": lambda place, at: (99_998 + at % 5) * 1000,
}


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 2**42), VALUES), max_size=6), max_size=8),
    st.sampled_from(sorted(TIMES)),
)
def test_points_are_written_as_one_would_by_hand(series, kind):
    series = [
        [(TIMES[kind](place, at), value) for place, (at, value) in enumerate(one)] for one in series
    ]
    points = [point for one in series for point in one]
    offsets = np.cumsum([0, *map(len, series)])
    times = np.array([at for at, _ in points], np.int64)
    values = np.array([value for _, value in points], np.float64)
    by_hand = [
        ",".join(f'[{seconds_text(at)},"{sample_text(value)}"]' for at, value in one)
        for one in series
    ]
    assert point_texts(offsets, times, values) == [text.encode() for text in by_hand]


@pytest.mark.parametrize("step_ms", [1, 1000])
def test_many_points_stand_by_their_series(step_ms):
    counts = np.array([0, 20_000, 1, 0, 16_384, 5, 0])
    offsets = np.concatenate([[0], np.cumsum(counts)])
    numbers = np.arange(offsets[-1]) + 100_000
    texts = point_texts(offsets, numbers * step_ms, numbers.astype(float))
    lists = [json.loads(b"[%b]" % text) for text in texts]
    assert [len(points) for points in lists] == counts.tolist()
    assert lists[2] == [[120_000 * step_ms / 1000, "120000"]]


@given(st.integers(-(2**40), 2**40))
def test_seconds_are_exact(ms):
    assert round(float(seconds_text(ms)) * 1000) == ms


def test_points_stand_by_series():
    offsets = np.array([0, 2, 2, 3])
    lists = point_texts(
        offsets, np.array([1435781451781, 1435781466781, 60_000]), np.array([1.0, np.nan, 0.25])
    )
    assert lists == [b'[1435781451.781,"1"],[1435781466.781,"NaN"]', b"", b'[60,"0.25"]']
    assert point_texts(np.array([0]), np.array([], np.int64), np.array([])) == []
