"""Whatever stands in a request: an answer in Prometheus's shape, never a failure of ours."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang.metrics.api.api import PrometheusApi
from madang.metrics.api.knowledge import Knowledge
from madang.metrics.api.rule_view import RuleGroupView, RuleView
from madang.metrics.memory import MemoryStorage, labels_from

ENDPOINTS = [
    *("query", "query_range", "query_exemplars", "series", "labels", "label/job/values"),
    *("metadata", "targets", "targets/metadata", "scrape_pools", "rules", "alerts"),
    *("alertmanagers", "format_query", "parse_query", "status/config", "status/flags"),
    *("status/runtimeinfo", "status/buildinfo", "status/tsdb", "status/walreplay"),
    *("notifications", "features"),
]
NAMES = [
    *("query", "time", "timeout", "limit", "lookback_delta", "stats", "start", "end", "step"),
    *("match[]", "metric", "limit_per_metric", "state", "scrapePool", "match_target", "type"),
    *("rule_name[]", "rule_group[]", "file[]", "exclude_alerts", "group_limit"),
    *("group_next_token",),
]
TEXTS = [
    *("", "up", "up{", 'up{job=~"("}', "\udcff", "\ud800", "9" * 5000, "-" + "9" * 400, "1e309"),
    *(
        "NaN",
        "Inf",
        "-1",
        "0",
        "1",
        "5m",
        "1h30m",
        "0x10",
        "٣",
        "\x00",
        "x" * 5000,
        "[",
        "(" * 2000,
    ),
    *("rate(up[5m])", "2015-06-03T13:21:58.555Z", "9999-99-99T99:99:99Z", "true", "all", "{}"),
    *('{__name__=""}', "up @ -1.5", "up offset 1y", "up @ start()", "sum(up)[5m:1m]", "1" * 19),
    *('label_replace(up, "x", "\\xff", "job", ".*")', '"\\xff"', "up or on() vector(1e300)"),
]


@pytest.fixture(scope="module")
def api():
    storage = MemoryStorage()
    labels = labels_from({"__name__": "up", "job": "api"})
    storage.append(labels, np.array([1000]), np.array([1.0]))
    groups = [
        RuleGroupView(name="g", file="f", interval_s=1, rules=[RuleView(name="r", query="1")])
    ]
    return PrometheusApi(storage, knowledge=Knowledge(rules=lambda: groups))


def check(answer):
    assert answer.status in {200, 400, 422, 503}
    body = json.loads(answer.body)
    if answer.status == 200:
        assert body["status"] == "success"
        assert "data" in body
    else:
        assert (body["status"], bool(body["error"])) == ("error", True)
        assert body["errorType"] in {"bad_data", "execution", "timeout", "unavailable"}
        assert len(body["error"]) < 15_000


READ = {
    "query": ["query", "time", "timeout", "limit", "lookback_delta", "stats"],
    "query_range": ["query", "start", "end", "step", "limit"],
    "query_exemplars": ["query", "start", "end"],
    "series": ["match[]", "start", "end", "limit"],
    "labels": ["match[]", "start", "limit"],
    "label/job/values": ["match[]", "end", "limit"],
    "metadata": ["metric", "limit", "limit_per_metric"],
    "targets": ["state", "scrapePool"],
    "targets/metadata": ["match_target", "metric", "limit"],
    "rules": ["type", "rule_name[]", "match[]", "exclude_alerts", "group_limit"],
    "format_query": ["query"],
    "parse_query": ["query"],
    "status/tsdb": ["limit"],
}


@pytest.mark.parametrize(
    ("endpoint", "name"), [(endpoint, name) for endpoint, names in READ.items() for name in names]
)
def test_one_parameter_with_anything(api, endpoint, name):
    usual = {"query": "up", "start": "0", "end": "60", "step": "15", "match[]": "up"}
    rest = [(own, text) for own, text in usual.items() if own != name]
    for text in TEXTS:
        check(api.answer(endpoint, [*rest, (name, text)]))


@given(
    st.sampled_from(ENDPOINTS),
    st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(TEXTS) | st.text(max_size=20))),
)
def test_any_parameters(api, endpoint, pairs):
    check(api.answer(endpoint, pairs))


@given(st.lists(st.tuples(st.sampled_from(["match[]", "x"]), st.sampled_from(TEXTS))))
def test_federation_with_anything(api, pairs):
    answer = api.federate(pairs)
    assert answer.status in {200, 400}
    assert answer.media_type.startswith("text/plain")


@pytest.mark.parametrize(
    "name", ["", "\udcff", "U__", "U___d800_", "U___" + "f" * 5000 + "_", "U__a_zz_", "\x00", "a/b"]
)
def test_any_label_name(api, name):
    check(api.answer(f"label/{name}/values", []))


def test_a_parameter_that_is_not_utf8_is_refused_by_its_name(api):
    status, body = 400, json.loads(api.answer("query", [("query", "up\udcff")]).body)
    assert body["error"] == 'invalid parameter "query": "up?" is not valid UTF-8'
    assert api.answer("query", [("query", "up\udcff")]).status == status


def test_of_repeated_parameters_the_first_counts(api):
    pairs = [("query", "1"), ("query", "up{"), ("time", "5"), ("time", "x")]
    assert json.loads(api.answer("query", pairs).body)["data"]["result"] == [5, "1"]
