"""Debian's Prometheus, both ways: it remote-writes to us, and takes what we encode."""

from __future__ import annotations

import json
import math
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from madang.collect.pushed import FamilyMetadata
from madang.collect.remote_write import (
    CONTENT_TYPES,
    V1_PROTO,
    RemoteWriteDecoder,
    RemoteWriteEncoder,
    proto_of,
)
from madang.core.samples import Samples, canonical_labels, is_stale, labels_of
from madang.testing.running_platform import TOKEN, RunningPlatform, free_port, write_project
from prometheus_server import prometheus, request, wait_until_ready

pytestmark = pytest.mark.slow

PAGE = b"""\
# HELP jobs_total Jobs that were done.
# TYPE jobs_total counter
jobs_total{queue="a b",note="\xed\x95\x9c\\"\\n"} 5
jobs_total{queue="zero"} 0
# TYPE odd gauge
odd{kind="nan"} NaN
odd{kind="inf"} -Inf
odd{kind="small"} 1e-300
# TYPE latency_seconds histogram
latency_seconds_bucket{le="0.1"} 1
latency_seconds_bucket{le="+Inf"} 3
latency_seconds_sum 2.5
latency_seconds_count 3
"""


class Peer(ThreadingHTTPServer):
    """A target to scrape, and the receiver of what was scraped."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.changed = threading.Condition()
        self.decoder = RemoteWriteDecoder()
        self.is_up = True
        self.pushed = []

    def wait_for(self, seen, timeout_s=60.0):
        """Wait until ``seen`` says so of what was received so far."""
        with self.changed:
            assert self.changed.wait_for(lambda: seen(self.pushed), timeout_s)
            return list(self.pushed)


class Handler(BaseHTTPRequestHandler):
    server: Peer

    def do_GET(self):
        self.send_response(200 if self.server.is_up else 503)
        self.send_header("content-type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(PAGE)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        proto = proto_of(self.headers["content-type"], self.headers["content-encoding"])
        with self.server.changed:
            self.server.pushed.append(self.server.decoder.decode(body, proto))
            self.server.changed.notify_all()
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def peer():
    server = Peer()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def latest(pushed):
    """The last value of each series."""
    found = {}
    for one in pushed:
        samples = one.samples
        for place, value in zip(samples.series.tolist(), samples.values, strict=True):
            found[samples.labels[place]] = value
    return found


def series(name, **labels):
    target = {"__name__": name, "job": "page", "instance": "peer"}
    return canonical_labels({**target, **labels})


EXPECTED = {
    series("jobs_total", queue="a b", note='한"\n'): 5.0,
    series("jobs_total", queue="zero"): 0.0,
    series("odd", kind="nan"): math.nan,
    series("odd", kind="inf"): -math.inf,
    series("odd", kind="small"): 1e-300,
    series("latency_seconds_bucket", le="0.1"): 1.0,
    series("latency_seconds_bucket", le="+Inf"): 3.0,
    series("latency_seconds_sum"): 2.5,
    series("latency_seconds_count"): 3.0,
    series("up"): 1.0,
}


def test_prometheus_writes_to_us(tmp_path, peer):
    port = peer.server_address[1]
    config = f"""
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
- job_name: page
  static_configs: [{{targets: ["127.0.0.1:{port}"], labels: {{instance: peer}}}}]
remote_write:
- url: http://127.0.0.1:{port}/write
  queue_config: {{batch_send_deadline: 200ms}}
  metadata_config: {{send: true, send_interval: 1s}}
