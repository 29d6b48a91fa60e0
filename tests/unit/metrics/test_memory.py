"""Samples in plain memory: what a selection gives."""

from __future__ import annotations

import numpy as np
import pytest

from madang.core.errors import ConflictError, InvalidInputError, TooLargeError
from madang.metrics.matcher import Matcher, MatchKind
from madang.metrics.memory import MemoryStorage, labels_from


def equal(name, value):
    return Matcher(name, MatchKind.EQUAL, value)


@pytest.fixture
def storage():
    filled = MemoryStorage()
    for job in ("api", "db"):
        labels = labels_from({"__name__": "up", "job": job})
        filled.append(labels, np.array([0, 1000, 2000]), np.array([1.0, 0.0, 1.0]))
    filled.append(labels_from({"__name__": "down"}), np.array([1000]), np.array([5.0]))
    return filled


def test_times_are_inclusive_at_both_ends(storage):
    found = storage.select([equal("__name__", "up")], 1000, 2000)
    assert [dict(labels)["job"] for labels in found.labels] == ["api", "db"]
    assert found.offsets.tolist() == [0, 2, 4]
    assert found.ts_ms.tolist() == [1000, 2000, 1000, 2000]
    assert found.values.tolist() == [0.0, 1.0, 0.0, 1.0]
    assert found.histograms is None


def test_series_without_samples_in_the_time_are_left_out(storage):
    assert len(storage.select([equal("__name__", "down")], 1001, 9000)) == 0
    assert storage.label_names([], 0, 500) == ["__name__", "job"]
    assert storage.label_values("__name__", [], 0, 9000) == ["down", "up"]


def test_a_label_that_is_missing_is_empty(storage):
    found = storage.select([equal("job", "")], 0, 9000)
    assert [dict(labels)["__name__"] for labels in found.labels] == ["down"]
    regex = Matcher("job", MatchKind.REGEX, "a.*|")
    assert len(storage.select([regex], 0, 9000)) == 2
    assert len(storage.select([Matcher("job", MatchKind.NOT_REGEX, "a.*")], 0, 9000)) == 2


def test_later_samples_replace_and_are_sorted_in(storage):
    labels = labels_from({"__name__": "down"})
    storage.append(labels, np.array([0, 1000]), np.array([4.0, 6.0]), [None, "h"])
    found = storage.select([equal("__name__", "down")], 0, 9000)
    assert found.ts_ms.tolist() == [0, 1000]
    assert found.values.tolist() == [4.0, 6.0]
    assert found.histograms.tolist() == [None, "h"]


def test_a_limit_and_wrong_times_are_refused(storage):
    with pytest.raises(TooLargeError, match="6 samples, over 5"):
        storage.select([equal("__name__", "up")], 0, 9000, limit=5)
    with pytest.raises(ConflictError, match="do not ascend"):
        storage.append((("a", "b"),), np.array([2, 2]), np.array([1.0, 2.0]))


def test_a_regex_is_one_of_re2():
    assert Matcher("a", MatchKind.REGEX, "x(?i:Y)z").matches("xyz")
    assert Matcher("a", MatchKind.REGEX, "a.b").matches("a\nb")
    with pytest.raises(InvalidInputError, match="is no regular expression"):
        Matcher("a", MatchKind.REGEX, "(a")
    with pytest.raises(InvalidInputError, match="is no regular expression"):
        Matcher("a", MatchKind.REGEX, r"(a)\1")
