"""Debian's Prometheus beside a running platform: it reads remotely from it, and federates it."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.parse

import numpy as np
import pytest

from debian_programs import debian_program
from madang.collect.remote_write import CONTENT_TYPES, V1_PROTO, RemoteWriteEncoder
from madang.core.samples import Samples, canonical_labels
from madang.testing.running_platform import TOKEN, RunningPlatform, free_port, write_project
from prometheus_server import prometheus, request, wait_for, wait_until_ready

pytestmark = pytest.mark.slow

SOURCE = """\
kind: scrape
global: {scrape_interval: 1s, scrape_timeout: 1s, external_labels: {region: seoul}}
scrape_configs:
  - job_name: own
    basic_auth: {username: me, password: hidden-word}
    static_configs: [{targets: ["127.0.0.1:PORT"]}]
"""
RULES = """\
groups:
  - name: first
    interval: 1s
    rules: [{record: "job:up:sum", expr: "sum by (job) (up)"}]
"""
CONFIG = """\
remote_read:
  - url: OURS/prometheus/api/v1/read
    read_recent: true
    authorization: {credentials: TOKEN}
scrape_configs:
  - job_name: federated
    scrape_interval: 1s
    honor_labels: true
    metrics_path: /prometheus/federate
    params: {"match[]": ['{__name__="job:up:sum"}']}
    authorization: {credentials: TOKEN}
    static_configs: [{targets: ["ADDRESS"]}]
