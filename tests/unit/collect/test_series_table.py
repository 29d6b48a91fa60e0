from __future__ import annotations

import numpy as np
import pytest

from madang.collect.series_table import SeriesTable
from madang.core.errors import TooLargeError
from madang.core.samples import series_id


def test_places_are_of_the_different_series_in_any_order():
    table = SeriesTable()
    names = [b"a", b"b", b"c"]
    assert [table.number(name) for name in names] == [0, 1, 2]
    assert [table.number(name) for name in names] == [0, 1, 2]
    labels, ids, places = table.places(np.array([2, 0, 2, 2, 0]))
    assert sorted(labels) == [b"a", b"c"]
    assert ids.tolist() == [series_id(name) for name in labels]
    assert [labels[place] for place in places] == [b"c", b"a", b"c", b"c", b"a"]
    assert [len(part) for part in table.places(np.empty(0, np.int64))] == [0, 0, 0]


def test_it_grows():
    table = SeriesTable()
    numbers = [table.number(b"%d" % i) for i in range(5000)]
    labels, _, places = table.places(np.array(numbers))
    assert [labels[place] for place in places] == [b"%d" % i for i in range(5000)]


def test_it_is_forgotten_between_bodies():
    table = SeriesTable(limit_bytes=100)
    table.number(b"a")
    table.number(b"b")
    assert table.begin()
    assert len(table) == 0
    assert table.number(b"b") == 0
    assert table.labels(0) == b"b"


def test_one_body_brings_so_many_new_series():
    table = SeriesTable(new_limit=3)
    for _ in range(3):
        first = len(table)
        assert not table.begin()
        for i in range(3):
            table.number(b"%d" % (first + i))
        with pytest.raises(TooLargeError, match="more than 3 series that were not known"):
            table.number(b"x")
        assert table.number(b"0") == 0
