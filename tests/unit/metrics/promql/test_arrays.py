"""Sums that cancel, and where windows begin and end: against plain Python."""

from __future__ import annotations

import bisect
import itertools
import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from madang.core.samples import STALE_NAN, is_stale
from madang.metrics.memory import MemoryStorage
from madang.metrics.promql import Options, evaluate_range
from madang.metrics.promql.sums import group_sums, row_sums
from madang.metrics.promql.values import Grid
from madang.metrics.promql.windows import Windows, ends
from madang.metrics.storage import SeriesSet

NUMBERS = st.one_of(
    st.floats(-1e6, 1e6), st.sampled_from([1e100, -1e100, 1e16, -1e16, 1.0, 0.1, -0.1])
)


@given(st.lists(st.lists(NUMBERS, min_size=3, max_size=3), min_size=1, max_size=40), st.data())
def test_sums_are_those_of_exact_arithmetic(rows, data):
    values = np.array(rows)
    cuts = data.draw(st.sets(st.integers(1, len(rows)), max_size=5))
    starts = np.array(sorted({0, *cuts} - {len(rows)}), np.int64)
    bounds = [*starts.tolist(), len(rows)]
    grouped = group_sums(values, starts)
    for place, (begin, end) in enumerate(itertools.pairwise(bounds)):
        for column in range(3):
            numbers = values[begin:end, column].tolist()
            size = math.fsum(map(abs, numbers))
            assert math.isclose(
                grouped[place, column], math.fsum(numbers), rel_tol=1e-12, abs_tol=size * 1e-28
            )
    sums = row_sums(values)
    for row, numbers in enumerate(values.tolist()):
        size = math.fsum(map(abs, numbers))
        assert math.isclose(sums[row], math.fsum(numbers), rel_tol=1e-12, abs_tol=size * 1e-28)


@np.errstate(all="ignore")
def test_sums_keep_what_is_not_finite():
    rows = np.array([[np.inf, -1.0], [np.inf, -np.inf], [np.nan, 1.0], [1e308, 1e308]])
    assert np.array_equal(row_sums(rows), [np.inf, np.nan, np.nan, np.inf], equal_nan=True)
    groups = group_sums(rows.T.copy(), np.array([0]))[0]
    assert np.array_equal(groups, [np.inf, np.nan, np.nan, np.inf], equal_nan=True)


TIMES = st.lists(st.integers(-50, 300), unique=True, max_size=20).map(sorted)


SERIES = st.one_of(
    st.lists(TIMES, min_size=1, max_size=5),
    st.tuples(TIMES, st.integers(1, 5)).map(lambda alike: [alike[0]] * alike[1]),
)


@given(
    SERIES,
    st.integers(-40, 200),
    st.integers(1, 60),
    st.integers(1, 6),
    st.integers(1, 120),
)
def test_windows_are_open_at_the_left_and_closed_at_the_right(times, start, step, count, span):
    offsets = np.cumsum([0, *map(len, times)]).astype(np.int64)
    ts_ms = np.array([t for series in times for t in series], np.int64)
    grid = Grid(start, step, count)
    steps = grid.times().tolist()
    found = ends(ts_ms, offsets, grid) - offsets[:-1, None]
    assert found.tolist() == [[bisect.bisect_right(own, t) for t in steps] for own in times]
    labels = [(("n", str(number)),) for number in range(len(times))]
    windows = Windows(SeriesSet(labels, offsets, ts_ms, ts_ms.astype(float)), grid, span)
    counts, _ = windows.map(lambda block: (block.counts.astype(float), block.counts > 0), count)
    wanted = [[sum(t - span < own <= t for own in series) for t in steps] for series in times]
    assert counts.tolist() == wanted


@given(
    SERIES,
    st.lists(st.sampled_from([0.5, STALE_NAN, math.nan]), min_size=100, max_size=100),
    st.integers(-40, 200),
    st.integers(1, 60),
    st.integers(1, 6),
)
def test_a_selector_finds_the_newest_sample_that_is_not_too_old(times, values, start, step, count):
    samples = [
        [(at, values[place * 20 + number]) for number, at in enumerate(own)]
        for place, own in enumerate(times)
    ]
    storage = MemoryStorage()
    for place, own in enumerate(samples):
        labels = (("__name__", "m"), ("n", str(place)))
        storage.append(
            labels, np.array([at for at, _ in own], np.int64), np.array([value for _, value in own])
        )
    steps = Grid(start, step, count).times().tolist()
    found = evaluate_range("m", storage, start, steps[-1], step, Options(lookback_ms=90)).series
    wanted = []
    for place, own in enumerate(samples):
        newest = [[each for each in own if at - 90 < each[0] <= at][-1:] for at in steps]
        kept = [
            (at, value)
            for at, last in zip(steps, newest, strict=True)
            for _, value in last
            if not is_stale(np.array([value]))[0]
        ]
        if kept:
            wanted.append((str(place), kept))
    assert [dict(labels)["n"] for labels in found.labels] == [place for place, _ in wanted]
    for row, (_, kept) in enumerate(wanted):
        part = slice(found.offsets[row], found.offsets[row + 1])
        assert found.ts_ms[part].tolist() == [at for at, _ in kept]
        np.testing.assert_array_equal(found.values[part], [value for _, value in kept])
