from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang.collect.line_protocol import (
    STRING_FIELD,
    LineError,
    LineProtocolDecoder,
    Point,
    Unsigned,
    encode_point,
    parse_line,
    precision_ns,
)
from madang.collect.line_protocol.naming import series_of
from madang.core.errors import InvalidInputError, TooLargeError
from madang.core.samples import labels_of, series_id

ARRIVAL_MS = 1_700_000_000_123


def rows(pushed):
    """The samples in their order, as (labels, ms, value)."""
    samples = pushed.samples
    assert len(set(samples.labels)) == len(samples.labels)
    assert pushed.series_ids.tolist() == [series_id(labels) for labels in samples.labels]
    return [
        (samples.labels[place], ts_ms, value)
        for place, ts_ms, value in zip(
            samples.series.tolist(), samples.ts_ms.tolist(), samples.values.tolist(), strict=True
        )
    ]


def reference(body, unit_ns=1, arrived_at_ms=ARRIVAL_MS):
    """The same by the strict parser alone: samples, refused lines, strings."""
    found, refused, strings, at = [], [], 0, 0
    body = body if body.endswith(b"\n") else body + b"\n"
    while at < len(body):
        line = body.count(b"\n", 0, at) + 1
        try:
            point, at = parse_line(body, at, unit_ns)
        except LineError as error:
            refused.append(line)
            at = error.end
            continue
        if point is None:
            continue
        fields = dict(point.fields)
        numbers = {key: value for key, value in fields.items() if not isinstance(value, str)}
        try:
            series = series_of(point.measurement, point.tags, list(numbers))
        except ValueError:
            refused.append(line)
            continue
        strings += len(fields) - len(numbers)
        arrival_ns = arrived_at_ms * 1_000_000 // unit_ns * unit_ns
        time_ns = arrival_ns if point.time_ns is None else point.time_ns
        for labels, value in zip(series, numbers.values(), strict=True):
            found.append((labels, time_ns // 1_000_000, float(value)))
    return found, refused, strings


def decode(body, precision="", decoder=None):
    decoder = decoder or LineProtocolDecoder()
    return decoder.decode(body, unit_ns=precision_ns(precision), arrived_at_ms=ARRIVAL_MS)


def by_name(pushed):
    return {
        (name := labels_of(labels)).pop("__name__"): (name, ts_ms, value)
        for labels, ts_ms, value in rows(pushed)
    }


def test_names_tags_and_values():
    pushed = decode(
        b"cpu,host=a,cpu-no=1 usage_idle=99.5,n=3i,m=4u,up=t 1700000000000000000\n"
        b"temperature value=-1e2 1700000000001999999\n"
        b"1disk.io value=F\n"
    )
    tags = {"host": "a", "cpu_no": "1"}
    assert by_name(pushed) == {
        "cpu_usage_idle": (tags, 1_700_000_000_000, 99.5),
        "cpu_n": (tags, 1_700_000_000_000, 3.0),
        "cpu_m": (tags, 1_700_000_000_000, 4.0),
        "cpu_up": (tags, 1_700_000_000_000, 1.0),
        "temperature": ({}, 1_700_000_000_001, -100.0),
        "_1disk_io": ({}, ARRIVAL_MS, 0.0),
    }
    assert pushed.refused_count == 0


@pytest.mark.parametrize(
    ("precision", "written", "ts_ms"),
    [
        ("", b"1700000000000999999", 1_700_000_000_000),
        ("n", b"-1", -1),
        ("us", b"1700000000000999", 1_700_000_000_000),
        ("u", b"0", 0),
        ("ms", b"1700000000001", 1_700_000_000_001),
        ("s", b"1700000000", 1_700_000_000_000),
        ("m", b"28333333", 1_699_999_980_000),
        ("h", b"472222", 1_699_999_200_000),
    ],
)
def test_precisions(precision, written, ts_ms):
    assert rows(decode(b"m v=1 " + written, precision))[0][1] == ts_ms


def test_an_unknown_precision_is_told():
    with pytest.raises(InvalidInputError, match="'d' is not known"):
        precision_ns("d")


def test_arrival_is_cut_to_the_precision():
    assert rows(decode(b"m v=1", "s"))[0][1] == 1_700_000_000_000
    assert rows(decode(b'm v=1,s="x"', "m"))[0][1] == 1_699_999_980_000


def test_what_is_wrong_is_told_by_line_and_the_rest_is_taken():
    pushed = decode(
        b"# a comment\r\n"
        b"\r\n"
        b"good value=1\r\n"
        b"bad value=\n"
        b"bad,host value=1\n"
        b'text s="two\nlines",n=1i\n'
        b"good value=2 9223372036854775808\n"
        b"late value=1 1700000000000000000x\n"
        b"big value=1e999\n"
        b"big value=9223372036854775808i\n"
        b"neg value=-1u\n"
        b"\xff value=1\n"
        b"same a-b=1,a.b=2\n"
        b"same,a-b=1,a.b=2 v=2\n"
        b"same,__name__=x v=2\n"
        b",a=b value=3\n"
        b"good,a= value=3\n"
        b"good,a=b=c value=3\n"
        b"good,a=b,a=b value=3\n"
        b"good value=3,=4\n"
        b"good value=3"
    )
    assert [value for _, _, value in rows(pushed)] == [1.0, 1.0, 3.0]
    assert pushed.left_out == {STRING_FIELD: 1}
    assert {refused.position: refused.reason for refused in pushed.refused} == {
        4: "the field 'value' has no value",
        5: "expected '=' after the tag's name 'host', found a space",
        8: "the timestamp 9223372036854775808 is out of range",
        9: "'x' stands in or after the timestamp",
        10: "the field 'value' is out of range: 1e999",
        11: "the field 'value' is out of range: 9223372036854775808i",
        12: "the field 'value' is no integer: -1u",
        13: "a measurement is not UTF-8",
        14: "the fields 'a-b' and 'a.b' both become the metric same_a_b",
        15: "the tag 'a.b' becomes the label a_b, as does the tag 'a-b'",
        16: "the tag '__name__' becomes the label __name__, as does the metric's name",
        17: "expected a measurement, found ','",
        18: "expected a value of the tag 'a', found a space",
        19: "expected a space before the fields, found '='",
        20: "the tag 'a' is given twice",
        21: "expected a field's name, found '='",
    }
    assert pushed.refused_count == 16
    assert pushed.refused[7].text == "\\xff value=1"


def test_a_string_that_is_never_closed_reaches_to_the_end():
    pushed = decode(b'good v=1\nbad s="x\ngood v=2\n')
    assert [value for _, _, value in rows(pushed)] == [1.0]
    assert [refused.position for refused in pushed.refused] == [2]


@pytest.mark.parametrize("time", [b"9223372036854775808", b"1-", b"x", b"1 x"])
def test_a_wrong_timestamp_refuses_no_line_but_its_own(time):
    for ending in (b"\n", b"\r\n"):
        pushed = decode(b'm s="",v=1 ' + time + ending + b'm s="",v=2\nm v=3\n')
        assert [value for _, _, value in rows(pushed)] == [2.0, 3.0]
        assert [one.position for one in pushed.refused] == [1]


def test_lines_inside_of_a_string_are_no_samples():
    pushed = decode(b'm s="\ngood v=1\n",n=1\nm n=2\n')
    assert [(labels_of(labels)["__name__"], value) for labels, _, value in rows(pushed)] == [
        ("m_n", 1.0),
        ("m_n", 2.0),
    ]


def test_tags_in_another_order_are_the_same_series():
    pushed = decode(b"m,a=1,b=2 v=1 1\nm,b=2,a=1 v=2 2000000\n")
    assert len(pushed.samples.labels) == 1
    assert pushed.samples.values.tolist() == [1.0, 2.0]


def test_of_a_field_given_twice_the_last_counts():
    assert [value for _, _, value in rows(decode(b"m v=1,v=2"))] == [2.0]


def test_series_are_known_again_and_forgotten_when_they_are_too_many():
    decoder = LineProtocolDecoder(known_limit_bytes=2000)
    for round_ in range(20):
        body = b"".join(b"m,host=h%d v=%d,w=1i\n" % (i, round_) for i in range(round_ + 1))
        assert rows(decode(body, decoder=decoder)) == reference(body)[0]


def test_empty_bodies():
    for body in (b"", b"\n", b"   ", b"#", b"\r"):
        pushed = decode(body)
        assert (len(pushed.samples), pushed.refused_count) == (0, 0)


def test_a_body_of_many_parts():
    tail = b'm s="' + b"x\n" * 700_000 + b'",v=1\n'
    body = b"m v=1\n" * 200_000 + b'm s="a\nm v=3\n",v=2 1\n' + tail + b"m v=\nm v=5\n"
    pushed = decode(body)
    assert len(pushed.samples) == 200_003
    assert pushed.samples.values[-3:].tolist() == [2.0, 1.0, 5.0]
    assert [one.position for one in pushed.refused] == [900_005]


def test_a_line_larger_than_a_part():
    tags = ",".join(f"t{i}={'x' * 1000}" for i in range(2000))
    assert len(decode(f"m,{tags} v=1\nm v=2\n".encode()).samples) == 2


def test_a_body_of_something_else_is_not_read_to_its_end():
    pushed = decode(b"x\n" * 150_000 + b"m v=1\n")
    assert pushed.refused_count == 100_001
    assert len(pushed.samples) == 0


def test_limits():
    with pytest.raises(TooLargeError, match="7 bytes; 6 are the most"):
        LineProtocolDecoder(limit_bytes=6).decode(b"m v=1\n\n", unit_ns=1, arrived_at_ms=0)


def test_lines_that_cost_much_are_bounded(monkeypatch):
    many = b",".join(b"f%d=1" % i for i in range(10_001))
    pushed = decode(b'm s="",' + many + b"\nm v=1\n")
    assert pushed.refused[0].reason == "the line has more than 10000 fields"
    assert len(pushed.samples) == 1
    pushed = decode(b"m," + many.replace(b"f", b"\\,") + b" v=1\nm v=1\n")
    assert pushed.refused[0].reason == "the line has more than 10000 tags"
    monkeypatch.setattr("madang.collect.line_protocol.body._STRICT_LIMIT", 10)
    assert decode(b'm s=""\n' * 10 + b"m v=1\n\r\n#\n" * 20).left_out == {STRING_FIELD: 10}
    with pytest.raises(TooLargeError, match="more than 10 lines with strings"):
        decode(b'm s=""\n' * 11)


def test_many_refused_lines_keep_their_count_not_their_text():
    pushed = decode(b"x\n" * 5000)
    assert pushed.refused_count == 5000
    assert len(pushed.refused) == 1000


ODD_NUMBERS = """
t True f FALSE tru 1. .5 . - -. 1e 0x1 1_0 +1 inf -inf nan -nan 1e400 0x1i 007i i u "s" "
-9999999999999999999i 9999999999999999999u -1234567890123456789i
"""
numbers = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(1 << 64), 1 << 65).map(lambda n: f"{n}i"),
    st.integers(-1, 1 << 65).map(lambda n: f"{n}u"),
    st.sampled_from(ODD_NUMBERS.split()),
    st.sampled_from(["", "1 "]),
)
times = st.one_of(
    st.just(""),
    st.integers(-(1 << 64), 1 << 64).map(str),
    st.sampled_from(
        [" ", "1700000000000000000", "9223372036854775807", "-9223372036854775808", "x", "1-", "-"]
    ),
)
names = st.sampled_from(["m", "cpu", "a b", "a\\ b", "é", "a=b", "a\\,b", "#c", "", "v\\", "\x01"])
fields = st.lists(st.tuples(names, numbers).map("=".join), max_size=4).map(",".join)
tags = st.lists(st.tuples(names, names).map(lambda t: f",{t[0]}={t[1]}"), max_size=2).map("".join)
lines = st.tuples(names, tags, st.sampled_from([" ", "  ", ""]), fields, times).map(
    lambda t: f"{t[0]}{t[1]}{t[2]}{t[3]} {t[4]}" if t[4] else "".join(t)
)
ends = st.sampled_from(["\n", "\n", "\n", "\r\n", "\r", "\n\n"])
bodies = st.lists(st.tuples(lines, ends).map("".join), max_size=8).map(
    lambda parts: "".join(parts).encode()
)


