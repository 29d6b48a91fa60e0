"""Random queries over random series: what the reference evaluator says, at every step."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from madang.core.samples import STALE_NAN
from madang.metrics.memory import MemoryStorage
from madang.metrics.promql import Options, QueryFailedError, evaluate_instant, evaluate_range
from unit.metrics.promql import reference

OPTIONS = Options(experimental=True)
NUMBERS = st.sampled_from([0.0, 1.0, 2.0, 3.5, -1.0, -4.0, 10.0, 1e9, 0.1, math.nan, math.inf])
DURATIONS = st.sampled_from([15_000, 30_000, 60_000, 90_001, 300_000])


@st.composite
def series(draw):
    """Points with gaps, jitter, resets, staleness."""
    count = draw(st.integers(0, 25))
    start = draw(st.integers(0, 200_000))
    gaps = draw(st.lists(st.sampled_from([15_000, 15_001, 14_000, 60_000, 400_000]),
                         min_size=count, max_size=count))  # fmt: skip
    times = np.cumsum([start, *gaps])[:count].tolist()
    plain = draw(st.booleans())
    if plain:
        steps = draw(st.lists(st.integers(0, 5), min_size=count, max_size=count))
        values = np.cumsum(steps).astype(float).tolist()
    else:
        values = draw(st.lists(st.one_of(NUMBERS, st.none()), min_size=count, max_size=count))
    return list(zip(times, values, strict=True))


LABELS = st.builds(
    lambda name, a, b: tuple(sorted({"__name__": name, **a, **b}.items())),
    st.sampled_from(["m", "n"]),
    st.sampled_from([{}, {"a": "1"}, {"a": "2"}]),
    st.sampled_from([{}, {"b": "x"}, {"b": "y"}]),
)
DATA = st.dictionaries(LABELS, series(), min_size=1, max_size=7)
MATCHERS = st.lists(
    st.sampled_from([("a", "=", "1"), ("b", "!=", "x"), ("a", "=~", "1|2"), ("b", "!~", "[xz]")]),
    max_size=1,
).map(tuple)
SELECT = st.tuples(
    st.just("select"),
    st.sampled_from(["m", "n"]),
    MATCHERS,
    st.sampled_from([0, 0, 30_000, -45_000]),
)
WINDOW = st.tuples(st.just("window"), st.sampled_from(sorted(reference.WINDOWS)), SELECT, DURATIONS)
NAMES = st.lists(st.sampled_from(["a", "b", "__name__", "c"]), max_size=2, unique=True).map(tuple)


def deeper(inner):
    number = st.sampled_from([0.0, 1.0, 2.5]).map(lambda value: ("number", value))
    matching = st.tuples(st.sampled_from(["on", "ignoring"]), NAMES, st.just(False))
    matching = st.one_of(st.just(("", (), False)), matching)
    compared = st.tuples(st.just(""), st.just(()), st.booleans())
    plain = st.just(("", (), False))
    arithmetic = st.sampled_from(sorted(reference.ARITHMETIC))
    comparison = st.sampled_from(sorted(reference.COMPARISONS))
    sets = st.sampled_from(["and", "or", "unless"])
    return st.one_of(
        st.tuples(
            st.just("aggregate"),
            st.sampled_from(sorted(reference.AGGREGATIONS)),
            st.sampled_from(["by", "without"]),
            NAMES,
            inner,
        ),
        st.tuples(st.just("binary"), arithmetic, matching, inner, inner),
        st.tuples(st.just("binary"), comparison, matching, inner, inner),
        st.tuples(st.just("binary"), sets, matching, inner, inner),
        st.tuples(st.just("binary"), arithmetic, plain, inner, number),
        st.tuples(st.just("binary"), comparison, compared, number, inner),
        st.tuples(
            st.just("subquery"),
            st.sampled_from(["max_over_time", "sum_over_time", "last_over_time", "rate"]),
            inner,
            st.sampled_from([60_000, 100_000]),
            st.sampled_from([20_000, 30_000]),
        ),
        st.tuples(st.just("call"), st.sampled_from(sorted(reference.CALLS)), inner),
        st.tuples(st.just("minus"), inner),
    )


QUERIES = st.recursive(st.one_of(SELECT, WINDOW), deeper, max_leaves=4)


def stored(data):
    storage = MemoryStorage()
    for labels, points in data.items():
        values = [STALE_NAN if value is None else value for _, value in points]
        storage.append(labels, np.array([t for t, _ in points], np.int64), np.array(values))
    return storage


def equal(left: float, right: float) -> bool:
    if math.isnan(left) or math.isnan(right):
        return math.isnan(left) and math.isnan(right)
    return left == right or math.isclose(left, right, rel_tol=1e-6, abs_tol=1e-9)


def answered(result):
    """Step → labels → value."""
    found: dict[int, dict] = {}
    bounds = result.series.offsets.tolist()
    for row, labels in enumerate(result.series.labels):
        for place in range(bounds[row], bounds[row + 1]):
            step = int(result.series.ts_ms[place])
            found.setdefault(step, {})[labels] = float(result.series.values[place])
    return found


def expected(query, data, steps):
    try:
        return {step: reference.evaluate(query, data, step) for step in steps}
    except reference.AmbiguousError:
        return None


def differences(found, wanted):
    for step, vector in wanted.items():
        there = found.get(step, {})
        if there.keys() != vector.keys():
            yield step, sorted(there.items()), sorted(vector.items())
        for labels in there.keys() & vector.keys():
            if not equal(there[labels], vector[labels]):
                yield step, labels, there[labels], vector[labels]


@settings(max_examples=150)
@given(data=DATA, query=QUERIES, start=st.integers(0, 400_000), step=DURATIONS)
def test_a_query_equals_the_reference_at_every_step(data, query, start, step):
    text = reference.text_of(query)
    storage = stored(data)
    steps = [start + n * step for n in range(4)]
    wanted = expected(query, data, steps)
    try:
        found = answered(evaluate_range(text, storage, start, steps[-1], step, OPTIONS))
    except QueryFailedError:
        assert wanted is None, text
        return
    assert wanted is not None, text
    assert list(differences(found, wanted)) == [], text
    at_ms = steps[1]
    single = answered(evaluate_instant(text, storage, at_ms, OPTIONS))
    assert list(differences(single, {at_ms: wanted[at_ms]})) == [], text
