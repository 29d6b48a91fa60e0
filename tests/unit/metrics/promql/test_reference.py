"""Random queries over random series: what the reference evaluator says, at every step."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from madang.core.samples import STALE_NAN
from madang.metrics.memory import MemoryStorage
from madang.metrics.promql import Options, QueryFailedError, evaluate_instant, evaluate_range
from unit.metrics.promql import reference

OPTIONS = Options(experimental=True)
STARTED = replace(OPTIONS, start_timestamps=True)
NUMBERS = st.sampled_from([0.0, 1.0, 2.0, 3.5, -1.0, -4.0, 10.0, 1e9, 0.1, math.nan, math.inf])
DURATIONS = st.sampled_from([15_000, 30_000, 60_000, 90_001, 300_000])


@st.composite
def series(draw):
    """Points with gaps, jitter, resets, staleness, and start timestamps or none."""
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
    starts = [0] * count
    if draw(st.integers(0, 2)):
        kinds = draw(st.lists(st.sampled_from(KINDS), min_size=count, max_size=count))
        starts = [start_of(kind, times, place) for place, kind in enumerate(kinds)]
    return list(zip(times, values, starts, strict=True))


KINDS = ["none", "first", "before", "before", "between", "shortly", "now", "later", "overlap"]


def start_of(kind, times, place):
    """A start timestamp as they come: of a counter, of a delta, one nobody knows, a wrong one."""
    t, before = times[place], times[max(place - 1, 0)]
    return {
        "none": 0,
        "first": times[0] - 7_000,
        "before": before if place else t - 15_000,
        "between": (t + before) // 2,
        "shortly": t - 1,
        "now": t,
        "later": t + 1,
        "overlap": before - 1,
    }[kind]


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
COUNTERS = sorted(reference.COUNTERS)
WINDOWED = st.sampled_from([*sorted(reference.WINDOWS), *COUNTERS])
WINDOW = st.tuples(st.just("window"), WINDOWED, SELECT, DURATIONS)
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
            st.sampled_from(["max_over_time", "sum_over_time", "last_over_time", "rate", "resets"]),
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
        values = [STALE_NAN if value is None else value for _, value, _ in points]
        times, starts = (np.array([point[n] for point in points], np.int64) for n in (0, 2))
        known = starts if starts.any() else None
        storage.append(labels, times, np.array(values), starts_ms=known)
    return storage


def without_starts(data):
    return {labels: [(t, value, 0) for t, value, _ in points] for labels, points in data.items()}


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
@given(
    data=DATA,
    query=QUERIES,
    start=st.integers(0, 400_000),
    step=DURATIONS,
    options=st.sampled_from([OPTIONS, STARTED]),
)
def test_a_query_equals_the_reference_at_every_step(data, query, start, step, options):
    seen = data if options.start_timestamps else without_starts(data)
    check(data, seen, query, start, step, options)


COUNTED = st.sampled_from([*COUNTERS, "start_timestamp"])


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    function=COUNTED,
    range_ms=st.sampled_from([20_000, 45_000, 60_000, 90_001]),
    offset=st.sampled_from([0, 30_000]),
    step=DURATIONS,
)
def test_start_timestamps_count_as_the_reference_says(seed, function, range_ms, offset, step):
    """Many samples at once: every kind of start meets every other, in windows of all sizes."""
    random = np.random.default_rng(seed)
    data = {}
    for number in range(20):
        times = np.cumsum(random.choice([15_000, 15_000, 14_000, 40_000], 25)).tolist()
        values = np.cumsum(random.integers(-1, 4, 25)).astype(float).tolist()
        kinds = random.choice(KINDS, 25).tolist()
        starts = [start_of(kind, times, place) for place, kind in enumerate(kinds)]
        labels = (("__name__", "m"), ("a", str(number)))
        data[labels] = list(zip(times, values, starts, strict=True))
    select = ("select", "m", (), offset)
    query = ("window", function, select, range_ms)
    if function == "start_timestamp":
        query = ("starts", function, select)
    check(data, data, query, 60_000, step, STARTED)


def check(data, seen, query, start, step, options):
    text = reference.text_of(query)
    storage = stored(data)
    steps = [start + n * step for n in range(4)]
    wanted = expected(query, seen, steps)
    try:
        found = answered(evaluate_range(text, storage, start, steps[-1], step, options))
    except QueryFailedError:
        assert wanted is None, text
        return
    assert wanted is not None, text
    assert list(differences(found, wanted)) == [], text
    at_ms = steps[1]
    single = answered(evaluate_instant(text, storage, at_ms, options))
    assert list(differences(single, {at_ms: wanted[at_ms]})) == [], text
