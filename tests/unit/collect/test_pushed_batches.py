from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang.collect.pushed import NativeHistograms, Pushed
from madang.collect.pushed_batches import AHEAD_MS, PushedBatches, in_time
from madang.core.samples import Samples, canonical_labels, series_id

NOW_MS = 1_760_000_000_000
EVERY_MS = 600_000
NAMES = [canonical_labels({"__name__": "m", "n": str(n)}) for n in range(20)]


def pushed(rows, histograms=()):
    """Of (series, ms, value), histograms with their messages."""
    used = sorted({row[0] for row in [*rows, *histograms]})
    place = {name: at for at, name in enumerate(used)}
    ids = np.array([series_id(NAMES[name]) for name in used], np.int64)

    def column(of, at, kind):
        return np.array([row[at] for row in of], kind)

    return Pushed(
        Samples(
            [NAMES[name] for name in used],
            np.array([place[row[0]] for row in rows], np.int32),
            column(rows, 1, np.int64),
            column(rows, 2, np.float64),
        ),
        ids,
        histograms=NativeHistograms(
            np.array([place[row[0]] for row in histograms], np.int32),
            column(histograms, 1, np.int64),
            column(histograms, 2, np.float64),
            [row[3] for row in histograms],
        ),
    )


def make(batches, body, now_ms=NOW_MS, stream="a", partitions=1):
    return batches.batches(body, now_ms, stream=stream, partitions=partitions)


def rows_of(made):
    return [row for one in made for row in one.batch.to_pylist()]


def test_labels_stand_beside_the_first_sample_until_they_are_in_the_stream():
    batches = PushedBatches()
    body = pushed([(0, NOW_MS, 1.0), (1, NOW_MS, 2.0), (0, NOW_MS + 1, 3.0)])
    (first,) = make(batches, body)
    assert [row["labels"] for row in rows_of([first])] == [NAMES[0], NAMES[1], None]
    assert [row["value"] for row in rows_of([first])] == [1.0, 2.0, 3.0]
    (again,) = make(batches, body)  # the first one may still fail
    assert [row["labels"] for row in rows_of([again])] == [NAMES[0], NAMES[1], None]
    batches.appended(first)
    assert [row["labels"] for row in rows_of(make(batches, body))] == [None] * 3
    more = pushed([(0, NOW_MS, 1.0), (2, NOW_MS, 2.0)])
    assert [row["labels"] for row in rows_of(make(batches, more))] == [None, NAMES[2]]


