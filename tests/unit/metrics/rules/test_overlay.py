"""Results over a storage are seen as if they were in it."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from madang.metrics.matcher import Matcher, MatchKind
from madang.metrics.memory import MemoryStorage
from madang.metrics.rules.overlay import OverlaidStorage, RecentResults, Results

SAMPLES = st.dictionaries(
    st.tuples(st.sampled_from("xyz"), st.sampled_from("ab"), st.integers(1, 20)),
    st.floats(-9, 9),
    max_size=30,
)
MATCHERS = [
    [Matcher("__name__", MatchKind.EQUAL, "x")],
    [Matcher("__name__", MatchKind.REGEX, "x|y"), Matcher("k", MatchKind.NOT_EQUAL, "a")],
    [Matcher("k", MatchKind.EQUAL, "b")],
    [Matcher("__name__", MatchKind.EQUAL, "x"), Matcher("__name__", MatchKind.EQUAL, "y")],
]


def storage(samples):
    made = MemoryStorage()
    for (name, k, at), value in sorted(samples.items(), key=lambda one: one[0][2]):
        labels = (("__name__", name), ("k", k))
        made.append(labels, np.array([at]), np.array([value]))
    return made


def contents(found):
    return {
        labels: [
            (int(at), float(value))
            for at, value in zip(
                found.ts_ms[found.offsets[place] : found.offsets[place + 1]],
                found.values[found.offsets[place] : found.offsets[place + 1]],
                strict=True,
            )
        ]
        for place, labels in enumerate(found.labels)
    }


@settings(deadline=None, max_examples=150)
@given(SAMPLES, SAMPLES, st.sampled_from(MATCHERS), st.integers(0, 20), st.integers(0, 20))
def test_an_overlay_is_what_both_are_together(below, above, matchers, start, length):
    recent, own = RecentResults(), Results(21)
    by_time = {}
    for (name, k, at), value in above.items():
        labels = (("__name__", name), ("k", k))
        by_time.setdefault(at, Results(at)).add(name, {labels: value})
    for offset, results in enumerate(by_time.values()):
        recent.add(0, offset, results)
    overlaid = OverlaidStorage(storage(below), recent, own)
    # Where both have one, it is the same sample: here the one below.
    both = storage({**above, **below})
    end = start + length
    expected = contents(both.select(matchers, start, end))
    assert contents(overlaid.select(matchers, start, end)) == expected


def test_what_the_head_took_is_forgotten():
    recent = RecentResults()
    recent.add(0, 10, Results(1))
    recent.add(1, 5, Results(2))
    recent.forget({0: 10, 1: 4})
    assert [one.at_ms for one in recent.all()] == [2]
