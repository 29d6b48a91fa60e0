"""The same samples and queries in Debian's Prometheus and in Madang: the same answers.

Prometheus is given the samples and writes them on to Madang, by remote write.
"""

from __future__ import annotations

import json
import math
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from conformance.same_queries import BETWEEN_S, COUNT, EVERY_S, Query, queries, samples
from madang.collect.remote_write import CONTENT_TYPES, V1_PROTO, RemoteWriteEncoder
from madang.testing.running_platform import TOKEN, RunningPlatform, write_project
from prometheus_server import prometheus, request, wait_until_ready

pytestmark = pytest.mark.slow

DIFFERENT = {
    "avg_over_time(rate(latency_seconds_count[1m])[2m:10s])": (
        "3.0 leaves the older end of a range out; the inner one is asked at times that have samples"
    ),
    "temperature_celsius atan2 on () group_left () vector(1)": "2.42 forgets to drop the name",
}
"""By query, why Prometheus 3, and so Madang, answers otherwise than Debian's 2.42."""
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class Server:
    """Where to ask."""

    port: int
    prefix: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    def ask(self, endpoint: str, **params: object) -> dict:
        """What an endpoint of the API answers."""
        body = urllib.parse.urlencode(params).encode()
        path = f"{self.prefix}/api/v1/{endpoint}"
        _, answer = request(self.port, "POST", path, body, {**dict(self.headers), **_FORM})
        return json.loads(answer)


@dataclass(frozen=True)
class Both:
    """Both servers, and when their first sample is."""

    theirs: Server
    ours: Server
    begin_s: int


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    folder = tmp_path_factory.mktemp("same")
    project = write_project(folder / "project", {"madang.yml": "name: same\n"})
    with RunningPlatform(project, folder / "data") as platform:
        config = f"""
remote_write:
- url: {platform.url}/prometheus/api/v1/write
  authorization: {{credentials: {TOKEN}}}
  queue_config: {{batch_send_deadline: 100ms}}
"""
        with prometheus(folder, config, "--web.enable-remote-write-receiver") as port:
            wait_until_ready(port)
            # It passes on only what is later than its start; Madang takes ten minutes ahead.
            begin_s = int(time.time()) // EVERY_S * EVERY_S + EVERY_S
            headers = {
                "Content-Type": CONTENT_TYPES[V1_PROTO],
                "Content-Encoding": "snappy",
                "X-Prometheus-Remote-Write-Version": "0.1.0",
            }
            body = RemoteWriteEncoder().v1(samples(begin_s * 1000))
            assert request(port, "POST", "/api/v1/write", body, headers) == (204, b"")
            theirs = Server(port)
            authorization = (("Authorization", f"Bearer {TOKEN}"),)
            ours = Server(platform.port, "/prometheus", authorization)
            end_s = begin_s + COUNT * EVERY_S
            everything = {"query": '{__name__=~".+"}[20m]', "time": end_s}
            expected = _count(theirs.ask("query", **everything))
            platform.wait_for(lambda: _count(ours.ask("query", **everything)) == expected, 60)
            yield Both(theirs, ours, begin_s)


def _count(answer: dict) -> int:
    return sum(len(series["values"]) for series in answer["data"]["result"])


def test_the_same_answers(both: Both, record_property: pytest.RecordProperty) -> None:
    asked = queries()
    wrong, different = [], []
    for query in asked:
        for at_s in (150, 285, 330):
            theirs, ours = _ask(both.theirs, query, both, at_s), _ask(both.ours, query, both, at_s)
            if not _same(theirs, ours, ordered=query.ordered):
                found = different if query.text in DIFFERENT else wrong
                found.append(
                    f"{query} at {at_s}:\n  theirs {_short(theirs)}\n  ours   {_short(ours)}"
                )
    counted = f"{len(asked)} queries at 3 times each; {len(DIFFERENT)} texts as 3.x answers them"
    record_property("counted", counted)
    assert different, "a difference that is none any more is no longer listed"
    assert not wrong, "\n".join([counted, *wrong])


def _ask(server: Server, query: Query, both: Both, at_s: int) -> dict:
    at = both.begin_s + at_s + BETWEEN_S
    if query.instant:
        return server.ask("query", query=query.text, time=at)
    return server.ask("query_range", query=query.text, start=at - 90, end=at, step=15)


def _same(theirs: dict, ours: dict, *, ordered: bool) -> bool:
    if theirs["status"] != ours["status"]:
        return False
    if theirs["status"] == "error":
        return theirs["errorType"] == ours["errorType"]
    if theirs["data"]["resultType"] != ours["data"]["resultType"]:
        return False
    left, right = theirs["data"]["result"], ours["data"]["result"]
    if theirs["data"]["resultType"] in ("scalar", "string"):
        return _same_points([left], [right])
    if not ordered:
        left, right = sorted(left, key=_key), sorted(right, key=_key)
    return len(left) == len(right) and all(
        one["metric"] == other["metric"] and _same_points(_points(one), _points(other))
        for one, other in zip(left, right, strict=True)
    )


def _key(series: dict) -> str:
    return json.dumps(series["metric"], sort_keys=True)


def _points(series: dict) -> list:
    return series["values"] if "values" in series else [series["value"]]


def _same_points(left: list, right: list) -> bool:
    return len(left) == len(right) and all(
        at == other_at and _same_text(text, other_text)
        for (at, text), (other_at, other_text) in zip(left, right, strict=True)
    )


def _same_text(text: str, other: str) -> bool:
    if text == other:
        return True
    try:
        return math.isclose(float(text), float(other), rel_tol=1e-9, abs_tol=1e-12)
    except ValueError:
        return False


def _short(answer: dict) -> str:
    return json.dumps(answer, ensure_ascii=False)[:600]
