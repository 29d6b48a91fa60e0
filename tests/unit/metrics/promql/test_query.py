"""The entries of PromQL: kinds of answers, their order, limits, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from madang.core.errors import CancelledError, DeadlineError
from madang.metrics.memory import MemoryStorage, labels_from
from madang.metrics.promql import (
    BadQueryError,
    Budget,
    Kind,
    NativeHistogramError,
    Options,
    QueryFailedError,
    evaluate_instant,
    evaluate_range,
)


@pytest.fixture(scope="module")
def storage():
    filled = MemoryStorage()
    times = np.arange(0, 600_000, 15_000)
    for pod in ("b", "a", "c"):
        values = np.arange(len(times)) * {"a": 1.0, "b": 2.0, "c": 3.0}[pod]
        filled.append(labels_from({"__name__": "requests_total", "pod": pod}), times, values)
    filled.append(
        labels_from({"__name__": "latency"}), np.array([300_000]), np.array([0.0]), ["histogram"]
    )
    return filled


def pods(result):
    return [dict(labels).get("pod") for labels in result.series.labels]


def test_an_instant_answer_keeps_the_order_and_a_range_answer_is_sorted(storage):
    single = evaluate_instant("requests_total", storage, 300_000)
    assert (single.kind, pods(single)) == (Kind.VECTOR, ["b", "a", "c"])
    assert single.series.values.tolist() == [40.0, 20.0, 60.0]
    matrix = evaluate_range("requests_total", storage, 0, 60_000, 30_000)
    assert (matrix.kind, pods(matrix)) == (Kind.MATRIX, ["a", "b", "c"])
    assert matrix.series.values.tolist() == [0, 2, 4, 0, 4, 8, 0, 6, 12]
    assert matrix.series.ts_ms.tolist() == [0, 30_000, 60_000] * 3


def test_scalars_strings_and_range_vectors_are_answers_of_their_own(storage):
    scalar = evaluate_instant("time() + 1", storage, 5_000)
    assert (scalar.kind, scalar.series.values.tolist()) == (Kind.SCALAR, [6.0])
    text = evaluate_instant(r'"a\xff\u00e9"', storage, 5_000)
    assert (text.kind, text.text) == (Kind.STRING, "a\ufffdé")
    window = evaluate_instant('requests_total{pod="a"}[30s]', storage, 60_000)
    assert (window.kind, window.series.values.tolist()) == (Kind.MATRIX, [3.0, 4.0])
    subquery = evaluate_instant("rate(requests_total[1m])[1m:30s]", storage, 300_000)
    assert subquery.series.labels[0] == (("pod", "b"),)
    assert evaluate_range("time()", storage, 0, 2_000, 1_000).series.values.tolist() == [0, 1, 2]


def test_steps_end_before_the_end(storage):
    assert evaluate_range("time()", storage, 0, 2_999, 1_000).series.samples == 3


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "no expression found"),
        ("sum(", "."),
        ("requests_total[5m]", "invalid expression type"),
        ("nothing(requests_total)", "unknown function"),
        ("mad_over_time(requests_total[5m])", "'mad_over_time' is not enabled"),
        ("limitk(1, requests_total)", "must be enabled"),
        ("requests_total @ 1e300", "timestamp out of bounds"),
        ("1" + "+1" * 3_000, "operators and brackets, over"),
        ("(" * 3_000 + "1" + ")" * 3_000, "operators and brackets, over"),
        ('requests_total{pod=~"("}', "regex"),
        ("requests_total[99999999999y]", "duration"),
    ],
)
def test_what_is_no_query_is_refused(storage, query, message):
    with pytest.raises(BadQueryError, match=message):
        evaluate_range(query, storage, 0, 60_000, 30_000)


def test_a_chain_of_many_operators_is_refused_and_not_a_crash(storage):
    with pytest.raises(BadQueryError, match="nests too deep"):
        evaluate_instant("requests_total" + "+requests_total" * 900, storage, 300_000)


def test_wrong_steps_are_refused(storage):
    with pytest.raises(BadQueryError, match="must be more than 0"):
        evaluate_range("1", storage, 0, 1_000, 0)
    with pytest.raises(BadQueryError, match="before the start"):
        evaluate_range("1", storage, 1_000, 0, 1_000)


def test_limits_of_samples_series_and_results(storage):
    few = Options(max_samples=50)
    with pytest.raises(QueryFailedError, match="too many samples"):
        evaluate_range("requests_total", storage, 0, 600_000, 30_000, few)
    with pytest.raises(QueryFailedError, match="3 series, over 2"):
        evaluate_instant("requests_total", storage, 60_000, Options(max_series=2))
    with pytest.raises(QueryFailedError, match="at 31,536,000 steps are over"):
        evaluate_instant(
            "max_over_time(requests_total[1y:1s])", storage, 60_000, Options(max_samples=1_000_000)
        )
    assert evaluate_instant("requests_total", storage, 300_000).samples == 60


def test_time_out_and_cancellation(storage):
    with pytest.raises(DeadlineError, match="longer than 0 s"):
        evaluate_instant("requests_total", storage, 60_000, Options(timeout_s=0))
    budget = Budget(Options())
    budget.cancelled = True
    with pytest.raises(CancelledError):
        evaluate_instant("requests_total", storage, 60_000, budget=budget)


def test_native_histograms_are_named_as_what_cannot_be_evaluated_yet(storage):
    with pytest.raises(NativeHistogramError, match="cannot be evaluated yet"):
        evaluate_instant("latency", storage, 300_000)


def test_annotations_say_where_they_belong(storage):
    result = evaluate_instant("sum(\n  rate(latency_gauge[1m])) or\nquantile(7, vector(1))",
                              with_gauge(), 60_000)  # fmt: skip
    assert result.infos == [
        "PromQL info: metric might not be a counter, name does not end in "
        '_total/_sum/_count/_bucket: "latency_gauge" (2:8)'
    ]
    assert result.warnings == [
        "PromQL warning: quantile value should be between 0 and 1, got 7 (3:10)"
    ]


def with_gauge():
    storage = MemoryStorage()
    labels = labels_from({"__name__": "latency_gauge"})
    storage.append(labels, np.array([0, 30_000, 60_000]), np.array([1.0, 2.0, 3.0]))
    return storage


def test_the_name_is_dropped_at_once_or_at_the_end(storage):
    query = 'label_replace(rate(requests_total[1m]), "name", "$1", "__name__", "(.*)")'
    at_once = evaluate_instant(query, storage, 300_000)
    assert at_once.series.labels[0] == (("pod", "b"),)
    later = evaluate_instant(query, storage, 300_000, Options(delayed_name_removal=True))
    assert later.series.labels[0] == (("name", "requests_total"), ("pod", "b"))


def test_numbers_that_cancel_each_other_out_keep_what_is_left():
    storage = MemoryStorage()
    values = np.array([5e101, 1.0, -5e101, 3.0])
    storage.append(labels_from({"__name__": "m"}), np.arange(1, 5) * 1_000, values)
    for row, value in enumerate(values.tolist()):
        labels = labels_from({"__name__": "n", "row": str(row), "group": "x"})
        storage.append(labels, np.array([4_000]), np.array([value]))
    for query in ("sum_over_time(m[1m])", "sum(n)", "sum by (group) (n)"):
        assert evaluate_instant(query, storage, 4_000).series.values.tolist() == [4.0], query
    big = MemoryStorage()
    big.append(labels_from({"__name__": "m"}), np.arange(3) * 1_000, np.full(3, 1.7e308))
    assert evaluate_instant("avg_over_time(m[1m])", big, 4_000).series.values[0] == pytest.approx(
        1.7e308
    )


@pytest.mark.parametrize(
    ("query", "values", "infos"),
    [
        ('count({__name__=~".+"})', [4.0], []),
        ("latency == 3", [], ["binary operator"]),
        ('max({__name__=~".+"})', [60.0], ["ignored histogram in max aggregation (1:5)"]),
        ("abs(latency)", [], []),
        ("count_over_time(latency[5m])", [1.0], []),
        ("max_over_time(latency[5m])", [], []),
        ("vector(7) unless on () latency", [], []),
    ],
)
def test_native_histograms_pass_where_they_are_counted_or_left_out(storage, query, values, infos):
    result = evaluate_instant(query, storage, 300_000)
    assert result.series.values.tolist() == values
    assert len(result.infos) == len(infos)
    assert all(text in found for text, found in zip(infos, result.infos, strict=True))


@pytest.mark.parametrize("query", ["sum(latency)", "latency * 2", "rate(latency[5m])", "-latency"])
def test_native_histograms_are_refused_where_they_would_be_computed_with(storage, query):
    with pytest.raises(NativeHistogramError):
        evaluate_instant(query, storage, 300_000)
