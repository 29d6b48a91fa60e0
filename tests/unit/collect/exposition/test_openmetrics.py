"""OpenMetrics: what it tells beyond samples, its rules of order and value, page after page."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang.collect.exposition import (
    Created,
    Exemplar,
    Exposition,
    Family,
    MetricType,
    PageCache,
    parse_page,
)
from madang.core.errors import InvalidInputError
from madang.core.samples import canonical_labels, labels_of

PAGE = """# TYPE req_seconds histogram
# UNIT req_seconds seconds
# HELP req_seconds How long.\\nIn \\"all\\".
req_seconds_bucket{path="/",le="1"} 3 # {trace="x"} 0.5 1.5
req_seconds_bucket{path="/",le="+Inf"} 5 # {} 2
req_seconds_count{path="/"} 5
req_seconds_sum{path="/"} 7.5
req_seconds_created{path="/"} 1000.25
# TYPE hits counter
hits_total 7 # {trace="y"} 1
hits_created 5
# TYPE up stateset
up{up="a"} 1
up{up="b"} 0
# TYPE build info
build_info{version="1"} 1
loose 3
# TYPE "dotted.name" gauge
{"dotted.name","l.x"="y"} 1
# EOF
"""


def read(text, cache=None, *, strict=True):
    return parse_page(text.encode(), Exposition.OPENMETRICS, cache, strict=strict)


@pytest.mark.parametrize("strict", [True, False])
def test_a_whole_page(strict):
    cache = PageCache()
    for attempt in range(3):
        page = read(PAGE, cache, strict=strict)
        assert page.same_series == (attempt > 0)
        assert len(page) == 12
        assert page.values.tolist() == [3, 5, 5, 7.5, 1000.25, 7, 5, 1, 0, 1, 3, 1]
        assert list(page.exemplars) == [
            Exemplar(0, canonical_labels({"trace": "x"}), 0.5, 1500),
            Exemplar(1, b"", 2.0),
            Exemplar(5, canonical_labels({"trace": "y"}), 1.0),
        ]
        assert list(page.created) == [Created(0, 1_000_250), Created(5, 5000)]
        assert [f for f in page.metadata if strict or f.name != "loose"] == [
            Family("req_seconds", MetricType.HISTOGRAM, 'How long.\nIn "all".', "seconds"),
            Family("hits", MetricType.COUNTER),
            Family("up", MetricType.STATESET),
            Family("build", MetricType.INFO),
            *([Family("loose", MetricType.UNKNOWN)] if strict else []),
            Family("dotted.name", MetricType.GAUGE),
        ]
        assert labels_of(page.labels[0]) == {
            "__name__": "req_seconds_bucket", "le": "1.0", "path": "/",
        }  # fmt: skip
        assert labels_of(page.labels[11]) == {"__name__": "dotted.name", "l.x": "y"}


BROKEN = [
    ('le="+Inf"} 5', 'le="+Inf"} 6', "equals that of the bucket"),
    ('le="1"} 3', 'le="1"} 6', "at least that of the bucket before"),
    ('le="1"} 3', 'le="1"} 2.5', "whole number"),
    ("_sum{path=\"/\"} 7.5", "_sum{path=\"/\"} -1", "neither negative nor NaN"),
    ("hits_total 7", "hits_total NaN", "neither negative nor NaN"),
    ('up{up="b"} 0', 'up{up="b"} 2', "0 or 1"),
    ("loose 3", "loose 3 # {} 1", "have exemplars"),
    ("hits_created 5", "hits_created 5 # {} 1", "have exemplars"),
    ("loose 3", "loose  3", "expected"),
    ("loose 3", "loose 3 1", None),
    ("hits_total 7", "hits_total 7 1", "with and without times"),
    ("# EOF", "# EOF ", "expected '# EOF' as the last line"),
    ("# EOF\n", "# EOF\n\n", "expected '# EOF' as the last line"),
    ("loose 3", "# EOF\nloose 3", "more behind"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "message"), BROKEN)
def test_rules_hold_on_every_page_not_only_on_the_first(old, new, message):
    cache = PageCache()
    read(PAGE, cache)
    read(PAGE, cache)
    changed = PAGE.replace(old, new, 1)
    for known in (cache, None):
        if message is None:
            assert len(read(changed, known)) == 12
        else:
            with pytest.raises(InvalidInputError, match=message):
                read(changed, known)


CLASHING = """# TYPE go_memstats_alloc_bytes gauge
go_memstats_alloc_bytes 1
# TYPE go_memstats_alloc_bytes counter
go_memstats_alloc_bytes_total 2
# EOF
"""


@pytest.mark.parametrize(
    "text",
    [
        CLASHING,
        'a{b="c",} 1\n# EOF',
        '# TYPE a histogram\na_bucket{le="2"} 5\na_bucket{le="1"} 6\n# EOF',
        "# TYPE a counter\na_total -1\n# EOF",
        'a{x="1"} 1\nb 1\na{x="2"} 1\n# TYPE a gauge\n# HELP b x\n# EOF',
        "a 1 2\na 2 1\n# EOF",
        'a 1 # {b="%s"} 1\n# EOF' % ("x" * 128),
        'a 1 # {b="c",b="d"} 1\n# EOF',
    ],
)
def test_a_scrape_reads_what_prometheus_reads(text):
    cache = PageCache()
    with pytest.raises(InvalidInputError):
        read(text, cache)
    first = read(text, cache, strict=False)
    assert read(text, cache, strict=False).values.tolist() == first.values.tolist()
    assert len(first) == text.count("\n") - text.count("# TYPE") - text.count("# HELP") - (
        text.endswith("\n")
    )
    with pytest.raises(InvalidInputError):
        read(text, cache)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a  1\n# EOF", "expected"),
        ("a 1\n\n# EOF", "expected a metric name"),
        ("a 1", "# EOF"),
        ("# EOF\na 1\n# EOF", "more behind"),
        ("# TYPE a untyped\n# EOF", "expected a type"),
        ("# UNIT a s\n# EOF", "does not end in _s"),
        ("# FOO a b\n# EOF", "expected '# HELP'"),
        ("a 1 # {} 1 \n# EOF", "expected"),
        ("a 1 NaN\n# EOF", "a time in seconds"),
        ('a{b="1",b="2"} 1\n# EOF', "given twice"),
    ],
)
def test_a_scrape_refuses_what_prometheus_refuses(text, message):
    with pytest.raises(InvalidInputError, match=message):
        read(text, strict=False)


def test_the_same_series_at_several_times():
    cache = PageCache()
    text = "# TYPE a gauge\na 1 1\na 2 1.0001\na 3 2\n# EOF\n"
    for _ in range(2):
        page = read(text, cache)
        assert page.ts_ms.tolist() == [1000, 2000]
        assert page.values.tolist() == [1, 3]
        assert page.duplicates == 1
    assert read("a 1 0\n# EOF", cache).ts_ms.tolist() == [0]
    with pytest.raises(InvalidInputError, match="backwards"):
        read("# TYPE a gauge\na 1 2\na 1 1\n# EOF")


def test_a_time_beyond_64_bits_is_cut():
    assert read("a 1 12345678901234567890.5\n# EOF").ts_ms.tolist() == [2**63 - 1]


def test_created_goes_with_the_first_sample_that_is_kept():
    page = read("# TYPE a counter\na_total 1\na_total 2\na_created 3\n# EOF")
    assert page.values.tolist() == [1, 3]
    assert page.duplicates == 1
    assert list(page.created) == [Created(0, 3000)]


LINES = st.sampled_from(
    ["# TYPE a counter", "# TYPE a histogram", "# TYPE a gauge", "# TYPE b summary", "# HELP a x",
     "# UNIT a s", "# EOF", "a_total ", "a_created ", 'a_bucket{le="1"} ', 'a_bucket{le="+Inf"} ',
     "a_count ", "a_sum ", "a ", 'a{x="y"} ', 'b{quantile="0.5"} ', "b_sum ", "b_count ", "c ", ""]
)  # fmt: skip
VALUES = st.sampled_from(["1", "2", "2", "-1", "NaN", "+Inf", "0.5", "1 1", "1 2", '1 # {t="u"} 1'])


@st.composite
def pages(draw):
    """Some pages with the same lines, and some that differ in one."""
    lines = draw(st.lists(LINES, max_size=8))
    made = []
    for _ in range(draw(st.integers(1, 5))):
        if lines and draw(st.booleans()):
            lines = [*lines]
            lines[draw(st.integers(0, len(lines) - 1))] = draw(LINES)
        text = [line + draw(VALUES) if line[-1:] == " " else line for line in lines]
        made.append("\n".join([*text, "# EOF"]).encode())
    return made


def outcome(body, cache, *, strict):
    try:
        page = parse_page(body, Exposition.OPENMETRICS, cache, strict=strict)
    except InvalidInputError as error:
        return str(error)
    times = None if page.ts_ms is None else page.ts_ms.tolist()
    labels = [page.labels[series] for series in page.series]
    return (
        labels, page.values.tobytes(), times, page.metadata, page.duplicates,
        list(page.exemplars), list(page.created),
    )  # fmt: skip


@given(pages(), st.booleans())
def test_pages_in_a_row_are_pages_alone(bodies, strict):
    cache = PageCache()
    for body in bodies:
        alone = outcome(body, None, strict=strict)
        assert outcome(body, cache, strict=strict) == alone
        if strict and not isinstance(alone, str):
            assert outcome(body, None, strict=False)[:3] == alone[:3]


@given(st.binary(max_size=60), st.integers(0, len(PAGE)), st.integers(0, 30))
def test_any_bytes_are_read_or_refused(noise, at, cut):
    body = PAGE.encode()
    for broken in (noise, body[:at] + noise + body[at + cut :]):
        for strict in (True, False):
            alone = outcome(broken, None, strict=strict)
            assert alone == outcome(broken, PageCache(), strict=strict)
