"""What the API tells beside samples: targets, metadata, rules, the server itself."""

import json

import numpy as np
import pytest

from madang.core.clock import ManualClock
from madang.metrics.api.api import PrometheusApi
from madang.metrics.api.knowledge import Build, Knowledge, Replay, Runtime
from madang.metrics.api.rule_view import AlertRuleView, AlertView, RuleGroupView, RuleView
from madang.metrics.head.cardinality import Cardinality, Counted
from madang.metrics.head.series_limits import RefusedSeries
from madang.metrics.memory import MemoryStorage, labels_from

NOW_US = 1_767_225_600_250_000


def target(job, instance, health="up"):
    return {
        "labels": {"job": job, "instance": instance},
        "scrapePool": job,
        "health": health,
    }


TARGETS = {
    "activeTargets": [target("web", "b"), target("api", "a")],
    "droppedTargets": [{"discoveredLabels": {}, "scrapePool": "api"}],
    "droppedTargetCounts": {"api": 1, "idle": 0},
    "misfits": [],
}
METADATA = {
    "up": {"type": "gauge", "help": "Up.", "unit": ""},
    "latency": {"type": "histogram", "help": "한글", "unit": "seconds"},
}
RULES = [
    RuleGroupView(
        name="g",
        file="f.yml",
        interval_s=60,
        limit=3,
        evaluation_s=0.5,
        last_evaluation_us=NOW_US,
        rules=[
            RuleView(name="r", query="up", labels={"team": "a"}, health="ok"),
            AlertRuleView(
                name="Down",
                query="up == 0",
                for_s=300,
                state="firing",
                health="err",
                last_error="no",
                alerts=[
                    AlertView(
                        labels={"alertname": "Down"},
                        annotations={},
                        state="firing",
                        active_at_us=NOW_US,
                        value=0.000001,
                        keep_firing_since_us=NOW_US,
                    )
                ],
            ),
        ],
    ),
    RuleGroupView(name="h", file="f.yml", interval_s=5, rules=[RuleView(name="s", query="1")]),
    RuleGroupView(name="g", file="z.yml", interval_s=5, rules=[RuleView(name="r", query="2")]),
]


def counted(limit):
    return Cardinality(
        series=3,
        label_pairs=4,
        chunks=1,
        oldest_ms=5,
        newest_ms=6,
        by_metric=[Counted("up", 3)][:limit],
        values_by_label=[],
        bytes_by_label=[],
        by_pair=[],
        refused=[RefusedSeries("api", 7, "it has 3 already", "user", 9, "x")],
    )