"""


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    folder = tmp_path_factory.mktemp("platform")
    port = free_port()
    files = {
        "madang.yml": "name: api\nmetrics: {series: {per_job: 3000}}\n",
        "sources/own.yml": SOURCE.replace("PORT", str(port)),
        "rules/first.yml": RULES,
    }
    project = write_project(folder / "project", files)
    with RunningPlatform(project, folder / "data", port=port) as platform:
        wait_for(lambda: ours(platform, "query", query="job:up:sum")["data"]["result"])
        yield platform


def ours(platform, endpoint, **params):
    answer = platform.client.get(f"/prometheus/api/v1/{endpoint}", params=params)
    assert answer.status_code == 200, (endpoint, answer.text)
    return answer.json()


def test_the_platform_tells_of_itself(platform):
    wait_for(lambda: ours(platform, "targets")["data"]["activeTargets"])
    (target,) = ours(platform, "targets")["data"]["activeTargets"]
    assert (target["scrapePool"], target["health"]) == ("own", "up")
    assert ours(platform, "scrape_pools")["data"] == {"scrapePools": ["own"]}
    metric = "madang_metrics_series"
    wait_for(lambda: ours(platform, "metadata", metric=metric)["data"])
    assert ours(platform, "targets/metadata", limit="3")["data"]
    (group,) = ours(platform, "rules")["data"]["groups"]
    assert [rule["name"] for rule in group["rules"]] == ["job:up:sum"]
    yaml = ours(platform, "status/config")["data"]["yaml"]
    assert "job_name: own" in yaml
    assert "region: seoul" in yaml
    assert "hidden-word" not in yaml
    assert ours(platform, "status/buildinfo")["data"]["version"].startswith("3.")
    assert ours(platform, "status/runtimeinfo")["data"]["reloadConfigSuccess"] is True
    assert ours(platform, "status/flags")["data"]["query.timeout"] == "2m"
    tsdb = ours(platform, "status/tsdb")["data"]
    assert tsdb["headStats"]["numSeries"] > 10
    assert tsdb["refusedSeriesByJob"] == []
    for endpoint in ("alerts", "alertmanagers", "status/walreplay", "notifications", "features"):
        assert ours(platform, endpoint)["status"] == "success"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/prometheus/api/v1/read", 405),
        ("POST", "/prometheus/api/v1/read", 400),
        ("GET", "/prometheus/federate?match[]=up%7B", 400),
        ("GET", "/prometheus/federate", 200),
        ("GET", "/prometheus/api/v1/status/nothing", 404),
        ("GET", "/prometheus/api/v1/query?query=%FF", 400),
        ("GET", "/prometheus/api/v1/query?query=up&time=" + "9" * 5000, 400),
        ("GET", "/prometheus/api/v1/label/%FF/values", 200),
        ("GET", "/prometheus/api/v1/label//values", 400),
        ("GET", "/prometheus/api/v1/query_range?query=up&start=0&end=9e9&step=1", 400),
        ("GET", "/prometheus/api/v1/query?" + "&".join(["query=up"] * 500), 200),
        ("DELETE", "/prometheus/api/v1/query", 405),
        ("GET", "/prometheus/api/v1/status/tsdb?limit=0", 400),
        ("GET", "/prometheus/api/v1/status/tsdb?limit=10000", 200),
    ],
)
def test_strange_requests(platform, method, path, status):
    answer = platform.client.request(method, path)
    assert answer.status_code == status, answer.text


def test_prometheus_reads_from_it_and_federates_it(platform, tmp_path):
    config = CONFIG.replace("OURS", platform.url).replace("TOKEN", TOKEN)
    with prometheus(tmp_path, config.replace("ADDRESS", f"127.0.0.1:{platform.port}")) as port:
        wait_until_ready(port)

        def theirs(query):
            params = urllib.parse.urlencode({"query": query, "time": time.time()})
            status, body = request(port, "GET", f"/api/v1/query?{params}")
            assert status == 200, body
            answer = json.loads(body)
            assert "warnings" not in answer, answer
            return [(one["metric"], one["value"][1]) for one in answer["data"]["result"]]

        found = theirs('up{job="own"}')
        labels = {"__name__": "up", "job": "own", "instance": f"127.0.0.1:{platform.port}"}
        assert found == [({**labels, "region": "seoul"}, "1")]
        wait_for(lambda: len(theirs('{__name__="job:up:sum"}')) == 1)
        wait_for(lambda: theirs('up{job="federated"}'))
        assert theirs('up{job="federated"}')[0][1] == "1"
        sums = theirs('count_over_time({__name__="job:up:sum",region="seoul"}[1m])')
        assert sums[0][0] == {"job": "own", "region": "seoul"}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["instant", "URL", 'up{job="own"}'], "=> 1 @["),
        (["range", "--step=15s", "URL", 'up{job="own"}'], "1 @["),
        (["series", '--match=up{job="own"}', "URL"], '__name__="up"'),
        (["labels", "URL", "job"], "own"),
    ],
)
def test_promtool_queries_it(platform, arguments, expected):
    program = debian_program("prometheus", "usr/bin/promtool")
    url = platform.url.replace("//", f"//token:{TOKEN}@") + "/prometheus"
    arguments = [url if one == "URL" else one for one in arguments]
    found = subprocess.run(
        [program, "query", *arguments], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    assert expected in found.stdout


def test_a_job_that_explodes_is_cut_off_and_its_label_is_named(platform):
    labels = [
        canonical_labels(
            {"__name__": "hits", "job": "burst", "user": f"id-{n}", "code": str(n % 5)}
        )
        for n in range(4000)
    ]
    now_ms = time.time_ns() // 1_000_000
    samples = Samples(labels, np.arange(4000, dtype=np.int32), np.full(4000, now_ms), np.ones(4000))
    headers = {"content-type": CONTENT_TYPES[V1_PROTO], "content-encoding": "snappy"}
    answer = platform.client.post(
        "/prometheus/api/v1/write", content=RemoteWriteEncoder().v1(samples), headers=headers
    )
    assert answer.status_code == 204, answer.text
    query = 'count({job="burst"}) == 3000'
    wait_for(lambda: ours(platform, "query", query=query)["data"]["result"])

    def told():
        return ours(platform, "status/tsdb")["data"]["refusedSeriesByJob"]

    wait_for(lambda: sum(one["value"] for one in told()) == 1000)
    (refused,) = told()
    assert (refused["name"], refused["value"], refused["label"]) == ("burst", 1000, "user")

    def problems():
        return {one["code"]: one for one in platform.client.get("/api/overview").json()["problems"]}

    wait_for(lambda: {"series_refused", "samples_refused"} <= problems().keys())
    assert "'user'" in problems()["series_refused"]["message"]
    assert "beyond the limits" in problems()["samples_refused"]["message"]
    assert ours(platform, "query", query='up{job="own"}')["data"]["result"]
