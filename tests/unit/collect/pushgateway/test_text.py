"""The parser of pushed text, line by line."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang.collect.pushgateway.messages import COUNTER, HISTOGRAM, SUMMARY, UNTYPED
from madang.collect.pushgateway.text import parse_text
from madang.core.errors import InvalidInputError


def values(body: bytes, **settings) -> dict:
    """Simple families: (name, labels) → value."""
    return {
        (name, tuple((one.name, one.value) for one in metric.label)): (
            metric.untyped.value or metric.gauge.value or metric.counter.value
        )
        for name, family in parse_text(body, **settings).items()
        for metric in family.metric
    }


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"", {}),
        (b"\n \n\t", {}),
        (b"a 3.14\n", {(b"a", ()): 3.14}),
        (b" a\t 1\n", {(b"a", ()): 1}),
        (b"a-1\n", {(b"a", ()): -1}),
        (b"a{}1\n", {(b"a", ()): 1}),
        (b'a{b="c",} +1e3\n', {(b"a", ((b"b", b"c"),)): 1000}),
        (b'a { b = "c" , d="" } .5\n', {(b"a", ((b"b", b"c"), (b"d", b""))): 0.5}),
        (b'a{b="\\\\\\"\\n"} 5.\n', {(b"a", ((b"b", b'\\"\n'),)): 5}),
        (b'a{b="}{,="} -InFiNiTy\n', {(b"a", ((b"b", b"}{,="),)): -math.inf}),
        (b":a 1\n#\n#x\n# y z\n#HELP a b\n#TYPE b\n# HELP\n# TYPE \n", {(b":a", ()): 1}),
        (b'{"a",b="c"} 1\n', {(b"a", ((b"b", b"c"),)): 1}),
        (b'{"a"} 1\n', {(b"a", ()): 1}),
    ],
)
def test_what_is_read(body, found):
    assert values(body) == found


def test_names_of_any_signs_are_read_if_wanted():
    body = '# HELP "a.b" x\n{"a.b","c d"="é","\\"e"="f"} 1\n'.encode()
    family = parse_text(body, utf8_names=True)[b"a.b"]
    assert family.help == b"x"
    labels = [(one.name, one.value) for one in family.metric[0].label]
    assert labels == [(b"c d", "é".encode()), (b'"e', b"f")]
    with pytest.raises(InvalidInputError, match=r'invalid name "a\.b"'):
        parse_text(body)


@pytest.mark.parametrize(
    ("body", "line", "said"),
    [
        (b"a 1", 1, "unexpected end of input stream"),
        (b"a 1\n# HELP a b", 2, "unexpected end of input stream"),
        (b"a 1\r\n", 1, 'expected float as value, got "1\\r"'),
        (b"a\n", 1, "expected float as value"),
        (b"a 1 \n", 1, 'expected integer as timestamp, got ""'),
        (b"a 1 x\n", 1, "expected integer as timestamp"),
        (b"a 1 2 3\n", 1, "spurious string after timestamp"),
        (b"a 1 2 \n", 1, "spurious string after timestamp"),
        (b"\n\n9a 1\n", 3, "invalid metric name"),
        (b"a 1_0\n", 1, "expected float"),
        (b"a 0x1\n", 1, "expected float"),
        (b"a 1e400\n", 1, "expected float"),
        (b"a +nan\n", 1, "expected float"),
        (b"a \xd9\xa1\n", 1, "expected float"),
        (b'a{b="c} 1\n', 1, "contains unescaped new-line"),
        (b'a{b="c\nd"} 1\n', 1, "contains unescaped new-line"),
        (b'a{b="\\x"} 1\n', 1, "invalid escape sequence"),
        (b'a{b="\xff"} 1\n', 1, "invalid label value"),
        (b'a{b="c" d="e"} 1\n', 1, "unexpected end of label value"),
        (b'a{b="c",,} 1\n', 1, "invalid label name for metric"),
        (b"a{b} 1\n", 1, "expected '=' after label name"),
        (b"a{b=c} 1\n", 1, "at start of label value"),
        (b'a{b="c",b="d"} 1\n', 1, "duplicate label names for metric"),
        (b'a{__name__="d"} 1\n', 1, "reserved"),
        (b'a{b="c"', 1, "unexpected end of input stream"),
        (b"{} 1\n", 1, "invalid metric name"),
        (b'{"a","b"} 1\n', 1, "multiple metric names"),
        (b'{b="c"} 1\n', 1, "invalid metric name"),
        (b"# HELP a b\n# HELP a c\n", 2, "second HELP line"),
        (b"# HELP a b\\t\n", 1, "invalid escape sequence"),
        (b"# TYPE a gauge\n# TYPE a gauge\n", 2, "second TYPE line"),
        (b"a 1\n# TYPE a gauge\n", 2, "TYPE reported after samples"),
        (b"# TYPE a gadget\n", 1, "unknown metric type"),
        (b"# TYPE a gauge \n", 1, "unknown metric type"),
        (b"# TYPE a-b gauge\n", 1, "invalid metric name in comment"),
        (b'# TYPE s summary\ns{quantile="x"} 1\n', 2, "'quantile' label"),
        (b"# TYPE s summary\ns_count -1\n", 2, "a summary's count cannot be -1"),
        (b"# TYPE h histogram\nh_count -1\n", 2, "negative count for histogram"),
        (b'# TYPE h histogram\nh_bucket{le="1"} -1\n', 2, "negative bucket population"),
    ],
)
def test_what_is_refused(body, line, said):
    with pytest.raises(InvalidInputError) as caught:
        parse_text(body)
    assert caught.value.message.startswith(f"text format parsing error in line {line}: ")
    assert said in caught.value.message
    assert caught.value.where.line == line


def test_lines_become_summaries_and_histograms():
    families = parse_text(
        b"# TYPE s summary\n"
        b's{quantile="0.5",a="x"} 1\ns_sum{a="x"} 2\ns_count{a="x"} 3\ns_count 4\ns_bucket 5\n'
        b"# TYPE h HISTOGRAM\n# HELP h what\\nit\\\\is\n"
        b'h_bucket{le="1",a="x"} 1\nh_bucket{a="x",le="+Inf"} 2\nh_sum{a="x"} 3\n'
        b'h_count{a="x"} 2.5\nh 7\n'
    )
    assert {name: family.type for name, family in families.items()} == {
        b"s": SUMMARY, b"s_bucket": UNTYPED, b"h": HISTOGRAM,
    }  # fmt: skip
    first, second = families[b"s"].metric
    assert (first.summary.sample_sum, first.summary.sample_count) == (2, 3)
    assert [(one.quantile, one.value) for one in first.summary.quantile] == [(0.5, 1)]
    assert second.summary.sample_count == 4
    assert families[b"h"].help == b"what\nit\\is"
    histogram, bare = families[b"h"].metric
    assert [one.upper_bound for one in histogram.histogram.bucket] == [1, math.inf]
    # One count is a fraction: all are.
    assert [one.cumulative_count_float for one in histogram.histogram.bucket] == [1, 2]
    assert (histogram.histogram.sample_count_float, histogram.histogram.sample_count) == (2.5, 0)
    assert not bare.histogram.bucket


def test_times_are_read_so_that_they_can_be_refused():
    metric = parse_text(b"# TYPE a counter\na 1 0\n")[b"a"].metric[0]
    assert metric.HasField("timestamp_ms")
    assert metric.HasField("counter")


def test_families_without_samples_are_left_out():
    assert parse_text(b"# TYPE a gauge\n# HELP b c\nc 1\n").keys() == {b"c"}
    assert parse_text(b"# TYPE a counter\na 1\n")[b"a"].type == COUNTER


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(body):
    try:
        parse_text(body + b"\n")
    except InvalidInputError as error:
        assert error.where.line >= 1


_ALPHABET = st.sampled_from([*b'ab{}=,"\\# \n19.e+-', *b"_:\t"])


@given(st.lists(_ALPHABET, max_size=40).map(bytes))
def test_lines_of_likely_signs_are_read_or_refused(body):
    try:
        parse_text(b'a{b="' + body + b"\n")
        parse_text(body + b"\n", utf8_names=True)
    except InvalidInputError:
        pass


_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


@given(st.dictionaries(st.sampled_from(["b", "c", "d_1"]), _TEXTS), st.floats(allow_nan=False))
def test_what_is_written_is_read(labels, value):
    def escaped(text: str) -> str:
        return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

    pairs = ",".join(f'{name}="{escaped(text)}"' for name, text in labels.items())
    family = parse_text(f"a{{{pairs}}} {value!r}\n".encode())[b"a"]
    metric = family.metric[0]
    assert {one.name.decode(): one.value.decode() for one in metric.label} == labels
    assert metric.untyped.value == value
