"""Prometheus's API over samples in memory: answers, parameters, errors."""

import json

import numpy as np
import pytest

from madang.core.clock import ManualClock
from madang.metrics.api.api import PrometheusApi
from madang.metrics.memory import MemoryStorage, labels_from
from madang.metrics.promql import Budget, Options

NOW_MS = 1_435_781_451_781
STEP_MS = 15_000


@pytest.fixture(scope="module")
def api():
    storage = MemoryStorage()
    times = NOW_MS - STEP_MS * np.arange(40)[::-1]
    for job, instance, value in (("api", "a", 1.0), ("api", "b", 2.5), ("한글", 'q"', 0.0)):
        labels = labels_from({"__name__": "up", "job": job, "instance": instance})
        storage.append(labels, times, np.full(40, value))
    storage.append(labels_from({"__name__": "total", "my.label": "v"}), times, np.arange(40) * 3.0)
    return PrometheusApi(storage, clock=ManualClock(NOW_MS * 1000))


def ask(api, endpoint, **params):
    pairs = [
        (name.replace("match", "match[]"), one)
        for name, value in params.items()
        for one in (value if isinstance(value, list) else [value])
    ]
    answer = api.answer(endpoint, pairs)
    return answer.status, json.loads(answer.body)


def data_of(api, endpoint, **params):
    status, body = ask(api, endpoint, **params)
    assert status == 200, body
    assert body["status"] == "success"
    return body["data"]


def test_a_vector_at_now(api):
    assert data_of(api, "query", query='up{job="api"}') == {
        "resultType": "vector",
        "result": [
            {
                "metric": {"__name__": "up", "instance": instance, "job": "api"},
                "value": [1435781451.781, value],
            }
            for instance, value in (("a", "1"), ("b", "2.5"))
        ],
    }


def test_scalars_texts_and_range_vectors(api):
    assert data_of(api, "query", query="1e21", time="0.5") == {
        "resultType": "scalar",
        "result": [0.5, "1000000000000000000000"],
    }
    assert data_of(api, "query", query='"마당"', time="2015-07-01T20:10:51Z") == {
        "resultType": "string",
        "result": [1435781451, "마당"],
    }
    found = data_of(api, "query", query="total[30s]")
    assert found["resultType"] == "matrix"
    assert found["result"][0]["values"] == [[1435781436.781, "114"], [1435781451.781, "117"]]


def test_a_matrix_over_steps(api):
    start, end = str((NOW_MS - 60_000) / 1000), str(NOW_MS / 1000)
    found = data_of(api, "query_range", query="sum by (job)(up)", start=start, end=end, step="30s")
    assert found["resultType"] == "matrix"
    assert found["result"][0]["metric"] == {"job": "api"}
    assert [value for _, value in found["result"][0]["values"]] == ["3.5"] * 3
    assert found["result"][0]["values"][0][0] == 1435781391.781


def test_series_and_labels(api):
    assert data_of(api, "series", match=['up{instance="a"}', "total"]) == [
        {"__name__": "total", "my.label": "v"},
        {"__name__": "up", "instance": "a", "job": "api"},
    ]
    assert data_of(api, "labels") == ["__name__", "instance", "job", "my.label"]
    assert data_of(api, "labels", match="total") == ["__name__", "my.label"]
    assert data_of(api, "label/job/values") == ["api", "한글"]
    assert data_of(api, "label/__name__/values") == ["total", "up"]
    assert data_of(api, "label/U__my_2e_label/values") == ["v"]
    assert data_of(api, "label/instance/values", match='up{job!="api"}') == ['q"']


def test_limits_say_that_they_cut(api):
    for endpoint, more in (
        ("query", {"query": "up"}),
        ("series", {"match": "up"}),
        ("labels", {}),
        ("label/instance/values", {}),
    ):
        _, body = ask(api, endpoint, limit="1", **more)
        found = body["data"]
        assert len(found["result"] if isinstance(found, dict) else found) == 1
        assert body["warnings"] == ["results truncated due to limit"]


LISTS = [("series", {"match": "up"}), ("labels", {}), ("label/instance/values", {})]


@pytest.mark.parametrize(("endpoint", "more"), LISTS)
def test_lists_read_one_more_than_they_tell(api, monkeypatch, endpoint, more):
    storage, read = api._samples._storage, []
    for name in ("series", "label_names", "label_values"):
        method = getattr(storage, name)

        def noted(*args, limit=0, method=method):
            read.append(limit)
            return method(*args, limit=limit)

        monkeypatch.setattr(storage, name, noted)
    ask(api, endpoint, limit="1", **more)
    ask(api, endpoint, **more)
    assert read == [2, 1_000_001]


@pytest.mark.parametrize(("endpoint", "more"), LISTS)
def test_lists_that_are_too_long_are_no_answer_without_a_limit(api, endpoint, more):
    pairs = [(name.replace("match", "match[]"), one) for name, one in more.items()]
    for limit, status in (("", 422), ("1", 200), ("2", 422)):
        budget = Budget(Options(max_series=1))
        answer = api.answer(endpoint, [*pairs, ("limit", limit)], budget=budget)
        assert answer.status == status
        if status != 200:
            body = json.loads(answer.body)
            assert body["errorType"] == "execution"
            assert "give a limit" in body["error"]
        _, body = ask(api, endpoint, limit="1000", **more)
        assert "warnings" not in body


RANGE = {"query": "up", "start": "0", "end": "60", "step": "15"}


@pytest.mark.parametrize(
    ("endpoint", "params", "status", "kind", "text"),
    [
        ("query", {}, 400, "bad_data", 'invalid parameter "query"'),
        ("query", {"query": "up{"}, 400, "bad_data", ""),
        ("query", {"query": "up", "time": "x"}, 400, "bad_data", 'invalid parameter "time"'),
        ("query", {"query": "up", "timeout": "x"}, 400, "bad_data", "timeout"),
        ("query", {"query": "up", "limit": "-1"}, 400, "bad_data", "limit"),
        ("query", {"query": "up * on() up"}, 422, "execution", "many-to-many"),
        ("query_range", {**RANGE, "step": "0"}, 400, "bad_data", "zero or negative"),
        ("query_range", {**RANGE, "end": "-1"}, 400, "bad_data", "must not be before start"),
        ("query_range", {**RANGE, "step": "0.001"}, 400, "bad_data", "11,000 points"),
        ("query_range", {**RANGE, "query": "up[5m]"}, 400, "bad_data", "range vector"),
        ("query_range", {"query": "up"}, 400, "bad_data", 'invalid parameter "start"'),
        ("series", {}, 400, "bad_data", "no match[] parameter provided"),
        ("series", {"match": "rate(up[5m])"}, 400, "bad_data", "no selector"),
        ("labels", {"start": "9", "end": "1"}, 400, "bad_data", "must not be before start"),
    ],
)
def test_errors_have_a_type_and_say_which_parameter(api, endpoint, params, status, kind, text):
    found, body = ask(api, endpoint, **params)
    assert (found, body["status"], body["errorType"]) == (status, "error", kind), body
    assert text in body["error"]


def test_what_is_not_there_is_somebody_elses(api):
    assert api.answer("admin/tsdb/snapshot", []) is None


def test_a_query_that_takes_too_long_is_told_so():
    storage = MemoryStorage()
    storage.append(labels_from({"__name__": "up"}), np.array([0]), np.array([1.0]))
    slow = PrometheusApi(storage, options=Options(timeout_s=0.0))
    status, body = ask(slow, "query", query="sum(up)", time="0")
    assert (status, body["errorType"]) == (503, "timeout")
