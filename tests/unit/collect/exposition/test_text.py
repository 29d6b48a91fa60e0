"""Text 0.0.4: what is accepted, as what; what is refused, where and why."""

from __future__ import annotations

import math

import numpy as np
import pytest

from madang.collect.exposition import (
    NO_TIMESTAMP,
    Family,
    MetricType,
    PageCache,
    PageLimits,
    parse_page,
)
from madang.core.errors import InvalidInputError, TooLargeError
from madang.core.samples import canonical_labels, is_stale, labels_of


def read(text, cache=None):
    """Samples as (labels, value) in order; the name among the labels."""
    body = text if isinstance(text, bytes) else text.encode()
    page = parse_page(body, cache=cache)
    pairs = zip(page.series.tolist(), page.values.tolist(), strict=True)
    return [(labels_of(page.labels[series]), value) for series, value in pairs]


@pytest.mark.parametrize(
    ("line", "labels", "value"),
    [
        ("a 1", {}, 1),
        ("a\t \t1 \t", {}, 1),
        ("  a 1", {}, 1),
        ("a-1", {}, -1),
        ("a{} 1", {}, 1),
        ("a {} 1", {}, 1),
        ('a{b="c"}1', {"b": "c"}, 1),
        ('a{b="c",} 1', {"b": "c"}, 1),
        ('a{ b = "c" , d= "e" } 1', {"b": "c", "d": "e"}, 1),
        ('a{b="c" d="e"} 1', {"b": "c", "d": "e"}, 1),
        ('a{Z="1",b="2",_c="3"} 1', {"Z": "1", "b": "2", "_c": "3"}, 1),
        ('a{b=""} 1', {}, 1),
        ('a{b="",c="d"} 1', {"c": "d"}, 1),
        ('a{b="} 7"} 1', {"b": "} 7"}, 1),
        ('a{b="x # {y=\\"1\\"} 2"} 1', {"b": 'x # {y="1"} 2'}, 1),
        (r'a{b="\\\n\"\x"} 1', {"b": '\\\n"\\x'}, 1),
        ('a{b="raw\nnewline"} 1', {"b": "raw\nnewline"}, 1),
        ('a{b="x\ny",c="\n\n"} 1', {"b": "x\ny", "c": "\n\n"}, 1),
        ('a{b="nul\0"} 1', {"b": "nul\0"}, 1),
        ('a{b="한글 é"} 1', {"b": "한글 é"}, 1),
        ('a{"b.c"="d"} 1', {"b.c": "d"}, 1),
        ('{"a"} 1', {}, 1),
        ('{"a", "b.c"="d",} 1', {"b.c": "d"}, 1),
        ('{b="c","a"} 1', {"b": "c"}, 1),
        ("a 1e5", {}, 1e5),
        ("a +1.5E-3", {}, 1.5e-3),
        ("a .5", {}, 0.5),
        ("a 5.", {}, 5),
        ("a 1e-999", {}, 0),
        ("a +Inf", {}, math.inf),
        ("a -inFinity", {}, -math.inf),
        ("a 12345678901234567890123", {}, 1.2345678901234568e22),
        ("a 0.1", {}, 0.1),
    ],
)
def test_accepts(line, labels, value):
    expected = [({"__name__": "a", **labels}, value)]
    assert read(line) == expected
    assert read(f"z 0\n{line}\ny 2")[1:-1] == expected
    cache = PageCache()
    assert [read(f"{line}\n", cache) for _ in range(3)] == [expected] * 3


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ("a", 2, "expected a value"),
        ("a{b='c'} 1", 5, "double quotes"),
        ("a{b=", 5, "the end of the"),
        ("a{b} 1", 4, "expected '='"),
        ("a{,} 1", 3, "expected a label name"),
        ('a{b="c",,} 1', 9, "expected a label name"),
        ('a{="c"} 1', 3, "expected a label name"),
        ('a{b="c"', 8, "expected a label name"),
        ('a{b="c}', 5, "double quotes"),
        ('a{"b"} 1', 3, "given twice"),
        ('{"a","b"} 1', 6, "given twice"),
        ('{""} 1', 2, "empty"),
        ('a{""="b"} 1', 3, "empty"),
        ('{b="c"} 1', 1, "no name"),
        ('a{b="1",b="2"} 1', 1, "'b' is given twice"),
        ('a{b="",b="2"} 1', 1, "'b' is given twice"),
        ('a{__name__="b"} 1', 1, "'__name__' is given twice"),
        ("a{} {} 1", 5, "expected a value"),
        ("a.b 1", 2, "'.b' is not a number"),
        ("0a 1", 1, "expected a metric name"),
        ("é 1", 1, "expected a metric name"),
        ("a true", 3, "'true' is not a number"),
        ("a 1_2", 3, "is not a number"),
        ("a 0x1", 3, "is not a number"),
        ("a 0x1p-3", 3, "is not a number"),
        ("a 1e", 3, "is not a number"),
        ("a -nan", 3, "is not a number"),
        ("a nan(1)", 3, "is not a number"),
        ("a 1e999", 3, "beyond the range"),
        ("a 1\r", 3, "is not a number"),
        ("a 1\r5", 3, "is not a number"),
        ("a 1 -5", 3, "at most a time"),
        ("a 1 5.5", 3, "at most a time"),
        ("a 1 5 6", 3, "at most a time"),
        ("a 1 9223372036854775808", 5, "beyond 64 bits"),
        ("a 1 # {}", 3, "at most a time"),
        ("# TYPE a", 9, "expected a type"),
        ("# TYPE a gauge ", 10, "expected a type"),
        ("# TYPE a info", 10, "expected a type"),
        ("# TYPE 0 gauge", 8, "expected a metric name"),
        ("# HELP ", 8, "expected a metric name"),
        ("# HELP #", 8, "expected a metric name"),
        ("\0", 1, "expected a metric name"),
        ("a\0 1", 2, "is not a number"),
    ],
)
def test_refuses_the_whole_page_and_says_where(line, column, message):
    cache = PageCache()
    read("z 0\ny 1", cache)
    for known in (None, cache):
        with pytest.raises(InvalidInputError, match=message) as caught:
            read(f"z 0\n{line}\ny 1", known)
        where = caught.value.where
        assert (where.line, where.column) == (2, column)
    assert read("z 0\ny 1", cache) == read("z 0\ny 1")


