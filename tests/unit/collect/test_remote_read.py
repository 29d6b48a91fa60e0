"""Requests of remote read, and responses, with what is wrong with them."""

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang.collect.remote_read import ReadQuery, read_request, write_response
from madang.collect.remote_read.messages import MESSAGES
from madang.collect.remote_write.snappy import pack, unpack
from madang.core.errors import InvalidInputError, MadangError, TooLargeError
from madang.metrics.storage import SeriesSet


def request_body(matchers, types=()):
    request = MESSAGES["ReadRequest"](accepted_response_types=types)
    query = request.queries.add(start_timestamp_ms=-5, end_timestamp_ms=10)
    for kind, name, value in matchers:
        query.matchers.add(type=kind, name=name, value=value)
    return pack(request.SerializeToString())


def test_a_request_has_queries_with_matchers():
    body = request_body([(0, b"__name__", b"up"), (3, "이름".encode(), b"a|b"), (1, b"x", b"")])
    assert read_request(body).queries == [
        ReadQuery(-5, 10, [("__name__", "=", "up"), ("이름", "!~", "a|b"), ("x", "!=", "")])
    ]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", InvalidInputError),
        (b"\xff\xff\xff\xff\x7f", TooLargeError),
        (pack(b"\xff\xff"), InvalidInputError),
        (request_body([(9, b"a", b"b")]), InvalidInputError),
        (request_body([(0, b"\xff", b"b")]), InvalidInputError),
        (request_body([], types=[1]), InvalidInputError),
        (request_body([(0, b"a", b"b")] * 1001), TooLargeError),
    ],
)
def test_what_is_no_request_is_refused(body, error):
    with pytest.raises(error):
        read_request(body)


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_a_request_or_refused(body, packed):
    with contextlib.suppress(MadangError):
        read_request(pack(body) if packed else body)


LABELS = st.dictionaries(st.text("abc", min_size=1), st.text(min_size=1, max_size=5), max_size=3)
SAMPLES = st.lists(st.tuples(st.integers(-(2**62), 2**62), st.floats()), max_size=5)
USUAL = st.lists(st.tuples(st.integers(2**40, 2**41), st.floats()), max_size=5)


@given(st.lists(st.tuples(LABELS, SAMPLES)) | st.lists(st.tuples(LABELS, USUAL)), LABELS)
def test_a_response_has_each_series_with_its_samples(series, added):
    points = [point for _, own in series for point in own]
    columns = SeriesSet(
        [tuple(sorted(labels.items())) for labels, _ in series],
        np.cumsum([0, *(len(own) for _, own in series)]),
        np.array([at for at, _ in points], np.int64),
        np.array([value for _, value in points], np.float64),
    )
    body = unpack(write_response([columns, SeriesSet.empty()], added), 1 << 20)
    first, second = MESSAGES["ReadResponse"].FromString(body).results
    assert not second.timeseries
    expected = sorted(
        (sorted({**added, **labels}.items()), repr(own)) for labels, own in series if own
    )
    found = [
        (
            [(one.name, one.value) for one in two.labels],
            repr([(one.timestamp, one.value) for one in two.samples]),
        )
        for two in first.timeseries
    ]
    assert [labels for labels, _ in found] == [labels for labels, _ in expected]
    assert sorted(found) == expected
