"""Debian's Prometheus and our API over the same samples: same requests, same answers.

Where Prometheus 3 answers otherwise than 2.42, the request is not in these lists.
"""

from __future__ import annotations

import json
import time
import urllib.parse

import numpy as np
import pytest

from madang.collect.remote_write import CONTENT_TYPES, V1_PROTO, RemoteWriteEncoder
from madang.core.clock import ManualClock
from madang.core.samples import Samples, canonical_labels
from madang.metrics.api.api import PrometheusApi
from madang.metrics.api.knowledge import Knowledge, Runtime
from madang.metrics.api.rule_view import AlertRuleView, AlertView, RuleGroupView, RuleView
from madang.metrics.head.head import Head
from madang.metrics.head.intake import SampleColumns
from madang.metrics.head_storage import HeadStorage
from prometheus_server import prometheus, request, wait_for, wait_until_ready

pytestmark = pytest.mark.slow

STEP_MS = 15_000
STEPS = 40
SERIES = [
    ({"__name__": "up", "job": "api", "instance": "a"}, [1.0] * STEPS),
    ({"__name__": "up", "job": "api", "instance": "b"}, [0.0, 1.0] * (STEPS // 2)),
    ({"__name__": "up", "job": "한글", "instance": 'q"\\\n'}, [1.0] * STEPS),
    ({"__name__": "hits_total", "job": "api", "code": "200"}, [n * 7.5 for n in range(STEPS)]),
    ({"__name__": "hits_total", "job": "api", "code": "500"}, [n // 9 for n in range(STEPS)]),
    *(
        ({"__name__": "odd", "kind": kind}, [value] * STEPS)
        for kind, value in (
            ("nan", np.nan),
            ("inf", np.inf),
            ("-inf", -np.inf),
            ("tiny", 1.5e-7),
            ("micro", 2.5e-6),
            ("huge", 1.25e21),
            ("large", 1.25e20),
            ("-0", -0.0),
            ("third", 1 / 3),
        )
    ),
]
CONFIG = """\
global: {scrape_interval: 1s, external_labels: {region: seoul}}
rule_files: [RULES]
scrape_configs:
  - job_name: self
    static_configs: [{targets: ["127.0.0.1:PORT"]}]
"""
RULES = """\
groups:
  - name: first
    interval: 1s
    rules:
      - {record: "job:up:sum", expr: "sum by (job) (up)", labels: {team: a}}
      - {alert: Always, expr: "vector(1) > 0", labels: {severity: page}, annotations: {x: "y"}}
  - name: second
    interval: 1s
    rules:
      - {record: "broken", expr: "up * on() up"}
"""


@pytest.fixture(scope="module")
def samples():
    end_ms = time.time_ns() // 1_000_000 // STEP_MS * STEP_MS
    times = end_ms - STEP_MS * np.arange(STEPS, dtype=np.int64)[::-1] + 123
    return Samples(
        [canonical_labels(labels) for labels, _ in SERIES],
        np.repeat(np.arange(len(SERIES), dtype=np.int32), STEPS),
        np.tile(times, len(SERIES)),
        np.array([value for _, values in SERIES for value in values], np.float64),
    )


@pytest.fixture(scope="module")
def theirs(tmp_path_factory, samples):
    folder = tmp_path_factory.mktemp("prometheus")
    rules = folder / "rules.yml"
    rules.write_text(RULES)
    config = CONFIG.replace("RULES", str(rules))
    with prometheus(folder, config, "--web.enable-remote-write-receiver") as port:
        wait_until_ready(port)
        headers = {"Content-Type": CONTENT_TYPES[V1_PROTO], "Content-Encoding": "snappy"}
        body = RemoteWriteEncoder().v1(samples)
        assert request(port, "POST", "/api/v1/write", body, headers)[0] == 204

        def ask(path, pairs):
            query = urllib.parse.urlencode(pairs, encoding="utf-8", errors="surrogateescape")
            status, answer = request(port, "GET", f"/{path}?{query}")
            return status, json.loads(answer) if path.startswith("api") else answer.decode()

        def is_evaluated():
            groups = ask("api/v1/rules", [])[1]["data"]["groups"]
            alerts = ask("api/v1/alerts", [])[1]["data"]["alerts"]
            return alerts and all(r["health"] != "unknown" for g in groups for r in g["rules"])

        wait_for(lambda: "error" not in ask("api/v1/targets", [])[1] and is_evaluated())
        wait_for(lambda: ask("api/v1/targets/metadata", [])[1]["data"])
        yield ask


@pytest.fixture(scope="module")
def ours(samples):
    head = Head(block_ms=7_200_000, late_ms=7_200_000)
    now_ms = int(samples.ts_ms.max())
    head.take(columns_of(samples), now_ms)
    knowledge = Knowledge(
        targets=lambda: TARGETS,
        metadata=lambda: {"up": {"type": "counter", "help": "Up.", "unit": ""}},
        rules=lambda: GROUPS,
        runtime=lambda: Runtime(start_us=1, hostname="h"),
        cardinality=head.cardinality,
        external_labels=lambda: {"region": "seoul"},
    )
    clock = ManualClock(time.time_ns() // 1000)
    api = PrometheusApi(HeadStorage(head), clock=clock, knowledge=knowledge)

    def ask(path, pairs):
        if path == "federate":
            answer = api.federate(pairs)
            return answer.status, answer.body.decode()
        answer = api.answer(path.removeprefix("api/v1/"), pairs)
        return answer.status, json.loads(answer.body)

    return ask


def columns_of(samples):
    ids = np.array([hash(labels) for labels in samples.labels], np.int64)
    places = np.unique(samples.series, return_index=True)[1]
    labels = [samples.labels[samples.series[place]] for place in places.tolist()]
    return SampleColumns(ids[samples.series], samples.ts_ms, samples.values, places, labels)


TARGETS = {
    "activeTargets": [
        {
            "discoveredLabels": {
                "__address__": "h:1",
                "__metrics_path__": "/metrics",
                "__scheme__": "http",
                "__scrape_interval__": "1s",
                "__scrape_timeout__": "1s",
                "job": "api",
            },
            "labels": {"job": "api", "instance": "a"},
            "scrapePool": "api",
            "scrapeUrl": "http://h:1/metrics",
            "globalUrl": "http://h:1/metrics",
            "lastError": "",
            "lastScrape": "2026-01-01T00:00:00.123Z",
            "lastScrapeDuration": 0.5,
            "health": "up",
            "scrapeInterval": "1s",
            "scrapeTimeout": "1s",
        }
    ],
    "droppedTargets": [],
    "droppedTargetCounts": {"api": 0},
}
GROUPS = [
    RuleGroupView(
        name="first",
        file="rules.yml",
        interval_s=1,
        last_evaluation_us=1_767_225_600_123_456,
        rules=[
            RuleView(
                name="job:up:sum", query="sum by (job) (up)", labels={"team": "a"}, health="ok"
            ),
            AlertRuleView(
                name="Always",
                query="vector(1) > 0",
                labels={"severity": "page"},
                annotations={"x": "y"},
                health="ok",
                state="firing",
                alerts=[
                    AlertView(
                        labels={"alertname": "Always", "severity": "page"},
                        annotations={"x": "y"},
                        state="firing",
                        active_at_us=1_767_225_600_123_456,
                        value=1.0,
                    )
                ],
            ),
        ],
    ),
    RuleGroupView(
        name="second",
        file="rules.yml",
        interval_s=1,
        rules=[RuleView(name="broken", query="up * on () up", health="err", last_error="no")],
    ),
]


QUERIES = [
    "up",
    'up{job="api"}',
    "odd",
    "odd * 2",
    "max_over_time(hits_total[125s])",
    "sum by (job) (changes(hits_total[125s]))",
    "count_values('v', up)",
    "1",
    "1e22",
    "1/3",
    "'text'",
    "time() > bool 0",
    "absent(nothing)",
    "nothing",
    "hits_total[40s]",
    "label_replace(up, 'x', '$1', 'job', '(.*)')",
    "topk(2, hits_total)",
]


@pytest.mark.parametrize("query", QUERIES)
def test_queries(query, theirs, ours, samples):
    at_s = samples.ts_ms.max() / 1000
    query = query.replace("up{", "up{job!='self',").replace("up", "up{job!='self'}", query == "up")
    for path, pairs in (
        ("api/v1/query", [("query", query), ("time", str(at_s))]),
        (
            "api/v1/query_range",
            [("query", query), ("start", str(at_s - 300)), ("end", str(at_s)), ("step", "30")],
        ),
    ):
        if path.endswith("range") and query in {"hits_total[40s]", "'text'"}:
            continue
        their_status, their_answer = theirs(path, pairs)
        status, answer = ours(path, pairs)
        answer.pop("infos", None)
        assert (status, ordered(answer)) == (their_status, ordered(their_answer))


def ordered(answer):
    """An answer whose series stand in the order of their labels."""
    data = answer.get("data")
    if isinstance(data, dict) and data.get("resultType") in {"vector", "matrix"}:
        data["result"].sort(key=lambda one: sorted(one["metric"].items()))
    return answer


SAME = [
    ("api/v1/series", [("match[]", 'up{job!="self"}'), ("match[]", "odd")]),
    ("api/v1/label/kind/values", []),
    ("api/v1/label/code/values", [("match[]", "hits_total")]),
    ("api/v1/label/nothing/values", []),
    ("api/v1/alertmanagers", []),
    *(
        ("api/v1/format_query", [("query", query)])
        for query in (
            "foo/bar",
            "sum by(job)(rate(hits_total{code=~'5..'}[5m]  offset 3m))/on(job) group_left(x) up",
            'topk(3,sum without(a,b)({__name__="x",b!="\\"c"}))',
            "sum(rate(http_request_duration_seconds_bucket{job='a-name',le='0.5'}[5m])) by (le)"
            " / sum(rate(http_request_duration_seconds_count{job='a-long-name'}[5m])) > bool 5",
            "foo[5m:1m] offset -1h",
            "max_over_time(deriv(rate(distance_covered_total[5s])[30s:5s])[10m:])",
            "-(1+2)*3",
            "a and b or c unless ignoring(x) d",
            "quantile(0.9, x @ 1609746000) + x @ end()",
        )
    ),
]


@pytest.mark.parametrize(("path", "pairs"), SAME)
def test_what_is_the_same(path, pairs, theirs, ours):
    their_status, their_answer = theirs(path, pairs)
    status, answer = ours(path, pairs)
    assert (status, answer) == (their_status, their_answer)


ALIKE = [
    ("api/v1/targets", []),
    ("api/v1/targets", [("state", "active")]),
    ("api/v1/targets", [("state", "dropped")]),
    ("api/v1/targets", [("state", "nonsense")]),
    ("api/v1/targets/metadata", []),
    ("api/v1/targets/metadata", [("limit", "1")]),
    ("api/v1/targets/metadata", [("limit", "0")]),
    ("api/v1/targets/metadata", [("match_target", '{job="nobody"}')]),
    ("api/v1/metadata", [("metric", "nothing")]),
    ("api/v1/metadata", [("limit", "0")]),
    ("api/v1/rules", []),
    ("api/v1/rules", [("type", "alert")]),
    ("api/v1/rules", [("type", "record")]),
    ("api/v1/alerts", []),
    ("api/v1/status/config", []),
    ("api/v1/status/buildinfo", []),
    ("api/v1/status/tsdb", []),
    ("api/v1/status/walreplay", []),
    ("api/v1/query", [("query", "up"), ("stats", "true")]),
    ("api/v1/query_exemplars", [("query", "nothing")]),
    ("api/v1/query_exemplars", [("query", "nothing"), ("start", "5"), ("end", "1")]),
]
# Told by Prometheus 3 (or by Debian's patched 2.42) alone.
NEWER = {"droppedTargetCounts", "refusedSeriesByJob", "keepFiringFor", "samplesRead", "chunkCount"}


@pytest.mark.parametrize(("path", "pairs"), ALIKE)
def test_what_is_alike(path, pairs, theirs, ours):
    their_status, their_answer = theirs(path, pairs)
    status, answer = ours(path, pairs)
    assert (status, shape(answer)) == (their_status, shape(their_answer))


def shape(value):
    """Names and types; of a list the first element, of maps by names their keys."""
    match value:
        case {"error": _}:
            return {"error", value["errorType"]}
        case dict():
            return {key: shape(one) for key, one in value.items() if key not in NEWER}
        case list():
            return [shape(value[0])] if value else []
        case bool() | str() | None:
            return type(value).__name__
        case _:
            return "number"


BAD = [
    ("api/v1/query", []),
    ("api/v1/query", [("query", "")]),
    ("api/v1/query", [("query", "up{")]),
    ("api/v1/query", [("query", "up"), ("time", "x")]),
    ("api/v1/query", [("query", "up"), ("timeout", "x")]),
    ("api/v1/query", [("query", "up * on() up{job!='x'}")]),
    ("api/v1/query", [("query", "\udcff")]),
    ("api/v1/query_range", [("query", "up")]),
    ("api/v1/query_range", [("query", "up"), ("start", "0"), ("end", "10"), ("step", "0")]),
    ("api/v1/query_range", [("query", "up"), ("start", "0"), ("end", "99999"), ("step", "1")]),
    ("api/v1/query_range", [("query", "up"), ("start", "9"), ("end", "1"), ("step", "1")]),
    ("api/v1/query_range", [("query", "up[1m]"), ("start", "0"), ("end", "9"), ("step", "1")]),
    ("api/v1/series", []),
    ("api/v1/series", [("match[]", "")]),
    ("api/v1/series", [("match[]", "{}")]),
    ("api/v1/series", [("match[]", "rate(up[5m])")]),
    ("api/v1/labels", [("start", "x")]),
    ("api/v1/labels", [("match[]", "up{")]),
    ("api/v1/label//values", []),
    ("api/v1/targets/metadata", [("limit", "x")]),
    ("api/v1/targets/metadata", [("match_target", "{")]),
    ("api/v1/metadata", [("limit", "x")]),
    ("api/v1/rules", [("type", "x")]),
    ("api/v1/format_query", [("query", "up{")]),
    ("api/v1/format_query", []),
    ("api/v1/query_exemplars", []),
    ("api/v1/query_exemplars", [("query", "up"), ("start", "x")]),
]


@pytest.mark.parametrize(("path", "pairs"), BAD)
def test_what_is_refused(path, pairs, theirs, ours):
    try:
        their_status, their_answer = theirs(path, pairs)
    except json.JSONDecodeError:
        pytest.skip("refused before the API")
    status, answer = ours(path, pairs)
    told = {key: answer.get(key) for key in ("status", "errorType")}
    assert (status, told) == (
        their_status,
        {key: their_answer.get(key) for key in ("status", "errorType")},
    ), (answer, their_answer)


@pytest.mark.parametrize(
    "matches",
    [["up"], ["odd", 'up{job="api"}'], ['{__name__=~"hits.*"}', "hits_total"], ["nothing"]],
)
def test_federation(matches, theirs, ours):
    pairs = [
        ("match[]", match.replace("up", "up{job!='self'}", match == "up")) for match in matches
    ]
    their_status, their_page = theirs("federate", pairs)
    status, page = ours("federate", pairs)
    assert (status, sorted(page.splitlines())) == (their_status, sorted(their_page.splitlines()))
    assert [line for line in page.splitlines() if line[0] == "#"] == [
        line for line in their_page.splitlines() if line[0] == "#"
    ]


@pytest.mark.parametrize("matches", [[], ["up{"]])
def test_federation_of_nonsense(matches, theirs, ours):
    pairs = [("match[]", match) for match in matches]
    assert ours("federate", pairs)[0] == theirs("federate", pairs)[0]