@given(st.lists(bodies, min_size=1, max_size=3), st.sampled_from(["", "us", "s", "h"]))
def test_in_bulk_as_one_by_one(given_bodies, precision):
    decoder = LineProtocolDecoder()
    for body in given_bodies:
        pushed = decode(body, precision, decoder)
        found, refused, strings = reference(body, precision_ns(precision))
        assert rows(pushed) == found
        assert [one.position for one in pushed.refused] == refused
        assert pushed.left_out.get(STRING_FIELD, 0) == strings


@given(st.one_of(st.binary(), st.text(alphabet='m,= "\\\n\r#1it\x00é').map(str.encode)))
def test_any_bytes(body):
    pushed = decode(body)
    found, refused, _ = reference(body)
    assert rows(pushed) == found
    assert [one.position for one in pushed.refused] == refused


text = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1)
name = text.filter(lambda text: not text.endswith("\\"))
values = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.integers(0, (1 << 64) - 1).map(Unsigned),
    st.booleans(),
    st.text(st.characters(codec="utf-8")),
)
points = st.builds(
    Point,
    name.filter(lambda text: not text.startswith("#")),
    st.dictionaries(name, name, max_size=3).map(lambda tags: tuple(sorted(tags.items()))),
    st.dictionaries(name, values, min_size=1, max_size=3).map(lambda f: tuple(f.items())),
    st.one_of(st.none(), st.integers(-(1 << 63), (1 << 63) - 1)),
)


@given(points)
def test_points_round_trip(point):
    written = encode_point(point).encode()
    read, end = parse_line(written + b"\nnext v=1", 0)
    assert end == len(written) + 1
    assert read == point
    assert [type(value) for _, value in read.fields] == [type(value) for _, value in point.fields]


@pytest.mark.parametrize(
    "point",
    [
        Point("m", (), ()),
        Point("", (), (("v", 1.0),)),
        Point("#m", (), (("v", 1.0),)),
        Point("m", (("t", ""),), (("v", 1.0),)),
        Point("m", (("t\n", "x"),), (("v", 1.0),)),
        Point("m", (("t", "x\\"),), (("v", 1.0),)),
        Point("m", (), (("v", float("nan")),)),
        Point("m", (), (("v", 1 << 63),)),
        Point("m", (), (("v", Unsigned(-1)),)),
    ],
)
def test_what_line_protocol_cannot_say(point):
    with pytest.raises(InvalidInputError):
        encode_point(point)