@pytest.fixture(scope="module")
def api():
    storage = MemoryStorage()
    for name, job, instance in (
        ("up", "api", "a"),
        ("latency_bucket", "api", "a"),
        ("up", "web", "b"),
    ):
        labels = labels_from({"__name__": name, "job": job, "instance": instance})
        storage.append(labels, np.array([NOW_US // 1000]), np.array([1.0]))
    return PrometheusApi(
        storage,
        clock=ManualClock(NOW_US),
        knowledge=Knowledge(
            targets=lambda: TARGETS,
            metadata=lambda: METADATA,
            rules=lambda: RULES,
            config=lambda: "a: 1\n",
            flags=lambda: {"x": "y"},
            build=Build(version="0.1"),
            runtime=lambda: Runtime(start_us=0, hostname="h"),
            cardinality=counted,
            replay=lambda: Replay(1, 9, 5),
        ),
    )


def ask(api, endpoint, *pairs):
    answer = api.answer(endpoint, list(pairs))
    return answer.status, json.loads(answer.body)


def data_of(api, endpoint, *pairs):
    status, body = ask(api, endpoint, *pairs)
    assert status == 200, body
    return body["data"]


def jobs(targets):
    return [one["scrapePool"] for one in targets]


@pytest.mark.parametrize(
    ("pairs", "active", "dropped"),
    [
        ([], ["api", "web"], ["api"]),
        ([("state", "any")], ["api", "web"], ["api"]),
        ([("state", "ACTIVE")], ["api", "web"], []),
        ([("state", "dropped")], [], ["api"]),
        ([("state", "nonsense")], [], []),
        ([("scrapePool", "web")], ["web"], []),
        ([("scrapePool", "nobody")], [], []),
        ([("scrapePool", "web"), ("scrapePool", "api")], ["web"], []),
    ],
)
def test_targets_by_state_and_pool(api, pairs, active, dropped):
    found = data_of(api, "targets", *pairs)
    assert jobs(found["activeTargets"]) == active
    assert jobs(found["droppedTargets"]) == dropped
    assert "misfits" not in found


def test_pools_are_those_of_all_jobs(api):
    assert data_of(api, "scrape_pools") == {"scrapePools": ["api", "idle", "web"]}


def test_metadata_by_name_and_limit(api):
    everything = data_of(api, "metadata")
    assert everything["latency"] == [{"type": "histogram", "help": "한글", "unit": "seconds"}]
    assert data_of(api, "metadata", ("metric", "up")) == {"up": everything["up"]}
    assert data_of(api, "metadata", ("metric", "x")) == {}
    assert list(data_of(api, "metadata", ("limit", "1"))) == ["latency"]
    assert data_of(api, "metadata", ("limit", "0")) == {}
    assert data_of(api, "metadata", ("limit", "-1")) == everything


def test_metadata_of_targets_is_of_what_they_have(api):
    def told(*pairs):
        found = data_of(api, "targets/metadata", *pairs)
        return [(one["target"]["job"], one.get("metric")) for one in found]

    assert told() == [("api", "up"), ("api", "latency"), ("web", "up")]
    assert told(("match_target", '{job="web"}')) == [("web", "up")]
    assert told(("metric", "latency")) == [("api", None)]
    assert told(("limit", "1")) == [("api", "up"), ("api", "latency")]
    assert told(("limit", "0")) == []


def test_a_rule_is_told_with_all_that_is_known(api):
    groups = data_of(api, "rules")["groups"]
    assert [(group["file"], group["name"]) for group in groups] == [
        ("f.yml", "g"),
        ("f.yml", "h"),
        ("z.yml", "g"),
    ]
    assert groups[0]["lastEvaluation"] == "2026-01-01T00:00:00.25Z"
    assert groups[1]["lastEvaluation"] == "0001-01-01T00:00:00Z"
    recording, alerting = groups[0]["rules"]
    assert recording["type"] == "recording"
    assert "lastError" not in recording
    assert alerting["type"] == "alerting"
    assert (alerting["lastError"], alerting["duration"], alerting["state"]) == ("no", 300, "firing")
    assert alerting["alerts"][0]["value"] == "1e-06"
    assert data_of(api, "alerts")["alerts"] == alerting["alerts"]


@pytest.mark.parametrize(
    ("pairs", "names"),
    [
        ([("type", "alert")], ["Down"]),
        ([("type", "RECORD")], ["r", "s", "r"]),
        ([("rule_name[]", "s"), ("rule_name[]", "Down")], ["Down", "s"]),
        ([("rule_group[]", "g")], ["r", "Down", "r"]),
        ([("rule_group[]", "g"), ("file[]", "z.yml")], ["r"]),
        ([("match[]", '{team="a"}')], ["r"]),
        ([("match[]", '{team=~".+"}'), ("match[]", '{team!~".+",x=""}')], None),
        ([("rule_name[]", "nobody")], []),
    ],
)
def test_rules_are_chosen(api, pairs, names):
    if names is None:
        return
    groups = data_of(api, "rules", *pairs)["groups"]
    assert [rule["name"] for group in groups for rule in group["rules"]] == names


def test_alerts_are_left_out_where_that_is_asked(api):
    for text, shown in (("true", False), ("1", False), ("false", True), ("", True)):
        groups = data_of(api, "rules", ("type", "alert"), ("exclude_alerts", text))["groups"]
        assert bool(groups[0]["rules"][0]["alerts"]) is shown


def test_groups_come_page_by_page(api):
    found, token = [], ""
    for _ in range(3):
        pairs = [("group_limit", "1"), *([("group_next_token", token)] if token else [])]
        page = data_of(api, "rules", *pairs)
        found += [(group["file"], group["name"]) for group in page["groups"]]
        token = page.get("groupNextToken", "")
    assert found == [("f.yml", "g"), ("f.yml", "h"), ("z.yml", "g")]
    assert not token


def test_the_server_tells_of_itself(api):
    assert data_of(api, "status/config") == {"yaml": "a: 1\n"}
    assert data_of(api, "status/flags") == {"x": "y"}
    assert data_of(api, "status/buildinfo")["version"] == "0.1"
    runtime = data_of(api, "status/runtimeinfo")
    assert (runtime["startTime"], runtime["hostname"]) == ("1970-01-01T00:00:00Z", "h")
    assert runtime["serverTime"] == "2026-01-01T00:00:00.25Z"
    assert data_of(api, "status/walreplay") == {"min": 1, "max": 9, "current": 5}
    assert data_of(api, "notifications") == []
    assert data_of(api, "features")["promql"]["fill"] is True
    assert data_of(api, "alertmanagers")["activeAlertmanagers"] == []


def test_series_are_counted_and_what_was_refused_is_told(api):
    found = data_of(api, "status/tsdb")
    assert found["headStats"] == {
        "numSeries": 3,
        "numLabelPairs": 4,
        "chunkCount": 1,
        "minTime": 5,
        "maxTime": 6,
    }
    assert found["seriesCountByMetricName"] == [{"name": "up", "value": 3}]
    (refused,) = found["refusedSeriesByJob"]
    assert (refused["name"], refused["value"], refused["label"]) == ("api", 7, "user")
    assert "'user'" in refused["text"]


def test_without_knowledge_every_endpoint_still_answers():
    api = PrometheusApi(MemoryStorage())
    for endpoint in (
        *("targets", "targets/metadata", "scrape_pools", "metadata", "rules", "alerts"),
        *("status/config", "status/flags", "status/buildinfo", "status/runtimeinfo"),
        *("status/walreplay", "alertmanagers", "notifications", "features"),
    ):
        assert ask(api, endpoint)[0] == 200, endpoint
    assert ask(api, "status/tsdb")[0] == 400
    assert api.federate([]).body == b""