@pytest.mark.parametrize("body", [b'a{b="\xff"} 1', b"# HELP a \xff\n", b'{"\xff"} 1'])
def test_refuses_what_is_not_utf8(body):
    with pytest.raises(InvalidInputError, match="not valid UTF-8"):
        read(body)


@pytest.mark.parametrize(
    "body", ["", "\n\n", " \t\n", "#\n", "# \xff", "#HELP a", "# HELPX 1", "# EOF"]
)
def test_blank_lines_and_comments_say_nothing(body):
    page = parse_page(body.encode("latin-1"))
    assert len(page) == 0
    assert page.metadata == ()


def test_metadata_of_families():
    page = parse_page(
        b"# HELP a One \\n\\\\ \\x.\n#\tTYPE  a counter\n# HELP nohelp\na 1\n"
        b'# TYPE b untyped\n# HELP "c.d" Dotted.\n# TYPE b gauge\n# HELP e nul\0\n'
    )
    assert sorted(page.metadata, key=lambda f: f.name) == [
        Family("a", MetricType.COUNTER, "One \n\\ \\x."),
        Family("b", MetricType.GAUGE),
        Family("c.d", MetricType.UNKNOWN, "Dotted."),
        Family("e", MetricType.UNKNOWN, "nul\0"),
        Family("nohelp"),
    ]


def test_bounds_are_written_one_way_under_the_type_in_force():
    page = "{0}\n" + 'a{{le="1",quantile="1e2"}} 1\nb{{quantile="0.50",le="+Inf",c="1"}} 1'
    names = ("le", "quantile")

    def bounds(kind):
        return [[labels[n] for n in names] for labels, _ in read(page.format(kind))]

    assert bounds("") == [["1", "1e2"], ["+Inf", "0.50"]]
    assert bounds("# TYPE a histogram") == [["1.0", "1e2"], ["+Inf", "0.50"]]
    assert bounds("# TYPE a summary") == [["1", "100.0"], ["+Inf", "0.5"]]


def test_one_text_is_two_series_under_two_types():
    cache = PageCache()
    first = read('# TYPE a histogram\na{le="1"} 1', cache)
    second = read('# TYPE a counter\na{le="1"} 1', cache)
    assert [first[0][0]["le"], second[0][0]["le"]] == ["1.0", "1"]


def test_times_of_their_own():
    page = parse_page(b'a 1 5\nb 2\nc{d="e"} 3\t0007 \n')
    assert page.ts_ms.tolist() == [5, NO_TIMESTAMP, 7]
    samples = page.samples(at_ms=9)
    assert samples.ts_ms.tolist() == [5, 9, 7]
    assert samples.labels[int(samples.series[2])] == canonical_labels({"__name__": "c", "d": "e"})
    assert parse_page(b"a 1\n").samples(at_ms=9).ts_ms.tolist() == [9]


def test_of_a_series_given_twice_the_first_counts():
    page = parse_page(b'a 1\nb 5\na 2\na{x=""} 3\n')
    assert page.values.tolist() == [1, 5]
    assert page.duplicates == 2
    timed = parse_page(b"a 1 10\na 2 20\na 3 10\na 4\n")
    assert timed.values.tolist() == [1, 2]
    assert timed.ts_ms.tolist() == [10, 20]
    assert timed.duplicates == 2


def test_nan_never_marks_staleness():
    page = parse_page(b"a NaN\nb nan\n")
    assert np.isnan(page.values).all()
    assert not is_stale(page.values).any()


def test_limits():
    limits = PageLimits(body_bytes=100, line_bytes=40, lines=5)
    parse_page(b"a 1\n" * 5, limits=limits)
    with pytest.raises(TooLargeError, match="6 lines, 5 are allowed"):
        parse_page(b"a 1\n" * 6, limits=limits)
    with pytest.raises(TooLargeError, match="101 bytes"):
        parse_page(b"#" * 101, limits=limits)
    with pytest.raises(TooLargeError, match="page:2: the line has 41 bytes"):
        parse_page(b"a 1\n" + b"#" * 41, limits=limits)


def test_a_line_of_64_kib_is_read():
    value = "x" * 65536
    assert read(f'a{{b="{value}"}} 1')[0][0]["b"] == value
    names = ",".join(f'l{i}="v"' for i in range(7000))
    assert len(read(f"a{{{names}}} 1")[0][0]) == 7001
    lines = ",".join(f'l{i}="\n"' for i in range(7000))  # a newline within each value
    assert len(read(f"a{{{lines}}} 1")[0][0]) == 7001
