import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang.core.distinct import distinct

NUMBERS = st.lists(st.integers(-(2**31), 2**31 - 1) | st.integers(-2, 2))


@given(st.lists(NUMBERS, min_size=1, max_size=4), st.sampled_from([np.int32, np.int64]))
def test_each_value_once_in_order(lists, kind):
    found = distinct(*(np.array(one, kind) for one in lists))
    assert found.dtype == kind
    assert found.tolist() == sorted({number for one in lists for number in one})


def test_some_array_there_must_be():
    with pytest.raises(ValueError, match="need at least one array"):
        distinct()
