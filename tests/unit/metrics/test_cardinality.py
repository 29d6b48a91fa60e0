"""What the series of a head are, counted over their labels."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang.core.samples import canonical_labels, series_id
from madang.metrics.head.cardinality import Counted
from madang.metrics.head.head import Head
from madang.metrics.head.intake import SampleColumns


def head_of(series):
    """A head with one sample of each series."""
    texts = [canonical_labels(labels) for labels in series]
    ids = np.array([series_id(text) for text in texts], np.int64)
    head = Head()
    count = len(texts)
    times, values = np.full(count, 1000), np.ones(count)
    head.take(SampleColumns(ids, times, values, np.arange(count), texts), 1000)
    return head


NAMES = st.sampled_from(["up", "load", "한글"])
LABELS = st.dictionaries(st.sampled_from(["job", "pod", "z"]), st.text("abé", max_size=3))


@given(st.lists(st.builds(lambda name, rest: {"__name__": name, **rest}, NAMES, LABELS)), st.data())
def test_counts_are_those_of_a_loop(series, data):
    limit = data.draw(st.integers(1, 20))
    unique = {canonical_labels(one): one for one in series}.values()
    pairs = Counter((name, value) for one in unique for name, value in one.items() if value)
    found = head_of(list(unique)).cardinality(limit)

    def largest(counts):
        chosen = sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:limit]
        return [Counted(name, count) for name, count in chosen if count]

    assert (found.series, found.label_pairs) == (len(unique), len(pairs))
    assert found.by_pair == largest({f"{name}={value}": n for (name, value), n in pairs.items()})
    assert found.by_metric == largest({v: n for (name, v), n in pairs.items() if name[0] == "_"})
    assert found.values_by_label == largest(Counter(name for name, _ in pairs))
    sizes = Counter()
    for (name, value), count in pairs.items():
        sizes[name] += len(value.encode()) * count
    assert found.bytes_by_label == largest(sizes)


def test_an_empty_head_has_no_times():
    found = Head().cardinality(10)
    assert (found.series, found.oldest_ms, found.newest_ms, found.by_metric) == (0, None, None, [])


@pytest.mark.parametrize("limit", [1, 3])
def test_of_many_equal_ones_the_limit_are_told(limit):
    found = head_of([{"__name__": "up", "pod": str(place)} for place in range(500)])
    assert len(found.cardinality(limit).by_pair) == limit
    assert found.cardinality(limit).by_pair[0] == Counted("__name__=up", 500)
    assert found.cardinality(limit).values_by_label[0] == Counted("pod", 500)
