"""Debian's Prometheus reads remotely from us, and evaluates as if the samples were its own."""

from __future__ import annotations

import json
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from madang.metrics.memory import MemoryStorage, labels_from
from madang.metrics.promql import Budget, Options
from madang.operate.remote_read import RemoteRead
from prometheus_server import prometheus, request, wait_until_ready

pytestmark = pytest.mark.slow

STEPS = 40
NOW_MS = time.time_ns() // 1_000_000
CONFIG = """\
global: {external_labels: {reader: x}}
remote_read: [{url: "http://127.0.0.1:OURS/read", read_recent: true, filter_external_labels: false}]
"""


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    storage = MemoryStorage()
    times = NOW_MS - 15_000 * np.arange(STEPS)[::-1]
    for pod in ("b", "a", "한글"):
        labels = labels_from({"__name__": "hits_total", "pod": pod})
        storage.append(labels, times, np.arange(STEPS) * 2.5)
    storage.append(labels_from({"__name__": "odd"}), times, np.tile([np.nan, np.inf], STEPS // 2))
    read = RemoteRead(storage, lambda: {"region": "seoul"})

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            answer = read.answer(body, Budget(Options()))
            self.send_response(answer.status)
            self.send_header("content-type", answer.media_type)
            if answer.encoding:
                self.send_header("content-encoding", answer.encoding)
            self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    config = CONFIG.replace("OURS", str(server.server_address[1]))
    with prometheus(tmp_path_factory.mktemp("reader"), config) as port:
        wait_until_ready(port)

        def ask(query):
            at = {"query": query, "time": str(NOW_MS / 1000)}
            status, body = request(port, "GET", f"/api/v1/query?{urllib.parse.urlencode(at)}")
            assert status == 200, body
            found = json.loads(body)
            assert "warnings" not in found, found
            return [(one["metric"], one["value"][1]) for one in found["data"]["result"]]

        yield ask
    server.shutdown()
    thread.join()
    server.server_close()


def test_series_come_sorted_with_our_labels(ask):
    assert ask("hits_total") == [
        ({"__name__": "hits_total", "pod": pod, "region": "seoul"}, "97.5")
        for pod in ("a", "b", "한글")
    ]


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ('hits_total{pod=~"[ab]",region="seoul"}', ["97.5", "97.5"]),
        ('hits_total{pod!~"[ab]"}', ["97.5"]),
        ('hits_total{pod!="a"} - hits_total{pod!="a"} offset 1m', ["10", "10"]),
        ("sum(count_over_time(hits_total[5m]))", ["63"]),
        ("odd", ["+Inf"]),
        ('{__name__=~"o.*"}', ["+Inf"]),
        ("nothing", []),
    ],
)
def test_queries_are_answered(query, values, ask):
    assert [value for _, value in ask(query)] == values
