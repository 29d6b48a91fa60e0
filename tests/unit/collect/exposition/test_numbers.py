"""Numbers in bulk are numbers one by one; what is written reads as the same number."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang.collect.exposition.numbers import (
    NotANumberError,
    format_float,
    label_float,
    milliseconds,
    parse_float,
    parse_floats,
    whole_milliseconds,
)

SOME = st.one_of(
    st.floats().map(repr),
    st.text("0123456789.eE+-_xnaifpt()", max_size=12),
    st.sampled_from(["NaN", "+Inf", "-INF", "infinity", "1e999", "-nan", "nan(7)", ""]),
).map(str.encode)


@given(st.lists(SOME, max_size=8))
def test_in_bulk_as_one_by_one(texts):
    expected, bad = [], None
    for place, text in enumerate(texts):
        try:
            expected.append(parse_float(text))
        except ValueError:
            bad = place
            break
    array = pa.array(texts, pa.binary()).cast(pa.string())
    if bad is None:
        np.testing.assert_array_equal(parse_floats(array), expected)
    else:
        with pytest.raises(NotANumberError) as caught:
            parse_floats(array)
        assert caught.value.place == bad


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False, max_value=1e300, min_value=-1e300))
)
def test_milliseconds_in_bulk(seconds):
    expected = [milliseconds(one) for one in seconds]
    assert whole_milliseconds(np.array(seconds, np.float64)).tolist() == expected


@given(st.floats())
def test_written_and_read(value):
    for always_point in (False, True):
        text = format_float(value, always_point=always_point)
        again = parse_float(text.encode())
        assert again == value or (math.isnan(again) and math.isnan(value))
        assert math.copysign(1, again) == math.copysign(1, value) or math.isnan(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1, "1"), (1e5, "100000"), (1e6, "1e+06"), (123456789, "1.23456789e+08"),
     (1e-4, "0.0001"), (1e-5, "1e-05"), (1e100, "1e+100"), (-2.5, "-2.5"), (5e-324, "5e-324"),
     (math.inf, "+Inf"), (-math.inf, "-Inf"), (math.nan, "NaN"), (-0.0, "-0")],
)  # fmt: skip
def test_written_as_go_writes(value, text):
    assert format_float(value) == text


def test_bounds_of_buckets():
    texts = [b"1", b"+Inf", b"1e-05", b"1e6", b"0.50", b"-0", b"NaN", b"ten", b"0x1", b"0x1p3"]
    expected = [
        b"1.0",
        b"+Inf",
        b"1e-05",
        b"1e+06",
        b"0.5",
        b"-0.0",
        b"NaN",
        b"ten",
        b"0x1",
        b"8.0",
    ]
    assert [label_float(text) for text in texts] == expected


def test_seconds_become_whole_milliseconds():
    assert [milliseconds(s) for s in (1.9999, -1.9999, 0, 1e300)] == [1999, -1999, 0, 2**63 - 1]
