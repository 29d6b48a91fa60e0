"""The source as a whole: real servers, a real stream, the system's clock."""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import threading
import time
import urllib.request
from contextlib import contextmanager

import numpy as np
import pytest

from debian_programs import debian_program
from madang.collect.scrape import ScrapeSource, read_metadata, read_targets
from madang.collect.scrape.target_series import REPORT
from madang.collect.source import SourceContext
from madang.core.errors import InvalidInputError
from madang.core.samples import SAMPLES_SCHEMA, is_stale, labels_of
from madang.project import Project, ScrapeSourceSpec
from madang.stream import LogStore

FAST = {"scrape_interval": "100ms", "scrape_timeout": "100ms"}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr("madang.collect.scrape.source._LISTS_EVERY", 1)
    monkeypatch.setattr("madang.collect.scrape.source._LOOK_S", 0.05)
    monkeypatch.setattr("madang.collect.scrape.source._SETTLED_AFTER_S", 0.3)
    monkeypatch.setattr("madang.collect.scrape.discovery._LOOK_S", 0.05)
    monkeypatch.setattr("madang.collect.scrape.job_pool._SETTLE_S", 0.01)


@pytest.fixture
def store(tmp_path):
    with LogStore(tmp_path / "streams", min_free_bytes=0) as store:
        yield store


def eventually(check, *, within_s: float = 10.0):
    until_s = time.monotonic() + within_s
    while not (found := check()):
        assert time.monotonic() < until_s
        time.sleep(0.01)
    return found


class Running:
    """A source in its thread, and what it has brought."""

    def __init__(self, store, tmp_path, *jobs, schema=SAMPLES_SCHEMA, partitions=1, **spec) -> None:
        self.stream = store.open("metrics.samples", schema, partitions=partitions)
        self.collect = tmp_path / "collect"
        context = SourceContext(
            stream=self.stream,
            stream_spec=None,
            project=Project(directory=str(tmp_path)),
            directory=tmp_path,
            data=tmp_path,
            state=self.collect / "me",
        )
        made = {"kind": "scrape", "name": "me", "scrape_configs": jobs, **spec}
        self.source = ScrapeSource(ScrapeSourceSpec.model_validate(made), context)
        self.stop = threading.Event()
        self.error: Exception | None = None
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            self.source.run(self.stop)
        except Exception as error:  # noqa: BLE001 - a test looks at it
            self.error = error

    def samples(self, name: str) -> list[tuple[dict[str, str], int, float | None]]:
        """Labels, time and value of all samples of a name; None for an ending."""
        labels: dict[int, dict[str, str]] = {}
        found = []
        for partition in range(self.stream.partitions):
            offset = 0
            while chunks := self.stream.read(partition, offset):
                for chunk in chunks:
                    columns = chunk.batch.to_pydict()
                    stale = is_stale(np.array(columns["value"])).tolist()
                    for row, number in enumerate(columns["series"]):
                        if columns["labels"][row] is not None:
                            labels[number] = labels_of(columns["labels"][row])
                        if labels[number]["__name__"] == name:
                            ts = round(columns["ts"][row].timestamp() * 1000)
                            value = None if stale[row] else columns["value"][row]
                            found.append((labels[number], ts, value))
                offset = chunks[-1].end_offset
        return found

    def wait(self, name: str, count: int = 1, value=...):
        """The samples of a name, once there are so many (of a value)."""

        def enough():
            found = [one for one in self.samples(name) if value is ... or one[2] == value]
            return found if len(found) >= count else None

        return eventually(enough)

    def target(self, check):
        """The only target as the API shows it, once ``check`` holds."""

        def good():
            active = read_targets(self.collect)["activeTargets"]
            return active[0] if active and check(active[0]) else None

        return eventually(good)


@contextmanager
def running(*args, **spec):
    one = Running(*args, **spec)
    one.thread.start()
    try:
        yield one
    finally:
        one.stop.set()
        one.thread.join(15)
        assert not one.thread.is_alive()
        one.source.close()


def job(*servers, **more):
    addresses = [server if isinstance(server, str) else server.address for server in servers]
    return {"job_name": "a", **FAST, "static_configs": [{"targets": addresses}], **more}


async def ok(request):
    await request.page(b"# TYPE a counter\n# HELP a What it is\na 1\n")


