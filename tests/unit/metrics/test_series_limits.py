"""Limits of series: who is refused, and which label is told to be the reason."""

import logging
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pytest

from madang.core.samples import SAMPLES_SCHEMA, canonical_labels, series_id
from madang.metrics.head.head import Head
from madang.metrics.head.intake import SampleColumns
from madang.metrics.head.series_limits import SeriesLimits, job_of
from madang.metrics.matcher import Matcher, MatchKind


def take(head, series, ts_ms=1000, announce=True):
    texts = [canonical_labels(labels) for labels in series]
    count = len(texts)
    batch = pa.RecordBatch.from_arrays(
        [
            pa.array([ts_ms] * count, pa.timestamp("ms", "UTC")),
            pa.array([series_id(text) for text in texts], pa.int64()),
            pa.array([1.0] * count, pa.float64()),
            pa.nulls(count, pa.binary()),
            pa.array(texts if announce else [None] * count, pa.binary()),
        ],
        schema=SAMPLES_SCHEMA,
    )
    head.take(SampleColumns.of(batch), ts_ms)


def pods(job, numbers, **more):
    own = {"job": job} if job else {}
    return [{"__name__": "up", **own, "pod": f"pod-{n}", **more} for n in numbers]


def names(head, job):
    found = head.select([Matcher("job", MatchKind.EQUAL, job)], 0, 10_000)
    return {dict(labels)["pod"] for labels in found.labels}


def test_a_job_takes_no_more_than_its_limit_and_others_go_on(caplog):
    head = Head(limits=SeriesLimits(per_job=3))
    with caplog.at_level(logging.WARNING):
        take(head, [*pods("a", range(5)), *pods("b", range(3)), *pods("", range(2))])
    assert names(head, "a") == {"pod-0", "pod-1", "pod-2"}
    assert (len(names(head, "b")), len(names(head, ""))) == (3, 2)
    assert (head.counts.over_limit, head.counts.unknown) == (2, 0)
    (refused,) = head.gate.refused
    assert (refused.job, refused.series, refused.label) == ("a", 2, "pod")
    assert "job 'a'" in caplog.text
    assert "'pod'" in caplog.text
    assert head.cardinality(10).refused == [refused]


def test_what_was_refused_is_counted_when_it_comes_without_labels():
    head = Head(limits=SeriesLimits(per_job=3))
    take(head, pods("a", range(5)))
    take(head, [*pods("a", range(5)), *pods("a", [99])], 2000, announce=False)
    assert (head.counts.over_limit, head.counts.unknown) == (4, 1)
    take(head, pods("a", range(6)), 3000)
    assert head.gate.refused[0].series == 3  # two of them were refused before


def test_a_higher_limit_lets_in_who_is_announced_again():
    head = Head(limits=SeriesLimits(per_job=3))
    take(head, pods("a", range(5)))
    head.gate.limits = SeriesLimits(per_job=4)
    take(head, pods("a", range(5)), 2000)
    assert len(names(head, "a")) == 4
    head.gate.limits = SeriesLimits()
    take(head, pods("a", range(5)), 3000)
    take(head, pods("a", range(5)), 4000, announce=False)
    assert len(names(head, "a")) == 5
    assert head.counts.over_limit == 3


def test_what_was_refused_is_not_sought_in_the_tables():
    class Tables:
        asked: ClassVar = []

        def labels_of(self, ids):
            self.asked += ids.tolist()
            return {}

    head = Head(limits=SeriesLimits(per_job=3))
    head.known_series = Tables()
    take(head, pods("a", range(50)))
    take(head, pods("a", range(51)), 2000, announce=False)
    assert Tables.asked == [series_id(canonical_labels(pods("a", [50])[0]))]
    assert (head.counts.over_limit, head.counts.unknown) == (94, 1)


def test_the_limit_of_all_series_holds_over_jobs():
    head = Head(limits=SeriesLimits(per_job=100, total=4))
    take(head, [*pods("a", range(3)), *pods("b", range(3))])
    assert len(head.index) == 4
    assert "there are 4 series already" in head.gate.refused[0].message


