"""``/pushgateway/…`` over HTTP."""

from __future__ import annotations

import gzip
import json
import threading
from functools import partial

import pytest
from prometheus_client import CollectorRegistry, Gauge, Histogram
from prometheus_client.exposition import (
    basic_auth_handler,
    delete_from_gateway,
    instance_ip_grouping_key,
    push_to_gateway,
    pushadd_to_gateway,
)

from madang.collect.pushgateway import PROTOBUF, TEXT

PREFIX = "/pushgateway"


def send(server, method, path, content=b"", token="admin", **headers):
    with server.client(token) as client:
        return client.request(method, PREFIX + path, content=content, headers=headers)


def page(server) -> set[str]:
    text = send(server, "GET", "/metrics").text
    return {one for one in text.splitlines() if not one.startswith(("#", "push_"))}


@pytest.fixture(autouse=True)
def _emptied(server):
    yield
    for group in send(server, "GET", "/api/v1/metrics").json()["data"]:
        path = "".join(f"/{name}/{value}" for name, value in sorted(
            group["labels"].items(), key=lambda pair: pair[0] != "job"))  # fmt: skip
        assert send(server, "DELETE", f"/metrics{path}").status_code == 202


def test_a_push_is_answered_as_upstream_does(server):
    answer = send(server, "POST", "/metrics/job/some_job", b"some_metric 3.14\n")
    assert (answer.status_code, answer.content) == (200, b"")
    assert page(server) == {'some_metric{instance="",job="some_job"} 3.14'}
    answer = send(server, "DELETE", "/metrics/job/some_job")
    assert (answer.status_code, answer.content) == (202, b"")
    assert page(server) == set()


def test_a_push_is_visible_in_the_stream_within_a_second(server, stored):
    send(server, "PUT", "/metrics/job/short/instance/i", b"done 1\n")
    tries = threading.Event()
    for _ in range(100):
        if "done" in stored.values():
            break
        tries.wait(0.01)
    labels = [row[0] for row in stored.rows() if row[0]["__name__"] == "done"]
    assert labels == [{"__name__": "done", "instance": "i", "job": "short"}]
    assert stored.sources() == {"pushgateway"}


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("POST", "/metrics/job/j", 400, "text format parsing error in line 1: "),
        ("PUT", "/metrics/job/j/a", 400, "odd number of components in label string"),
        ("DELETE", "/metrics/job/j/1a/b", 400, "improper label name"),
        ("POST", "/metrics/job/j//b/c", 400, "the path '/metrics/job/j//b/c' has an empty segment"),
        ("GET", "/metrics/job/j", 405, "Method Not Allowed"),
        ("POST", "/metrics", 405, "Method Not Allowed"),
        ("GET", "/nothing", 404, "404 page not found"),
        ("GET", "/metrics/x", 404, "404 page not found"),
        ("POST", "/metrics/job/", 404, "404 page not found"),
        ("PUT", "/-/quit", 403, "Lifecycle API is not enabled."),
        ("GET", "/-/quit", 405, "Only POST or PUT requests allowed."),
        ("PUT", "/api/v1/admin/wipe", 404, "404 page not found"),
        ("POST", "/metrics/job/j?ttl=soon", 400, "the ttl 'soon' is none"),
        ("POST", "/metrics/job/j?ttl=-1s", 400, "the ttl '-1s' is none"),
    ],
)
def test_errors_are_plain_text(server, method, path, status, text):
    answer = send(server, method, path, b"bad")
    assert answer.status_code == status
    assert answer.text.startswith(text)
    assert answer.text.endswith("\n")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    if status == 405:
        assert answer.headers["allow"].split(", ")


def test_inconsistent_pushes_say_so(server):
    answer = send(server, "POST", "/metrics/job/j", b"a 1 1\n")
    assert answer.status_code == 400
    assert answer.text == (
        "pushed metrics are invalid or inconsistent with existing metrics: "
        "pushed metrics must not have timestamps\n"
    )


def test_who_may_do_what(server):
    for token, push, read in ((None, 401, 401), ("ingest", 200, 403), ("read", 403, 200)):
        assert send(server, "POST", "/metrics/job/j", b"a 1\n", token).status_code == push
        assert send(server, "DELETE", "/metrics/job/k", token=token).status_code in (push, 202)
        for path in ("/metrics", "/api/v1/metrics", "/api/v1/status"):
            assert send(server, "GET", path, token=token).status_code == read
        for path in ("/-/healthy", "/-/ready"):
            answer = send(server, "GET", path, token=token)
            assert (answer.status_code, answer.text) == (200, "OK")


