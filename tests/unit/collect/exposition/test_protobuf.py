"""Protobuf pages, written by Google's library from a description of our own."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang.collect.exposition import (
    NO_TIMESTAMP,
    Created,
    Exemplar,
    Exposition,
    Family,
    MetricType,
    PageCache,
    PageLimits,
    parse_page,
)
from madang.collect.wire_messages import build_messages
from madang.core.errors import InvalidInputError, TooLargeError
from madang.core.samples import STALE_NAN, canonical_labels, is_stale, labels_of

DESCRIBED = {
    "Time": ["int64 seconds = 1", "int32 nanos = 2"],
    "Pair": ["bytes name = 1", "bytes value = 2"],
    "Exemplar": ["repeated Pair label = 1", "double value = 2", "Time timestamp = 3"],
    "Simple": ["double value = 1", "Exemplar exemplar = 2", "Time created = 3"],
    "Quantile": ["double quantile = 1", "double value = 2"],
    "Summary": ["uint64 count = 1", "double sum = 2", "repeated Quantile quantile = 3"],
    "Bucket": ["uint64 count = 1", "double bound = 2", "Exemplar exemplar = 3", "double real = 4"],
    "Histogram": ["uint64 count = 1", "double sum = 2", "repeated Bucket bucket = 3",
                  "double real = 4", "sint32 schema = 5", "double zero_threshold = 6",
                  "uint64 zero_count = 7", "Time created = 15", "repeated Exemplar exemplars = 16"],
    "Metric": ["repeated Pair label = 1", "Simple gauge = 2", "Simple counter = 3",
               "Summary summary = 4", "Simple untyped = 5", "int64 timestamp_ms = 6",
               "Histogram histogram = 7"],
    "MetricFamily": ["bytes name = 1", "bytes help = 2", "int32 type = 3",
                     "repeated Metric metric = 4", "bytes unit = 5"],
}  # fmt: skip
MetricFamily = build_messages("tests.exposition", DESCRIBED)["MetricFamily"]
COUNTER, GAUGE, SUMMARY, UNTYPED, HISTOGRAM = range(5)


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def delimited(*families):
    texts = [family.SerializeToString() for family in families]
    return b"".join(varint(len(text)) + text for text in texts)


def pairs(**labels):
    return [{"name": name.encode(), "value": value.encode()} for name, value in labels.items()]


def family(name, kind, *metrics, help="", unit=""):  # noqa: A002
    return MetricFamily(
        name=name.encode(), type=kind, metric=metrics, help=help.encode(), unit=unit.encode()
    )


def read(body, cache=None):
    return parse_page(body, Exposition.PROTOBUF, cache)


def samples(page):
    """(name, labels without it) → value."""
    said = {}
    for series, value in zip(page.series, page.values, strict=True):
        labels = labels_of(page.labels[series])
        said[labels.pop("__name__"), tuple(labels.items())] = value
    return said


def test_all_types():
    trace = {"label": pairs(t="u"), "value": 0.5, "timestamp": {"seconds": 1, "nanos": 5_000_000}}
    body = delimited(
        family("c", COUNTER, {"label": pairs(b="1", A="2"), "counter": {
            "value": 7, "exemplar": trace, "created": {"seconds": 3}}}, help="Counts.", unit="x"),
        family("g", GAUGE, {"gauge": {"value": -1.5}, "timestamp_ms": 9}, {"label": pairs(z="0")}),
        family("u", UNTYPED, {"untyped": {"value": math.inf}}),
        family("s", SUMMARY, {"summary": {
            "count": 3, "sum": 4.5, "quantile": [{"quantile": 0.5, "value": 2}, {"quantile": 1}]}}),
        family("h", HISTOGRAM, {"histogram": {"count": 300, "sum": 2.5, "bucket": [
            {"count": 1, "bound": 1, "exemplar": trace}, {"count": 2**63, "bound": 2.5}]}}),
        family("i", HISTOGRAM, {"histogram": {"bucket": [{"real": 0.5, "bound": math.inf}],
                                              "real": 0.75}}),
    )  # fmt: skip
    cache = PageCache()
    for _ in range(2):
        page = read(body, cache)
        assert samples(page) == {
            ("c", (("A", "2"), ("b", "1"))): 7,
            ("g", ()): -1.5,
            ("g", (("z", "0"),)): 0,
            ("u", ()): math.inf,
            ("s_count", ()): 3,
            ("s_sum", ()): 4.5,
            ("s", (("quantile", "0.5"),)): 2,
            ("s", (("quantile", "1.0"),)): 0,
            ("h_count", ()): 300,
            ("h_sum", ()): 2.5,
            ("h_bucket", (("le", "1.0"),)): 1,
            ("h_bucket", (("le", "2.5"),)): 2**63,
            ("h_bucket", (("le", "+Inf"),)): 300,
            ("i_count", ()): 0.75,
            ("i_sum", ()): 0,
            ("i_bucket", (("le", "+Inf"),)): 0.5,
        }
        assert page.ts_ms.tolist()[:3] == [NO_TIMESTAMP, 9, NO_TIMESTAMP]
        assert list(page.created) == [Created(0, 3000)]
        exemplar = Exemplar(0, canonical_labels({"t": "u"}), 0.5, 1005)
        assert [(e.place, e.labels) for e in page.exemplars] == [(0, b"t\xffu"), (10, b"t\xffu")]
        assert page.exemplars[0] == exemplar
        assert page.metadata[0] == Family("c", MetricType.COUNTER, "Counts.", "x")


def test_a_native_histogram_is_kept_as_it_came():
    histogram = {"count": 5, "sum": 2.5, "schema": 3, "zero_threshold": 1e-9,
                 "exemplars": [{"value": 1, "timestamp": {"seconds": 1}}]}  # fmt: skip
    whole = family("n", HISTOGRAM, {"label": pairs(a="b"), "histogram": histogram})
    cache = PageCache()
    for total in (2.5, 3.5):
        whole.metric[0].histogram.sum = total
        page = read(delimited(whole), cache)
        assert samples(page)["n", (("a", "b"),)] == total
        assert samples(page)["n_bucket", (("a", "b"), ("le", "+Inf"))] == 5
        (native,) = page.histograms
        assert page.values[native.place] == total
        assert native.message == whole.metric[0].histogram.SerializeToString()
        assert page.exemplars[0].place == native.place


def test_a_page_that_differs_in_numbers_is_read_in_bulk():
    counters = [{"label": pairs(i=str(i)), "counter": {"value": i}} for i in range(9)]
    whole = [
        family("c", COUNTER, *counters),
        family("h", HISTOGRAM, {"histogram": {"count": 5, "sum": 1, "bucket": [{"count": 2}]}}),
    ]  # fmt: skip
    cache = PageCache()
    first = read(delimited(*whole), cache)
    whole[0].metric[3].counter.value = 55.5
    whole[1].metric[0].histogram.count = 100
    second = read(delimited(*whole), cache)
    assert second.same_series
    assert second.series is first.series
    assert samples(second)["h_count", ()] == 100
    assert samples(second)["c", (("i", "3"),)] == 55.5
    assert samples(first)["h_count", ()] == 5
    whole[1].metric[0].histogram.count = 1000  # a byte more
    third = read(delimited(*whole), cache)
    assert not third.same_series
    assert third.series.tolist() == first.series.tolist()
    assert samples(third)["h_count", ()] == 1000


def test_nan_never_marks_staleness():
    page = read(delimited(family("g", GAUGE, {"gauge": {"value": STALE_NAN}})))
    assert np.isnan(page.values).all()
    assert not is_stale(page.values).any()


def test_of_a_series_given_twice_the_first_counts():
    body = delimited(family("g", GAUGE, {"gauge": {"value": 1}}, {"gauge": {"value": 2}}))
    cache = PageCache()
    for _ in range(2):
        page = read(body, cache)
        assert page.values.tolist() == [1]
        assert page.duplicates == 1


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"\x05abc", "a family of 5 bytes, but 3 are left"),
        (b"\xff" * 12, "does not end"),
        (b"\x02\x0b\x0c", "unknown wire type 3"),
        (b"\x02\x0a\x09", "beyond its message"),
        (delimited(MetricFamily(type=1)), "without a name"),
        (delimited(MetricFamily(name=b"a", type=9)), "unknown type 9"),
        (delimited(MetricFamily(name=b"a\xff")), "not valid UTF-8"),
        (delimited(family("a", 1, {"label": [{"value": b"x"}]})), "label without a name"),
        (delimited(family("a", 1, {"label": [{"name": b"x", "value": b"\xff"}]})), "UTF-8"),
        (delimited(family("a", 1, {"label": pairs(__name__="b")})), "given twice"),
    ],
)
def test_refuses_the_whole_page(body, message):
    with pytest.raises(InvalidInputError, match=message):
        read(delimited(family("ok", GAUGE, {})) + body)


def test_limits():
    with pytest.raises(TooLargeError, match="11 bytes, 10 are allowed"):
        parse_page(b"\0" * 11, Exposition.PROTOBUF, limits=PageLimits(body_bytes=10))
    with pytest.raises(TooLargeError, match="more than 3 families"):
        body = delimited(family("g", GAUGE)) * 4
        parse_page(body, Exposition.PROTOBUF, limits=PageLimits(lines=3))


NUMBERS = st.sampled_from([0, 1, 127, 128, 300, 2**40, 2**64 - 1])
REALS = st.sampled_from([0.0, 1.0, -2.5, math.inf, 1e300])
LABELS = st.dictionaries(st.sampled_from(["a", "B", "c.d"]), st.text(max_size=3), max_size=2)
METRICS = st.fixed_dictionaries(
    {"label": LABELS.map(lambda labels: pairs(**labels))},
    optional={
        "gauge": st.fixed_dictionaries({"value": REALS}),
        "counter": st.fixed_dictionaries({"value": REALS}),
        "histogram": st.fixed_dictionaries(
            {"count": NUMBERS, "sum": REALS},
            optional={
                "zero_count": NUMBERS,
                "real": REALS,
                "bucket": st.lists(
                    st.fixed_dictionaries({"count": NUMBERS, "bound": REALS}), max_size=2
                ),
            },
        ),
        "timestamp_ms": st.sampled_from([0, 5, -7]),
    },
)
FAMILIES = st.builds(
    lambda name, kind, metrics: family(name, kind, *metrics),
    st.sampled_from("xyz"),
    st.integers(0, 4),
    st.lists(METRICS, max_size=3),
)


def outcome(body, cache):
    try:
        page = read(body, cache)
    except InvalidInputError as error:
        return str(error)
    times = None if page.ts_ms is None else page.ts_ms.tolist()
    labels = [page.labels[series] for series in page.series]
    return labels, page.values.tobytes(), times, page.metadata, list(page.histograms)


@given(st.lists(FAMILIES, min_size=1, max_size=3), st.lists(NUMBERS, min_size=1, max_size=4))
def test_pages_in_a_row_are_pages_alone(families, numbers):
    cache = PageCache()
    for number in numbers:
        for one in families:
            for metric in one.metric:
                if metric.HasField("histogram"):
                    metric.histogram.count = number
                if metric.HasField("gauge"):
                    metric.gauge.value = number / 2
        body = delimited(*families)
        assert outcome(body, cache) == outcome(body, None)


@given(st.lists(FAMILIES, max_size=2), st.binary(max_size=9), st.data())
def test_any_bytes_are_read_or_refused(families, noise, data):
    body = delimited(*families)
    at = data.draw(st.integers(0, len(body)))
    broken = body[:at] + noise + body[at + len(noise) :]
    cache = PageCache()
    outcome(body, cache)
    assert outcome(broken, cache) == outcome(broken, None)