"""
    with prometheus(tmp_path, config):
        jobs = next(iter(EXPECTED))
        pushed = peer.wait_for(
            lambda all_: (
                any(one.metadata for one in all_)
                and sum(jobs in one.samples.labels for one in all_) >= 3
            )
        )
        found = latest(pushed)
        assert {labels: found[labels] for labels in EXPECTED} == pytest.approx(
            EXPECTED, nan_ok=True, rel=0, abs=0
        )
        told = {one for each in pushed for one in each.metadata}
        assert FamilyMetadata("jobs_total", "counter", "Jobs that were done.") in told
        assert "histogram" in {one.type for one in told if one.family == "latency_seconds"}
        assert not any(one.refused_count for one in pushed)

        peer.is_up = False
        peer.wait_for(lambda all_: latest(all_).get(series("up")) == 0.0)
        peer.wait_for(lambda all_: is_stale(np.array([latest(all_)[jobs]]))[0])
    gone = latest(peer.pushed)
    assert all(
        is_stale(np.array([gone[labels]]))[0]
        for labels in EXPECTED
        if labels_of(labels)["__name__"] != "up"
    )


def test_prometheus_takes_what_we_encode(tmp_path):
    labels = list(EXPECTED)
    now_ms = time.time_ns() // 1_000_000
    stamps = np.array([now_ms - 2000, now_ms - 1000], np.int64)
    samples = Samples(
        labels,
        np.repeat(np.arange(len(labels), dtype=np.int32), 2),
        np.tile(stamps, len(labels)),
        np.repeat(np.array(list(EXPECTED.values())), 2),
    )
    with prometheus(tmp_path, "{}", "--web.enable-remote-write-receiver") as port:
        wait_until_ready(port)
        headers = {
            "Content-Type": CONTENT_TYPES[V1_PROTO],
            "Content-Encoding": "snappy",
            "X-Prometheus-Remote-Write-Version": "0.1.0",
        }
        body = RemoteWriteEncoder().v1(samples, [FamilyMetadata("jobs_total", "counter")])
        assert request(port, "POST", "/api/v1/write", body, headers) == (204, b"")
        query = urllib.parse.quote('{job="page"}[1m]')
        answer = json.loads(request(port, "GET", f"/api/v1/query?query={query}")[1])
    found = {
        canonical_labels(one["metric"]): [
            (round(ts * 1000), float(text)) for ts, text in one["values"]
        ]
        for one in answer["data"]["result"]
    }
    assert found.keys() == EXPECTED.keys()
    for key, value in EXPECTED.items():
        assert [ts for ts, _ in found[key]] == stamps.tolist()
        assert [one for _, one in found[key]] == pytest.approx([value] * 2, nan_ok=True)


SAME = (
    '{job="page", via=""}[5m]',
    '{job="page", via=""}',
    'rate(jobs_total{via=""}[1m])',
    'count_over_time(up{via=""}[5m])',
    'histogram_quantile(0.5, latency_seconds_bucket{via=""})',
)
"""By both; the series that came by the other port are left out."""


def answers(port, time_s, prefix="", headers=None):
    """The results of ``SAME``, in an order of their own."""
    found = []
    for query in SAME:
        path = f"{prefix}/api/v1/query?" + urllib.parse.urlencode({"query": query, "time": time_s})
        status, body = request(port, "GET", path, None, headers)
        assert status == 200, body
        found.append(sorted(json.loads(body)["data"]["result"], key=lambda one: str(one["metric"])))
    return found


def test_prometheus_writes_to_a_platform_and_both_answer_alike(tmp_path, peer):
    own = free_port()
    project = write_project(
        tmp_path / "project",
        {"madang.yml": f"server: {{ports: {{prometheus: {{port: {own}}}}}}}\n"},
    )
    with RunningPlatform(project, tmp_path / "data") as platform:
        config = f"""
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
- job_name: page
  static_configs:
  - {{targets: ["127.0.0.1:{peer.server_address[1]}"], labels: {{instance: peer}}}}
remote_write:
- url: {platform.url}/prometheus/api/v1/write
  name: main
  authorization: {{credentials: {TOKEN}}}
  queue_config: {{batch_send_deadline: 200ms}}
- url: http://127.0.0.1:{own}/api/v1/write
  name: own
  queue_config: {{batch_send_deadline: 200ms}}
  write_relabel_configs: [{{target_label: via, replacement: own}}]
"""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        with prometheus(tmp_path, config) as port:
            wait_until_ready(port)
            _wait(lambda: len(answers(port, time.time())[1]) == len(EXPECTED) + 4)
            time.sleep(3)  # some scrapes more: rates need two
            time_s = time.time()
            expected = answers(port, time_s)
            _wait(lambda: answers(platform.port, time_s, "/prometheus", headers) == expected)
            assert len(expected[1]) == len(EXPECTED) + 4
            assert len(expected[2]) == 2

            peer.is_up = False
            _wait(lambda: len(answers(port, time.time())[1]) == 5)
            time_s = time.time()
            expected = answers(port, time_s)
            _wait(lambda: answers(platform.port, time_s, "/prometheus", headers) == expected)
        status, body = request(own, "GET", "/api/v1/query?query=count(up%7Bvia%3D%22own%22%7D)")
        assert (status, json.loads(body)["data"]["result"][0]["value"][1]) == (200, "1")


def _wait(is_so, timeout_s=60.0):
    """Wait until something holds that can only be asked for."""
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)
