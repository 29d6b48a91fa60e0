"""A page with the memory of the pages before is the page without it; and any bytes end well."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from madang.collect.exposition import PageCache, parse_page
from madang.core.errors import InvalidInputError

VALUES = st.sampled_from(
    ["1", "2.5", "NaN", "+Inf", "-1e5", "0x1", "1e999", "", "1 5", "2\t6 ", "1\r"]
)
KEYS = st.sampled_from(
    ["a ", "a", "b  ", 'c{le="1"} ', 'c{le="2"}', 'c{quantile="1"}\t', "a-", 'd{x="y"} ', "a\n",
     'd{x="y",z="é"} ', 'e{x="\n"} ', '{"f.g"} ', "#", "# TYPE c histogram\n", "# TYPE c summary\n",
     "# HELP a b\n", "\n", "  a ", 'd{x="y', '"} ', "\xff", "\0", 'd{"x"="y"} ', 'd{x="y",x=""} ']
)  # fmt: skip
PAGES = st.lists(st.tuples(KEYS, VALUES), max_size=7)


def text(lines, *, joined="\n"):
    return joined.join(key + value for key, value in lines).encode()


def outcome(body, cache):
    """What a page says, without the numbers that a cache gives; or how it is refused."""
    try:
        page = parse_page(body, cache=cache)
    except InvalidInputError as error:
        return str(error)
    times = None if page.ts_ms is None else page.ts_ms.tolist()
    labels = [page.labels[series] for series in page.series]
    assert page.series.dtype == np.int32
    return labels, page.values.tobytes(), times, page.metadata, page.duplicates


@given(st.lists(PAGES, min_size=2, max_size=5), st.data())
@example([[("a-", "1")], [("a", "1 5")]], None)
@example([[("a ", "1")], [("a ", '{b="c"} 1')]], None)
def test_pages_in_a_row_are_pages_alone(pages, data):
    cache = PageCache()
    bodies = [text(page) for page in pages]
    for page in pages if data else []:
        if not page:
            continue
        values = data.draw(st.lists(VALUES, min_size=len(page), max_size=len(page)))
        again = [(key, value) for (key, _), value in zip(page, values, strict=True)]
        bodies += [text(page), text(again), text(page) + b"\n"]
    for body in bodies:
        assert outcome(body, cache) == outcome(body, None)


@given(st.lists(st.one_of(st.binary(max_size=20), PAGES.map(text)), max_size=6))
def test_any_bytes_are_read_or_refused(parts):
    cache = PageCache()
    body = b"".join(parts)
    assert outcome(body, cache) == outcome(body, cache) == outcome(body, None)


def page_of(series, values):
    lines = zip(series, values, strict=True)
    return "".join(f'm{{s="{name}"}} {value}\n' for name, value in lines).encode()


def test_numbers_of_series_stay():
    cache = PageCache()
    first = parse_page(page_of("abc", [1, 2, 3]), cache=cache)
    second = parse_page(page_of("abc", [1, 5, 3]), cache=cache)
    assert second.same_series
    assert second.series is first.series
    assert second.values.tolist() == [1, 5, 3]
    assert first.values.tolist() == [1, 2, 3]
    third = parse_page(page_of("dca", [7, 8, 9]), cache=cache)
    assert not third.same_series
    assert third.series.tolist() == [3, 2, 0]
    assert len(cache) == 4
    assert parse_page(page_of("dca", [1, 1, 1]), cache=cache).series is third.series


def test_series_that_went_can_be_forgotten():
    cache = PageCache()
    parse_page(page_of("abcd", [1, 2, 3, 4]), cache=cache)
    moved = cache.compact(np.array([True, False, False, True]))
    assert moved.tolist() == [0, -1, -1, 1]
    page = parse_page(page_of("dba", [1, 2, 3]), cache=cache)
    assert page.series.tolist() == [1, 2, 0]
    assert [label[-1:] for label in cache.known.labels] == [b"a", b"d", b"b"]


def test_a_page_that_was_refused_leaves_no_trace():
    cache = PageCache()
    pages = [page_of("ab", [1, 2]), page_of("ab", [1, "x"]), page_of("ac", [1, 2])]
    assert [outcome(body, cache) for body in pages] == [outcome(body, None) for body in pages]


def test_repeats_are_left_out_of_every_page():
    cache = PageCache()
    for values in ([1, 2, 3], [4, 5, 6], [4, 5, 7]):
        page = parse_page(page_of("aba", values), cache=cache)
        assert page.values.tolist() == values[:2]
        assert page.duplicates == 1
