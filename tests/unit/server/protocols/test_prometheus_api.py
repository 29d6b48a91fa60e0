"""``/prometheus``: who may ask, how programs ask, what they get; the role runs in this process."""

import base64
import json
import threading
import time

import httpx
import pyarrow as pa
import pytest

from madang.core.errors import UnavailableError
from madang.core.samples import SAMPLES_SCHEMA, canonical_labels, series_id
from madang.operate import metrics_engine
from madang.operate.metrics_engine import MetricsEngine
from madang.project.metrics_spec import MetricsQuerySpec
from madang.project.publish import read_published
from madang.query.prometheus import ApiRelay

API = "/prometheus/api/v1"


def samples(now_ms, count=12):
    labels = [canonical_labels({"__name__": "up", "pod": pod}) for pod in ("a", "b", "한")]
    rows = [
        {
            "ts": now_ms - 15_000 * back,
            "series": series_id(one),
            "value": float(back),
            "histogram": None,
            "labels": one if back == count - 1 else None,
        }
        for back in reversed(range(count))
        for one in labels
    ]
    return pa.RecordBatch.from_pylist(rows, schema=SAMPLES_SCHEMA)


@pytest.fixture(scope="module")
def role(server):
    """The role ``metrics``, with samples that are three minutes old at most."""
    server.open_stream("metrics.samples").submit(samples(time.time_ns() // 1_000_000)).result()
    engine, stop = (
        MetricsEngine(server.data, server.store, lambda: server.project),
        threading.Event(),
    )
    engine.start(stop)
    assert engine.caught_up.wait(10)
    yield engine
    stop.set()
    engine.close()


@pytest.fixture
def reader(server, role):
    with server.client("read") as client:
        yield client


def error_of(answer):
    found = answer.json()
    assert found["status"] == "error"
    assert found["error"]
    return answer.status_code, found["errorType"]


def test_get_and_form_answer_the_same(reader):
    asked = {"query": "count(up) by (pod)", "time": f"{time.time():.3f}"}
    by_get = reader.get(f"{API}/query", params=asked)
    by_form = reader.post(f"{API}/query", data=asked)
    half = reader.post(
        f"{API}/query", params={"time": asked["time"]}, data={"query": asked["query"]}
    )
    assert by_get.json() == by_form.json() == half.json()
    assert len(by_get.json()["data"]["result"]) == 3
    assert by_get.headers["content-type"] == "application/json"


def test_a_range_as_grafana_asks_it(reader):
    now = time.time()
    asked = {"query": "up{pod=~`a|한`}", "start": str(now - 100), "end": str(now), "step": "1"}
    answer = reader.post(f"{API}/query_range", data=asked, headers={"Accept-Encoding": "gzip"})
    found = answer.json()["data"]
    assert found["resultType"] == "matrix"
    assert {one["metric"]["pod"] for one in found["result"]} == {"a", "한"}
    assert answer.headers["content-encoding"] == "gzip"


def test_names_series_and_the_page_for_other_servers(reader):
    assert reader.get(f"{API}/labels").json()["data"] == ["__name__", "pod"]
    assert reader.get(f"{API}/label/pod/values").json()["data"] == ["a", "b", "한"]
    found = reader.get(f"{API}/series", params={"match[]": 'up{pod="b"}'}).json()["data"]
    assert found == [{"__name__": "up", "pod": "b"}]
    page = reader.get("/prometheus/federate", params={"match[]": 'up{pod="b"}'})
    assert page.headers["content-type"].startswith("text/plain")
    assert page.text.splitlines()[1].startswith('up{pod="b"')
    assert reader.get(f"{API}/status/buildinfo").json()["status"] == "success"


@pytest.mark.parametrize(
    ("path", "params", "expected"),
    [
        ("/query", {"query": "up{"}, (400, "bad_data")),
        ("/query", {}, (400, "bad_data")),
        ("/query", {"query": "vector(1)", "time": "noon"}, (400, "bad_data")),
        ("/query", {"query": "up + on() group_left() up"}, (422, "execution")),
        ("/query_range", {"query": "up", "start": "1", "end": "2", "step": "0"}, (400, "bad_data")),
        ("/nothing", {}, (404, "not_found")),
    ],
)
def test_errors_are_said_as_prometheus_says_them(reader, path, params, expected):
    assert error_of(reader.get(f"{API}{path}", params=params)) == expected


def test_paths_methods_and_bytes_that_are_none(reader):
    assert error_of(reader.get("/prometheus/elsewhere")) == (404, "not_found")
    assert error_of(reader.delete(f"{API}/query")) == (405, "bad_data")
    assert error_of(reader.get(f"{API}/query?query=%FF")) == (400, "bad_data")
    assert error_of(reader.post(f"{API}/query", content=b"query=" + b"x" * 11_000_000)) == (
        400,
        "bad_data",
    )


def test_who_may_ask(server, role):
    asked = {"query": "vector(1)"}

    def status(token=None, **more):
        with server.client(token) as client:
            return client.get(f"{API}/query", params=asked, **more)

    assert status("read").status_code == 200
    assert error_of(status("ingest")) == (403, "forbidden")
    missing = status()
    assert error_of(missing) == (401, "unauthorized")
    assert missing.headers["www-authenticate"]
    assert status(auth=("grafana", server.tokens["read"])).status_code == 200
    assert error_of(status(auth=("grafana", "wrong"))) == (401, "unauthorized")
    broken = {"Authorization": "Basic " + base64.b64encode(b"no colon").decode()}
    assert error_of(status(headers=broken)) == (401, "unauthorized")
    with server.session("viewer") as browser:
        assert browser.get(f"{API}/query", params=asked).status_code == 200
        del browser.headers["X-Madang-Request"]
        assert error_of(browser.post(f"{API}/query", data=asked)) == (403, "forbidden")


def test_machines_ask_without_signing_in_whether_it_lives(server, role):
    with server.client() as client:
        assert client.get("/prometheus/-/healthy").text == "Prometheus Server is Healthy.\n"
        assert client.get("/prometheus/-/ready").status_code == 200


def test_an_admin_reloads_the_configuration(server):
    rules, url = server.directory / "rules" / "now.yml", "/prometheus/-/reload"
    rules.parent.mkdir(exist_ok=True)
    rules.write_text("groups: [{name: g, rules: [{record: a, expr: up}]}]\n")
    with server.client("admin") as admin, server.client("read") as reader:
        assert reader.post(url).status_code == 403
        got = admin.get(url)
        assert (got.status_code, got.text) == (405, "Only POST or PUT requests allowed")
        assert "rules/now.yml" not in read_published(server.data).rules
        done = admin.post(url)
        assert (done.status_code, done.text) == (200, "")
        assert "rules/now.yml" in read_published(server.data).rules
        rules.write_text("groups: [{name: g, rules: [{record: a}]}]\n")
        wrong = admin.put(url)
        assert wrong.status_code == 500
        assert wrong.headers["content-type"] == "text/plain; charset=utf-8"
        assert wrong.text.startswith("failed to reload config: ")
        assert "now.yml" in wrong.text
        assert "rules/now.yml" in read_published(server.data).rules
        rules.unlink()
        assert admin.post(url).status_code == 200


def test_while_the_role_restarts_clients_are_told_to_come_again(world):
    gone = ApiRelay(world.data.metrics_socket, MetricsQuerySpec)
    world.serve(prometheus=gone)
    with world.client("read") as client:
        answer = client.get(f"{API}/query", params={"query": "up"})
        assert error_of(answer) == (503, "unavailable")
        assert answer.headers["retry-after"] == "1"
        assert error_of(client.get("/prometheus/-/ready")) == (503, "unavailable")
        assert client.get("/prometheus/-/healthy").status_code == 200


def test_tables_that_cannot_be_asked_are_told_until_they_can(role, monkeypatch):
    def until(holds):
        deadline = time.monotonic() + 10
        while not holds() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert holds()

    def fail():
        raise UnavailableError("the catalog stayed locked")

    monkeypatch.setattr(metrics_engine, "_TROUBLE_S", 0.05)
    with monkeypatch.context() as patch:
        patch.setattr(role.follower, "poll", fail)
        until(lambda: role.trouble == "the catalog stayed locked")
    until(lambda: not role.trouble)


def test_queries_are_in_the_history_and_counted(server, reader, role):
    asked = {"query": 'sum(up{pod!="x"})', "time": "12345"}
    assert reader.get(f"{API}/query", params=asked, auth=httpx.BasicAuth("", server.tokens["read"]))
    stream = role.store.get("system.query_history")
    deadline = time.monotonic() + 10
    rows = []
    while not rows and time.monotonic() < deadline:
        chunks = stream.read(0, 0)
        rows = [
            row
            for chunk in chunks
            for row in chunk.batch.to_pylist()
            if row["sql"] == asked["query"]
        ]
    assert rows[0]["language"] == "promql"
    assert rows[0]["params"] == '{"time":"12345"}'
    assert (rows[0]["state"], rows[0]["rows"], rows[0]["user"]) == ("done", 0, "admin")
    assert rows[0]["token_name"] == "read"
    # Dashboards ask every few seconds: among the SQL queries that would be noise.
    shown = reader.get("/api/queries", params={"limit": 1000}).json()["queries"]
    assert asked["query"] not in {one["sql"] for one in shown}


def test_targets_are_those_that_the_collectors_tell(server, reader):
    folder = server.data.collect / "pods"
    folder.mkdir(parents=True)
    target = {"labels": {"job": "a"}, "scrapePool": "a", "health": "up", "scrapeUrl": "http://a/"}
    told = {"activeTargets": [target], "droppedTargets": [], "droppedTargetCounts": {"a": 0}}
    (folder / "targets.json").write_text(json.dumps(told))
    about = {"up": {"type": "gauge", "help": "Whether it answers", "unit": ""}}
    (folder / "metadata.json").write_text(json.dumps(about))
    found = reader.get(f"{API}/targets", params={"state": "active"}).json()["data"]
    assert [one["scrapeUrl"] for one in found["activeTargets"]] == ["http://a/"]
    assert reader.get(f"{API}/metadata").json()["data"]["up"] == [about["up"]]
    assert reader.get(f"{API}/status/runtimeinfo").json()["data"]["storageRetention"] == "15d"