def test_labels_are_said_again_each_series_in_its_turn():
    batches = PushedBatches(announce_every_ms=EVERY_MS)
    body = pushed([(n, NOW_MS, 1.0) for n in range(20)])
    said = []
    for step in range(2 * 20):
        (made,) = make(batches, body, NOW_MS + step * EVERY_MS // 20)
        batches.appended(made)
        said.append(len(made.ids))
    assert said[0] == 20
    assert sum(said[1:21]) == 20  # each once in the time that follows
    assert max(said[1:]) < 10  # not all at once


def test_another_log_or_another_number_of_partitions_hears_all_labels():
    batches = PushedBatches()
    body = pushed([(0, NOW_MS, 1.0)])
    for stream, partitions in (("a", 1), ("b", 1), ("b", 4)):
        for expected in (1, 0):
            made = make(batches, body, stream=stream, partitions=partitions)
            assert sum(len(one.ids) for one in made) == expected
            for one in made:
                batches.appended(one)


def test_beyond_the_limit_all_labels_are_said_again():
    batches = PushedBatches(known_limit=5)
    for names in (range(5), range(5, 8), range(5, 8)):
        (made,) = make(batches, pushed([(n, NOW_MS, 1.0) for n in names]))
        batches.appended(made)
    assert not len(made.ids)
    (made,) = make(batches, pushed([(0, NOW_MS, 1.0)]))
    assert len(made.ids) == 1


def test_series_that_are_gone_are_forgotten(monkeypatch):
    monkeypatch.setattr("madang.collect.pushed_batches._TIDY_AT", 6)
    batches = PushedBatches()
    for hour in range(10):
        now_ms = NOW_MS + hour * 3_600_000
        for names in ((hour, hour + 1), (hour + 2, hour + 3)):
            (made,) = make(batches, pushed([(n, now_ms, 1.0) for n in names]), now_ms)
            batches.appended(made)
        assert len(batches._rounds) <= 8
        (made,) = make(batches, pushed([(n, now_ms, 1.0) for n in range(hour, hour + 4)]), now_ms)
        assert not len(made.ids)


def test_histograms_come_behind_the_samples():
    body = pushed([(0, NOW_MS, 1.0)], [(0, NOW_MS, 7.5, b"zero"), (1, NOW_MS, 2.5, b"one")])
    rows = rows_of(make(PushedBatches(), body))
    assert [(row["value"], row["histogram"], row["labels"]) for row in rows] == [
        (1.0, None, NAMES[0]),
        (7.5, b"zero", None),
        (2.5, b"one", NAMES[1]),
    ]


def test_nothing_makes_no_batch():
    assert make(PushedBatches(), pushed([])) == []


@given(
    st.lists(st.tuples(st.integers(0, 19), st.integers(0, 9)), max_size=40),
    st.lists(st.tuples(st.integers(0, 19), st.integers(0, 9)), max_size=10),
    st.integers(1, 5),
)
def test_every_partition_has_its_series_labels_first(samples, histograms, partitions):
    body = pushed(
        [(name, NOW_MS + at, float(at)) for name, at in samples],
        [(name, NOW_MS + at, float(at), b"%d" % at) for name, at in histograms],
    )
    made = make(PushedBatches(), body, partitions=partitions)
    found = []
    for one in made:
        known = {}
        for row in one.batch.to_pylist():
            if row["labels"] is not None:
                assert known.setdefault(row["series"], row["labels"]) is row["labels"]
                assert series_id(row["labels"]) == row["series"]
            assert row["series"] % 2**64 % partitions == one.partition
            at = row["ts"].timestamp() * 1000 - NOW_MS
            assert row["value"] == round(at)
            assert row["histogram"] in (None, b"%d" % round(at))
            found.append((known[row["series"]], round(at), row["histogram"] is not None))
    expected = [(NAMES[name], at, False) for name, at in samples]
    expected += [(NAMES[name], at, True) for name, at in histograms]
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize("ts_ms", [NOW_MS + AHEAD_MS + 1, -1, -(2**63), 2**63 - 1])
def test_what_nobody_can_have_measured_is_refused(ts_ms):
    body = pushed([(0, NOW_MS, 1.0), (1, ts_ms, 2.0), (1, NOW_MS, 3.0)], [(2, ts_ms, 1.0, b"h")])
    taken = in_time(body, NOW_MS)
    assert taken.samples.values.tolist() == [1.0, 3.0]
    assert len(taken.histograms) == 0
    assert taken.refused_count == 2
    assert [one.position for one in taken.refused] == [0, 0]
    assert taken.refused[0].text == "__name__ m n 1"
    assert "before 1970" in taken.refused[0].reason or "ahead" in taken.refused[0].reason
    (made,) = make(PushedBatches(), taken)
    assert len(made.ids) == 2  # who has no sample left is not announced


def test_what_is_in_time_stays_as_it_is():
    body = pushed([(0, NOW_MS + AHEAD_MS, 1.0), (1, 0, 2.0)])
    assert in_time(body, NOW_MS) is body


def test_what_is_late_for_certain_is_refused():
    batches = PushedBatches()
    assert batches.oldest_ms(60_000, NOW_MS) == 0
    (made,) = make(batches, pushed([(0, NOW_MS - 5, 1.0), (1, NOW_MS, 1.0)]))
    assert batches.oldest_ms(60_000, NOW_MS) == 0  # it may still fail
    batches.appended(made)
    oldest_ms = batches.oldest_ms(60_000, NOW_MS)
    assert oldest_ms == NOW_MS - 60_000
    body = pushed([(0, oldest_ms, 1.0), (1, oldest_ms - 1, 2.0)])
    an_hour_back_ms = NOW_MS - 3_600_000  # the clock is set right
    assert batches.oldest_ms(60_000, an_hour_back_ms) == an_hour_back_ms + 540_000
    taken = in_time(body, NOW_MS, oldest_ms)
    assert taken.samples.values.tolist() == [1.0]
    assert "a sample of 60 s ago" in taken.refused[0].reason
    make(batches, body, stream="another")
    assert batches.oldest_ms(60_000, NOW_MS) == 0


def test_of_several_partitions_the_one_that_is_behind_counts():
    batches = PushedBatches()
    for offset, names in ((0, range(20)), (9, range(1))):
        body = pushed([(name, NOW_MS + offset, 1.0) for name in names])
        for made in make(batches, body, partitions=3):
            batches.appended(made)
    assert batches.oldest_ms(10, NOW_MS) == NOW_MS - 10
