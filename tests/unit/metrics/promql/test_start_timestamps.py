"""Start timestamps: where they come from, who minds them, what is said of wrong ones."""

from __future__ import annotations

import numpy as np
import pytest

from madang.metrics.matcher import Matcher, MatchKind
from madang.metrics.memory import MemoryStorage, labels_from
from madang.metrics.promql import Options, QueryFailedError, evaluate_instant, evaluate_range
from madang.metrics.rules.overlay import OverlaidStorage, RecentResults, Results

MINUTE = 60_000
ON = Options(experimental=True, start_timestamps=True)
DELTA = labels_from({"__name__": "jobs_total", "kind": "delta"})
PLAIN = labels_from({"__name__": "jobs_total", "kind": "plain"})
UP = Matcher("__name__", MatchKind.EQUAL, "jobs_total")


@pytest.fixture
def storage():
    """Ten a minute: counted anew each time in one series, since ever in the other."""
    filled = MemoryStorage()
    times = np.arange(1, 11) * MINUTE
    filled.append(DELTA, times, np.full(10, 10.0), starts_ms=times - MINUTE + 1)
    filled.append(PLAIN, times, np.arange(1, 11) * 10.0)
    return filled


def values(result):
    return {dict(labels)["kind"]: result.series.values[row] for row, labels in
            enumerate(result.series.labels)}  # fmt: skip


def test_they_are_as_if_not_there_unless_they_are_switched_on(storage):
    query = "increase(jobs_total[5m])"
    found = values(evaluate_instant(query, storage, 10 * MINUTE, ON))
    assert found == {"delta": pytest.approx(50, rel=1e-4), "plain": 50.0}
    assert values(evaluate_instant(query, storage, 10 * MINUTE)) == {"delta": 0.0, "plain": 50.0}
    query = "start_timestamp(jobs_total)"
    at_ms = 10 * MINUTE + 5
    assert values(evaluate_instant(query, storage, at_ms, ON)) == {"delta": 540.001, "plain": 0.0}
    off = evaluate_instant(query, storage, at_ms, Options(experimental=True))
    assert len(off.series) == 0


def test_what_is_computed_has_none_but_may_be_wrong(storage):
    assert len(evaluate_instant("start_timestamp(-jobs_total)", storage, MINUTE, ON).series) == 0
    with pytest.raises(QueryFailedError, match="same labelset"):
        evaluate_instant('start_timestamp(label_replace(jobs_total, "kind", "", "", ""))',
                         storage, MINUTE, ON)  # fmt: skip


def test_gauges_and_time_do_not_mind_them(storage):
    for query in ("delta(jobs_total[5m])", "idelta(jobs_total[5m])", "changes(jobs_total[5m])"):
        off = values(evaluate_instant(query, storage, 10 * MINUTE))
        assert values(evaluate_instant(query, storage, 10 * MINUTE, ON)) == off


def test_they_stay_through_alternatives_marks_of_staleness_and_replaced_samples(storage):
    stale = np.array([0x7FF0000000000002]).view(np.float64)
    storage.append(DELTA, np.array([10 * MINUTE]), stale)
    storage.append(PLAIN, np.array([10 * MINUTE]), np.array([7.0]), starts_ms=np.array([599_000]))
    held = storage.select([UP], 9 * MINUTE, 10 * MINUTE).starts_ms
    assert held is not None
    assert held.tolist() == [8 * MINUTE + 1, 0, 0, 599_000]
    either = 'resets({kind="delta" or kind="plain"}[10m])'
    assert values(evaluate_instant(either, storage, 10 * MINUTE, ON)) == {"delta": 8, "plain": 1}


def test_they_stay_below_results_of_rules(storage):
    results = Results(9 * MINUTE + 1)
    results.add("jobs_total", {DELTA: 3.0})
    seen = OverlaidStorage(storage, RecentResults(), results)
    found = seen.select([UP], 9 * MINUTE, 10 * MINUTE)
    assert found.starts_ms is not None
    assert found.starts_ms.tolist() == [8 * MINUTE + 1, 0, 9 * MINUTE + 1, 0, 0]


def test_overlaps_are_counted_by_metric_and_told_where_they_came_up_first(storage):
    times = np.arange(1, 6) * MINUTE
    for name in ("early_total", "late_total"):
        storage.append(
            labels_from({"__name__": name}), times, times * 1.0, starts_ms=times - 90_000
        )
    query = "rate(late_total[2m]) + rate(late_total[2m]) + increase(early_total[2m])"
    text = "PromQL warning: sample has start time that overlaps with previous sample timestamp "
    result = evaluate_range(query, storage, MINUTE, 5 * MINUTE, MINUTE, ON)
    assert result.warnings == [
        f'{text}for metric "late_total" (8 occurrences) (1:6)',
        f'{text}for metric "early_total" (4 occurrences) (1:56)',
    ]
    fixed = "rate(late_total[2m] @ 180)"
    result = evaluate_range(fixed, storage, MINUTE, 5 * MINUTE, MINUTE, ON)
    assert result.warnings == [f'{text}for metric "late_total" (1:6)']
    assert evaluate_instant(query, storage, 5 * MINUTE).warnings == []
    assert evaluate_instant("delta(late_total[2m])", storage, 5 * MINUTE, ON).warnings == []


def test_a_single_sample_has_a_rate_if_it_started_in_the_window(storage):
    found = evaluate_instant("rate(jobs_total[30s])", storage, 10 * MINUTE, ON)
    assert len(found.series) == 0
    found = evaluate_instant("rate(jobs_total[1m])", storage, 10 * MINUTE, ON)
    assert values(found) == {"delta": pytest.approx(10 / 60)}


def test_times_beyond_all_reason_are_no_starts(storage):
    far = np.iinfo(np.int64)
    starts = np.array([far.min, far.max, -1, 0, 1, far.min, far.max, 2, far.max, far.min])
    times = np.arange(1, 11) * MINUTE
    labels = labels_from({"__name__": "odd_total", "kind": "odd"})
    storage.append(labels, times, np.arange(10) * 10.0, starts_ms=starts)
    for query, wanted in (("increase(odd_total[5m])", 50.0), ("resets(odd_total[10m])", 0.0)):
        assert values(evaluate_instant(query, storage, 10 * MINUTE, ON)) == {"odd": wanted}
