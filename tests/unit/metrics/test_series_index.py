"""Series found by number and by label, beside a slow and obvious index."""

import re
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang.core.samples import canonical_labels, series_id
from madang.metrics.head.series_index import SeriesIndex


@dataclass(frozen=True)
class Matches:
    name: str
    pattern: str
    negated: bool = False
    among = None

    def matches(self, value):
        return bool(re.fullmatch(self.pattern, value)) != self.negated

    def matches_each(self, values):
        return np.fromiter(map(self.matches, values), np.bool_, len(values))


def add(index, *label_sets):
    labels = [canonical_labels(one) for one in label_sets]
    return index.add(np.array([series_id(one) for one in labels], np.int64), labels)


names = st.sampled_from(["__name__", "job", "le", "pod", "한글"])
values = st.sampled_from(["", "a", "b", "ab", "값"])
label_sets = st.lists(st.dictionaries(names, values), max_size=30)
matchers = st.builds(
    Matches, names, st.sampled_from(["", "a", "a|b", ".*", ".+", "a.*"]), st.booleans()
)


@given(st.lists(label_sets, max_size=4), st.lists(matchers, max_size=3))
def test_series_are_found_as_an_obvious_index_finds_them(batches, wanted):
    index, plain = SeriesIndex(), []
    for batch in batches:
        added = add(index, *batch)
        for ref, labels in zip(added.refs.tolist(), batch, strict=True):
            kept = {name: value for name, value in labels.items() if value}
            if ref == len(plain):
                plain.append(kept)
            assert plain[ref] == kept
    found = index.view().select(wanted)
    assert found.tolist() == [
        ref
        for ref, labels in enumerate(plain)
        if all(one.matches(labels.get(one.name, "")) for one in wanted)
    ]
    assert [dict(one) for one in index.view().labels(found)] == [
        plain[ref] for ref in found.tolist()
    ]
    assert index.view().names_of(found) == sorted(
        {name for ref in found.tolist() for name in plain[ref]}
    )
    assert sorted(index.view().values("job", found)) == sorted(
        {plain[ref]["job"] for ref in found.tolist() if "job" in plain[ref]}
    )


def test_a_series_is_added_once_however_often_it_is_announced():
    index = SeriesIndex()
    up, down = {"__name__": "up"}, {"__name__": "down"}
    added = add(index, up, down, up)
    assert added.refs.tolist() == [0, 1, 0]
    assert added.new.tolist() == [True, True, False]
    assert not add(index, down).new.any()
    assert len(index) == 2


def test_many_series_are_found_whether_they_came_together_or_alone():
    index = SeriesIndex()
    for part in range(50):
        add(index, *({"__name__": "m", "pod": f"{part}-{n}"} for n in range(part * 20)))
    ids = np.array([series_id(canonical_labels({"__name__": "m", "pod": "49-7"})), 5], np.int64)
    ref, missing = index.refs_of(ids).tolist()
    assert missing == -1
    assert index.view().labels(np.array([ref], np.int32)) == [(("__name__", "m"), ("pod", "49-7"))]


@pytest.mark.parametrize("broken", [b"a\xffb\xffc", b"a", b"a\xff\xe9\x28"])
def test_what_is_no_list_of_labels_adds_nothing(broken):
    index = SeriesIndex()
    good = canonical_labels({"__name__": "up"})
    with pytest.raises(ValueError, match=r"no list of labels|not UTF-8"):
        index.add(np.array([1, 2], np.int64), [good, broken])
    assert len(index) == 0
    assert index.names == []


def test_a_series_whose_number_is_another_ones_is_refused():
    index = SeriesIndex()
    up, down = canonical_labels({"__name__": "up"}), canonical_labels({"__name__": "down"})
    assert index.add(np.array([7, 7], np.int64), [up, down]).refs.tolist() == [0, -1]
    added = index.add(np.array([7, 7], np.int64), [down, up])
    assert added.refs.tolist() == [-1, 0]
    assert not added.new.any()
    assert index.view().labels(np.array([0], np.int32)) == [(("__name__", "up"),)]
