"""Labels as bytes, series as numbers, the NaN that means the end."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang.core.samples import STALE_NAN, canonical_labels, is_stale, labels_of, series_id

texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.dictionaries(texts, texts.filter(bool)))
def test_labels_come_back_in_the_order_of_their_names(labels):
    found = labels_of(canonical_labels(labels))
    assert found == labels
    assert list(found) == sorted(labels, key=str.encode)


def test_equal_labels_are_equal_bytes_whatever_their_order_and_empty_values():
    one = canonical_labels({"job": "a", "__name__": "up", "zone": ""})
    assert one == canonical_labels([("__name__", "up"), ("job", "a")])
    assert series_id(one) == series_id(bytes(one)) != series_id(canonical_labels({"job": "a"}))


def test_a_name_that_is_given_twice_is_refused():
    with pytest.raises(ValueError, match="'job' is given twice"):
        canonical_labels([("job", "a"), ("job", "b")])


def test_only_the_one_nan_means_stale():
    values = np.array([1.0, np.nan, STALE_NAN, -np.nan, np.inf])
    assert is_stale(values).tolist() == [False, False, True, False, False]
    assert is_stale(values[::2]).tolist() == [False, True, False]