def test_pages_become_samples(serve, store, tmp_path):
    server = serve(ok)
    with running(store, tmp_path, job(server, params={"x": ["1", "2"]})) as it:
        found = it.wait("a", 3)
        labels = {"__name__": "a", "instance": server.address, "job": "a"}
        assert all((one, value) == (labels, 1.0) for one, _, value in found)
        times = [ts for _, ts, _ in found]
        assert all(50 <= b - a < 2000 for a, b in itertools.pairwise(times))
        assert {value for _, _, value in it.samples("up")} == {1.0}
        assert it.wait("scrape_samples_scraped")[0][2] == 1.0
        assert it.wait("scrape_series_added")[0][2] == 1.0
        assert it.wait("scrape_series_added", 2)[1][2] == 0.0
        target = it.target(lambda one: one["health"] == "up")
        assert target["scrapeUrl"] == f"http://{server.address}/metrics?x=1&x=2"
        assert target["discoveredLabels"]["__scrape_interval__"] == "100ms"
        assert it.source.status().counts["targets_up"] == 1
    request = server.requests[0]
    assert request.target == "/metrics?x=1&x=2"
    assert request.headers["x-prometheus-scrape-timeout-seconds"] == "0.1"
    assert request.headers["accept"].startswith("application/openmetrics-text;version=1.0.0")
    assert request.connection == server.requests[-1].connection
    assert read_targets(it.collect)["activeTargets"] == []


def test_a_restart_goes_on_where_it_was(serve, store, tmp_path):
    server = serve(ok)
    for _ in range(2):
        with running(store, tmp_path, job(server)) as it:
            before = len(it.samples("a"))
            it.wait("a", before + 2)
    times = [ts for _, ts, _ in it.samples("a")]
    assert times == sorted(set(times))
    assert None not in {value for _, _, value in it.samples("a")}


def test_over_a_stop_series_go_on_or_end(serve, store, tmp_path):
    more = threading.Event()

    async def page(request):
        await request.page(b"a 1\n" if more.is_set() else b"a 1\ngone 1\n")

    server, other = serve(page), serve(ok)
    with running(store, tmp_path, job(server), {**job(other), "job_name": "b"}) as it:
        it.wait("gone", 2)
        it.wait("up", 4, 1.0)
    more.set()
    assert (it.collect / "me/left.arrow").exists()
    slower = job(server, scrape_interval="150ms")  # another loop, the same series
    with running(store, tmp_path, slower) as it:
        it.wait("gone", 1, None)
        ended = it.wait("up", 1, None)
        assert [labels["job"] for labels, _, _ in ended] == ["b"]
        count = len(it.samples("up"))
        it.wait("up", count + 2)
    assert not (it.collect / "me/targets.json").exists()
    for name in ("a", "up", "scrape_duration_seconds"):
        of_a = [(ts, value) for labels, ts, value in it.samples(name) if labels["job"] == "a"]
        assert None not in dict(of_a).values()
        assert [ts for ts, _ in of_a] == sorted({ts for ts, _ in of_a})
    of_b = [value for labels, _, value in it.samples("a") if labels["job"] == "b"]
    assert of_b[-1] is None
    assert of_b.count(None) == 1