def test_the_page_comes_as_it_is_wanted(server):
    send(server, "POST", "/metrics/job/j", b"".join(b'a{n="%d"} 1\n' % n for n in range(100)))
    answer = send(server, "GET", "/metrics")
    assert answer.headers["content-type"] == TEXT
    plain = answer.content
    assert answer.headers["content-encoding"] == "gzip"
    assert plain.count(b"\n") == 107
    wants = {"Accept": f"{PROTOBUF};q=0.7,text/plain;version=0.0.4;q=0.3,*/*;q=0.1"}
    answer = send(server, "GET", "/metrics", **wants, **{"Accept-Encoding": "identity"})
    assert answer.headers["content-type"] == PROTOBUF
    assert "content-encoding" not in answer.headers
    assert send(server, "GET", "/metrics", Accept="text/html").headers["content-type"] == TEXT


def test_the_time_to_live_is_told(server):
    send(server, "POST", "/metrics/job/a?ttl=15m", b"a 1\n")
    send(server, "POST", "/metrics/job/b", b"a 1\n", **{"X-Madang-TTL": "90"})
    send(server, "POST", "/metrics/job/c", b"a 1\n")
    found = send(server, "GET", "/api/v1/metrics").json()
    lives = {one["labels"]["job"]: one.get("@ttl", {}).get("seconds") for one in found["data"]}
    assert lives == {"a": 900.0, "b": 90.0, "c": None}


def test_status_says_how_it_is_set(server):
    found = send(server, "GET", "/api/v1/status").json()["data"]
    assert found["flags"]["web.enable-admin-api"] == "false"
    assert found["broken_files"] == []
    assert found["start_time"].endswith("Z")
    answer = send(server, "OPTIONS", "/api/v1/metrics")
    assert answer.headers["access-control-allow-methods"] == "GET, POST, DELETE, OPTIONS"


def test_large_and_packed_bodies(server):
    body = b"".join(b'a{n="%d"} 1\n' % n for n in range(20_000))
    assert send(server, "PUT", "/metrics/job/j", body).status_code == 200
    packed = {"Content-Encoding": "gzip"}
    answer = send(server, "PUT", "/metrics/job/k", gzip.compress(body), **packed)
    assert answer.status_code == 200
    assert len(page(server)) == 40_000
    bomb = gzip.compress(b"# " + b" " * (9 << 20))
    answer = send(server, "PUT", "/metrics/job/k", bomb, **packed)
    assert (answer.status_code, answer.headers["content-type"][:10]) == (413, "text/plain")
    assert send(server, "PUT", "/metrics/job/k", bytes(9 << 20)).status_code == 413


def test_the_python_client_pushes(server, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    handler = partial(basic_auth_handler, username="any", password=server.tokens["ingest"])
    registry = CollectorRegistry()
    Gauge("job_last_success", "When it was", registry=registry).set(5)
    Histogram("job_seconds", "How long", buckets=(1, 2), registry=registry).observe(1.5)
    gateway = f"{server.url}{PREFIX}"
    key = {**instance_ip_grouping_key(), "path": "/var/tmp", "empty": ""}
    push_to_gateway(gateway, "batch a/b", registry, key, handler=handler)
    lines = page(server)
    labels = f'empty="",instance="{key["instance"]}",job="batch a/b"'
    assert f'job_last_success{{{labels},path="/var/tmp"}} 5' in lines
    assert f'job_seconds_bucket{{{labels},path="/var/tmp",le="2"}} 1' in lines
    more = CollectorRegistry()
    Gauge("more", "x", registry=more).set(1)
    pushadd_to_gateway(gateway, "batch a/b", more, key, handler=handler)
    assert page(server) >= {*lines, f'more{{{labels},path="/var/tmp"}} 1'}
    push_to_gateway(gateway, "batch a/b", more, key, handler=handler)
    assert page(server) == {f'more{{{labels},path="/var/tmp"}} 1'}
    delete_from_gateway(gateway, "batch a/b", key, handler=handler)
    assert page(server) == set()
    assert json.loads(send(server, "GET", "/api/v1/metrics").text)["data"] == []