def test_where_jobs_explode_they_are_told_together(caplog):
    head = Head(limits=SeriesLimits(total=10))
    for first in range(0, 500, 50):
        with caplog.at_level(logging.WARNING):
            take(head, [{"__name__": "up", "job": f"j-{n}"} for n in range(first, first + 50)])
    refused = head.gate.refused
    assert len(refused) == 101
    assert sum(one.series for one in refused) == head.counts.over_limit == 490
    assert refused[0].message.startswith("390 series of other jobs were refused: there are 10")
    assert refused[0].label == "job"
    assert len(caplog.records) < 120


def test_repeated_announcements_take_no_room():
    head = Head(limits=SeriesLimits(per_job=3))
    take(head, pods("a", [0, 1, 0, 1, 0, 2]))
    take(head, pods("a", [2, 1, 0]), 2000)
    assert (len(head.index), head.counts.over_limit) == (3, 0)


@pytest.mark.parametrize("split", [1, 7, 400])
def test_the_label_with_most_new_values_is_named(split):
    head = Head(limits=SeriesLimits(per_job=1000))
    steady = [
        {"__name__": f"m{n % 40}", "job": "api", "instance": f"host-{n}", "code": str(n % 5)}
        for n in range(900)
    ]
    take(head, steady)
    exploding = [
        {"__name__": f"m{n % 40}", "job": "api", "instance": f"host-{n % 900}", "user": f"id-{n}"}
        for n in range(400)
    ]
    for begin in range(0, 400, split):
        take(head, exploding[begin : begin + split], 2000)
    (refused,) = head.gate.refused
    assert refused.series == 300
    assert head.counts.over_limit == 300
    if split > 1:
        assert refused.label in {"user", "instance"}
    assert refused.example


def test_an_explosion_behind_much_that_was_there_is_told_by_its_label():
    head = Head(limits=SeriesLimits(per_job=12_000))
    take(head, [{"__name__": "m", "job": "api", "instance": f"host-{n}"} for n in range(7000)])
    for begin in range(0, 6000, 500):
        take(
            head,
            [
                {"__name__": "m", "job": "api", "instance": f"host-{n % 3}", "user": f"id-{n}"}
                for n in range(begin, begin + 500)
            ],
            2000,
        )
    (refused,) = head.gate.refused
    assert (refused.label, refused.series) == ("user", 1000)


def test_new_combinations_of_old_values_blame_a_label_too():
    head = Head(limits=SeriesLimits(per_job=4))
    pairs = [{"__name__": "m", "job": "a", "x": x, "y": y} for x in "12" for y in "12"]
    take(head, pairs)
    take(head, [{"__name__": "m", "job": "a", "x": "1"}], 2000)
    assert head.gate.refused[0].series == 1


@pytest.mark.parametrize(
    ("labels", "job"),
    [
        (canonical_labels({"job": "a", "b": "job"}), "a"),
        (canonical_labels({"b": "job", "c": "x"}), ""),
        (b"", ""),
        (b"job", ""),
        (b"job\xff\xff", ""),
    ],
)
def test_the_job_of_labels(labels, job):
    assert job_of(labels) == job


def test_broken_labels_are_still_counted_as_such():
    head = Head(limits=SeriesLimits(per_job=2, total=2))
    texts = [b"job", *(canonical_labels(one) for one in pods("a", range(3)))]
    ids = np.arange(4)
    head.take(
        SampleColumns(ids, np.full(4, 1000), np.ones(4), np.arange(4), texts), arrived_ms=1000
    )
    assert len(head.index) + head.counts.broken_labels + head.counts.over_limit >= 3


def test_bytes_that_are_no_labels_do_not_break_what_is_told():
    head = Head(limits=SeriesLimits(total=1))
    texts = [b"a\xffb", b"", b"job\xff\xff\xfe\xff", b"job\xff\xfe"]
    ids = np.arange(4)
    head.take(
        SampleColumns(ids, np.full(4, 1000), np.ones(4), np.arange(4), texts), arrived_ms=1000
    )
    for one in head.gate.refused:
        one.message.encode()


def test_with_a_million_series_the_gate_is_quick_where_there_is_room():
    head = Head(limits=SeriesLimits(per_job=10**6, total=10**6))
    take(head, pods("a", range(20_000)))
    take(head, pods("a", range(20_000)), 2000)
    assert head.counts.over_limit == 0