@pytest.mark.parametrize(
    ("answer", "more", "said"),
    [
        (b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n", {}, "500 Internal Server Error"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\na 1", {},
         "ended before the answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 4\r\n\r\na 1\n", {},
         "image/png"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\na 1\n",
         {"body_size_limit": "3B"}, "larger than 3 B"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\na one", {},
         "one"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 8\r\n\r\na 1\nb 2\n",
         {"sample_limit": 1}, "sample_limit is 1"),
        (b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", {}, "redirects"),
    ],
)  # fmt: skip
def test_a_bad_page_is_down_and_says_why(serve, store, tmp_path, answer, more, said):
    async def send(request):
        await request.send(answer)
        if b"302" not in answer:
            request.writer.close()

    with running(store, tmp_path, job(serve(send), **more)) as it:
        assert {value for _, _, value in it.wait("up", 2)} == {0.0}
        target = it.target(lambda one: one["health"] == "down")
        assert said in target["lastError"]
        eventually(lambda: any(said in one for one in it.source.status().problems))
        assert it.samples("a") == []


def test_a_target_that_hangs_does_not_hold_up_the_others(serve, store, tmp_path):
    async def hang(_request):
        await asyncio.sleep(60)

    with running(store, tmp_path, job(serve(ok), serve(hang))) as it:
        it.wait("up", 3, 1.0)
        it.wait("up", 3, 0.0)
        assert "longer than 0.1 s" in " ".join(eventually(lambda: it.source.status().problems))


def test_series_end_when_a_page_fails_and_when_a_target_goes(serve, store, tmp_path):
    good = threading.Event()
    good.set()

    async def sometimes(request):
        if good.is_set():
            await ok(request)
        else:
            await request.page(b"", status="503 Busy")

    server = serve(sometimes)
    file = tmp_path / "targets.json"
    file.write_text(json.dumps([{"targets": [server.address], "labels": {"zone": "b"}}]))
    config = {"job_name": "f", **FAST, "file_sd_configs": [{"files": [str(tmp_path / "*.json")]}]}
    with running(store, tmp_path, config) as it:
        ((labels, _, _), *_) = it.wait("a", 2)
        assert labels["zone"] == "b"
        good.clear()
        it.wait("a", 1, None)
        it.wait("up", 1, 0.0)
        good.set()
        before = len(it.samples("a"))
        it.wait("a", before + 1)
        file.write_text("not json")
        eventually(lambda: any("targets.json" in one for one in it.source.status().problems))
        count = len(it.samples("up"))
        it.wait("up", count + 2)  # what was found before goes on
        file.write_text("[]")
        it.wait("up", 1, None)
        assert [value for _, _, value in it.samples("a")][-1] is None
        assert [value for _, _, value in it.samples("scrape_duration_seconds")][-1] is None


def test_targets_from_a_server(serve, store, tmp_path):
    page = serve(ok)
    kind = "application/json"

    async def tell(request):
        groups = [{"targets": [page.address, page.address], "labels": {"__meta_x": "1"}}]
        await request.page(json.dumps(groups).encode(), f"Content-Type: {kind}")

    told = serve(tell)
    config = {
        "job_name": "h",
        **FAST,
        "http_sd_configs": [{"url": told.url, "refresh_interval": "200ms"}],
        "relabel_configs": [{"source_labels": ["__meta_x"], "target_label": "x"}],
    }
    with running(store, tmp_path, config) as it:
        ((labels, _, _), *_) = it.wait("a")
        assert labels["x"] == "1"
        target = it.target(lambda one: True)
        assert target["discoveredLabels"]["__meta_url"] == told.url
        assert len(read_targets(it.collect)["activeTargets"]) == 1
        kind = "text/html"
        eventually(lambda: any("not JSON" in one for one in it.source.status().problems))


def test_dropped_targets_misfits_and_too_many(serve, store, tmp_path):
    server = serve(ok)
    rules = [{"source_labels": ["__address__"], "regex": "drop.*", "action": "drop"}]
    config = job(server, "drop:1", "drop:2", "not an address", relabel_configs=rules)
    limited = {**job(server, "b:1"), "job_name": "b", "target_limit": 1}
    with running(store, tmp_path, config, limited) as it:
        it.wait("a")
        lists = eventually(lambda: (f := read_targets(it.collect))["activeTargets"] and f)
        assert lists["droppedTargetCounts"] == {"a": 2, "b": 0}
        (misfit,) = lists["misfits"]
        assert "is not an address" in misfit["error"]
        down = it.wait("up", 2, 0.0)
        assert {labels["job"] for labels, _, _ in down} == {"b"}
        eventually(lambda: any("target_limit is 1" in one for one in it.source.status().problems))


def test_a_large_page_and_partitions(serve, store, tmp_path):
    body = b"".join(b'm{x="%d"} %d\n' % (at, at) for at in range(20_000))

    async def large(request):
        assert request.headers["accept-encoding"] == "gzip"
        await request.page(body)

    one, two = serve(large), serve(ok)
    with running(store, tmp_path, job(one, two, scrape_interval="1s", scrape_timeout="1s"),
                 partitions=4) as it:  # fmt: skip
        found = it.wait("m", 20_000)
        assert {value for _, _, value in found} >= set(map(float, range(20_000)))


def test_what_pages_say_of_names(serve, store, tmp_path, monkeypatch):
    monkeypatch.setattr("madang.collect.scrape.source._METADATA_EVERY", 2)
    with running(store, tmp_path, job(serve(ok))) as it:
        said = eventually(lambda: read_metadata(it.collect))
        assert said["a"] == {"type": "counter", "unit": "", "help": "What it is"}


def test_a_stream_of_other_columns_is_refused(store, tmp_path):
    import pyarrow as pa

    with pytest.raises(InvalidInputError, match="other columns"):
        Running(store, tmp_path, job("a:1"), schema=pa.schema([("ts", pa.timestamp("us", "UTC"))]))


def test_node_exporter_is_scraped(store, tmp_path):
    program = debian_program("prometheus-node-exporter", "usr/bin/prometheus-node-exporter")
    with subprocess.Popen(
        [program, "--web.listen-address=127.0.0.1:0", "--collector.disable-defaults",
         "--collector.loadavg", "--collector.meminfo", "--collector.uname"],
        stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            assert process.stderr is not None
            address = next(
                part.removeprefix("address=")
                for line in process.stderr
                for part in line.split()
                if part.startswith("address=127.0.0.1:")
            )
            with running(store, tmp_path, job(address)) as it:
                it.wait("up", 2, 1.0)
                page = urllib.request.urlopen(f"http://{address}/metrics").read().decode()
                names = {
                    line.split("{")[0].split(" ")[0]
                    for line in page.splitlines()
                    if not line.startswith("#")
                }
                scraped = {name for name in names if it.samples(name)}
                assert names - scraped == set()
                assert len(names) > 80
                assert it.samples(REPORT[2])[0][2] > 80
        finally:
            process.terminate()
