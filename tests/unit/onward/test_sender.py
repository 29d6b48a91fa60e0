"""Senders over a real log, head and HTTP receiver."""

import threading
import time

import pyarrow as pa
import pytest

from madang.core.clock import ManualClock
from madang.core.samples import SAMPLES_SCHEMA, STALE_NAN
from madang.metrics.head.folder import HeadFolder
from madang.metrics.head.follower import HeadFollower
from madang.metrics.head.head import Head
from madang.onward.groups import PLAN, group_of
from madang.onward.sender import Sender
from madang.project.remote_write_spec import RemoteWriteSpec
from madang.stream import LogStore
from unit.metrics.pages import page
from unit.onward.receiving import Peer

NOW_MS = 1_767_225_600_000
QUICK = {"batch_send_deadline": "50ms", "min_backoff": "5ms", "max_backoff": "20ms"}


class Work:
    """A log with samples, and a sender."""

    def __init__(self, path, peer):
        self.path, self.peer = path, peer
        self.clock = ManualClock(NOW_MS * 1000)
        self.store = LogStore(path / "streams", clock=self.clock)
        self.stream = self.store.open("metrics.samples", SAMPLES_SCHEMA, 2)
        folder = HeadFolder(path / "head")
        self.follower = HeadFollower(self.stream, Head(), folder, clock=self.clock)
        self.follower.restore()
        self.follower.poll()
        self.tick = 0
        self.sender = self._thread = None

    def start(self, **settings):
        queue = {**QUICK, **settings.pop("queue_config", {})}
        values = {"url": self.peer.url, "queue_config": queue, **settings}
        spec = RemoteWriteSpec.model_validate(values)
        self.sender = Sender(
            group_of("", spec), spec, self.stream, self.follower.view, self.follower.taken
        )
        self.stop_event = threading.Event()
        self._thread = threading.Thread(target=self.sender.run, args=(self.stop_event,))
        self._thread.start()
        until = time.monotonic() + 10
        while not self.stream.committed(self.sender.group):
            assert time.monotonic() < until
            time.sleep(0.005)
        return self

    def stop(self):
        if self._thread:
            self.stop_event.set()
            self._thread.join()
            self._thread = None

    def close(self):
        self.stop()
        self.store.close()

    def push(self, values, *, announce=True, partition=0):
        self.tick += 1
        batch = page(NOW_MS + self.tick * 1000, values, announce=announce)
        self.stream.submit(batch, partition=partition).result()
        self.follower.poll()

    def is_done(self):
        committed = self.stream.committed(self.sender.group)
        return all(
            committed.get(one, 0) >= self.stream.bounds(one).end
            for one in range(self.stream.partitions)
        )

    def settle(self):
        until = time.monotonic() + 20
        while not self.is_done():
            assert time.monotonic() < until, self.sender.look()
            time.sleep(0.005)


@pytest.fixture
def peer():
    made = Peer()
    yield made
    made.stop()


@pytest.fixture
def work(tmp_path, peer):
    made = Work(tmp_path, peer)
    yield made
    made.close()


def labels(name, pod, **more):
    return tuple(sorted({"__name__": name, "pod": pod, **more}.items()))


def test_samples_arrive_in_order_with_their_ends(work, peer):
    work.start()
    for number in range(50):
        work.push({("up", "a"): number, ("up", "b"): -number}, announce=number == 0)
        work.push({("load", "c"): number}, announce=number == 0, partition=1)
    work.push({("up", "a"): STALE_NAN}, announce=False)
    work.settle()
    found = peer.samples()
    assert set(found) == {labels("up", "a"), labels("up", "b"), labels("load", "c")}
    assert [value for _, value in found[labels("up", "a")]] == [*map(float, range(50)), None]
    assert [at for at, _ in found[labels("load", "c")]] == sorted(
        at for at, _ in found[labels("load", "c")]
    )
    assert sum(map(len, found.values())) == 151
    assert work.sender.look().sent == 151


def test_a_new_sender_begins_now_and_knows_series_that_were_announced_before(work, peer):
    work.push({("up", "a"): 1.0})
    work.start()
    work.push({("up", "a"): 2.0}, announce=False)
    work.settle()
    assert [value for _, value in peer.samples()[labels("up", "a")]] == [2.0]


def test_labels_are_added_and_rules_applied(work, peer):
    work.start(
        external_labels={"region": "kr", "pod": "never"},
        write_relabel_configs=[
            {"source_labels": ["__name__"], "regex": "load", "action": "drop"},
            {"source_labels": ["pod"], "target_label": "host", "replacement": "h-$1"},
        ],
        headers={"X-Scope-OrgID": "seoul"},
        basic_auth={"username": "u", "password": "p"},
    )
    work.push({("up", "a"): 1.0, ("load", "a"): 2.0})
    work.settle()
    assert set(peer.samples()) == {labels("up", "a", host="h-a", region="kr")}
    headers, _ = peer.requests[0]
    assert headers["X-Scope-OrgID"] == "seoul"
    assert headers["Authorization"] == "Basic dTpw"
    assert headers["Content-Encoding"] == "snappy"
    assert headers["X-Prometheus-Remote-Write-Version"] == "0.1.0"


def test_remote_write_2(work, peer):
    work.start(protobuf_message="io.prometheus.write.v2.Request")
    work.push({("up", "a"): 1.0})
    work.settle()
    assert set(peer.samples()) == {labels("up", "a")}
    assert peer.requests[0][0]["X-Prometheus-Remote-Write-Version"] == "2.0.0"


def test_what_cannot_be_taken_now_is_sent_again_as_it_was(work, peer):
    peer.answers = [500, (429, {"Retry-After": "0"}), None, 503, 204]
    work.start(queue_config={"max_shards": 1})
    work.push({("up", "a"): 1.0})
    work.settle()
    assert len(peer.requests) == 5
    assert [value for _, value in peer.samples()[labels("up", "a")]] == [1.0]
    assert work.sender.look().error == ""
    assert work.sender.look().dropped == {}


def test_what_is_refused_is_counted_and_told_and_does_not_block(work, peer):
    peer.answers = [(400, {}), 204]
    work.start(queue_config={"max_shards": 1})
    work.push({("up", "a"): 1.0})
    work.settle()
    work.push({("up", "a"): 2.0})
    work.settle()
    assert [value for _, value in peer.samples()[labels("up", "a")]] == [2.0]
    state = work.sender.look()
    assert state.dropped == {"refused": 1}
    assert "400" in state.reason


def test_429_is_final_where_that_is_wanted(work, peer):
    peer.answers = [429]
    work.start(queue_config={"max_shards": 1, "retry_on_http_429": False})
    work.push({("up", "a"): 1.0})
    work.settle()
    assert work.sender.look().dropped == {"refused": 1}


def test_requests_have_a_size_and_a_series_one_shard(work, peer):
    work.start(queue_config={"max_samples_per_send": 10, "min_shards": 3, "max_shards": 3})
    for number in range(20):
        work.push({("up", str(pod)): number for pod in range(10)}, announce=number == 0)
    work.settle()
    assert all(len(pushed.samples) <= 10 for _, pushed in peer.requests)
    found = peer.samples()
    assert len(found) == 10
    for samples in found.values():
        assert [value for _, value in samples] == list(map(float, range(20)))


def test_after_a_stop_in_between_the_same_requests_come_again(work, peer):
    work.start(queue_config={"max_samples_per_send": 7, "min_shards": 2, "max_shards": 2})
    peer.answers = [503] * 100_000
    for number in range(12):
        work.push({("up", str(pod)): number for pod in range(5)}, announce=number == 0)
    group = work.sender.group
    peer.wait_for(lambda: len(peer.requests) > 4)
    work.stop()
    tried = {bodies(pushed) for _, pushed in peer.requests}
    planned, done = work.stream.committed(group + PLAN), work.stream.committed(group)
    assert dict(planned) != dict(done)
    # More comes before it is started again: the requests that were tried stay as they were.
    work.push({("up", str(pod)): 99.0 for pod in range(5)}, announce=False)
    with peer.changed:
        peer.answers, peer.requests = [], []
    work.start(queue_config={"max_samples_per_send": 7, "min_shards": 2, "max_shards": 2})
    work.settle()
    assert tried <= {bodies(pushed) for _, pushed in peer.requests}
    for samples in peer.samples().values():
        assert [value for _, value in samples] == [*map(float, range(12)), 99.0]


def bodies(pushed):
    one = pushed.samples
    return tuple(
        (one.labels[place], int(at), float(value))
        for place, at, value in zip(one.series, one.ts_ms, one.values, strict=True)
    )


def test_what_was_being_sent_may_be_refused_without_being_lost(work, peer):
    work.start(queue_config={"max_shards": 1})
    group, begun = work.sender.group, dict(work.stream.committed(work_group(work)))
    work.push({("up", "a"): 1.0})
    work.settle()
    work.stop()
    # As if it had died between the answer and noting it.
    ended = dict(work.stream.committed(group))
    rewind(work, group, begun)
    assert dict(work.stream.committed(group)) == begun != ended
    peer.answers = [400]
    work.start(queue_config={"max_shards": 1})
    work.settle()
    assert work.sender.look().dropped == {"refused_again": 1}


def work_group(work):
    return work.sender.group


def rewind(work, group, offsets):
    work.stream.commit(group, offsets)


def test_what_went_while_it_was_away_is_counted(work, peer):
    work.start()
    work.push({("up", "a"): 1.0})
    work.settle()
    work.stop()
    work.push({("up", "a"): 2.0})
    work.push({("up", "a"): 3.0})
    work.clock.advance(7200)
    work.stream.retain(age_s=3600, size_bytes=None)  # begins a segment
    work.push({("up", "a"): 4.0})
    work.stream.retain(age_s=3600, size_bytes=None)
    work.start()
    work.settle()
    assert [value for _, value in peer.samples()[labels("up", "a")]] == [1.0, 4.0]
    state = work.sender.look()
    assert state.dropped == {"retention": 2}
    assert "older than is kept" in state.reason


def test_unknown_series_and_histograms_are_counted(work, peer):
    work.start()
    batch = page(NOW_MS, {("up", "x"): 1.0}, announce=False)
    work.stream.submit(batch).result()
    batch = page(NOW_MS, {("hist", "x"): 1.0})
    column = SAMPLES_SCHEMA.get_field_index("histogram")
    filled = batch.set_column(column, SAMPLES_SCHEMA.field(column), pa.array([b"\x01"]))
    work.stream.submit(filled).result()
    work.follower.poll()
    work.settle()
    assert work.sender.look().dropped == {"unknown_series": 1, "histogram": 1}
    assert not peer.requests


def test_a_receiver_that_is_down_is_told_and_waited_for(work, peer):
    url = peer.url
    work.start(url="http://127.0.0.1:1/write", name="r")
    work.push({("up", "a"): 1.0})
    until = time.monotonic() + 10
    while not work.sender.look().error:
        assert time.monotonic() < until
        time.sleep(0.01)
    state = work.sender.look()
    assert "127.0.0.1:1" in state.error
    assert state.lag == 1
    work.stop()
    work.start(url=url, name="r")
    work.settle()
    assert [value for _, value in peer.samples()[labels("up", "a")]] == [1.0]


def test_an_idle_connection_that_was_closed_is_no_trouble(work, peer):
    peer.closes = True
    work.start(queue_config={"max_shards": 1})
    for number in range(3):
        work.push({("up", "a"): number})
        work.settle()
    assert [value for _, value in peer.samples()[labels("up", "a")]] == [0.0, 1.0, 2.0]
    assert work.sender.trouble.since_s == 0.0


def test_redirects_keep_the_body_and_lose_credentials_elsewhere(work, peer):
    other = Peer()
    try:
        peer.answers = [(307, {"Location": other.url}), (308, {"Location": "/other"})]
        work.start(queue_config={"max_shards": 1}, bearer_token="secret")
        work.push({("up", "a"): 1.0})
        work.settle()
        assert set(other.samples()) == {labels("up", "a")}
        assert other.requests[0][0]["Authorization"] is None
        assert peer.requests[0][0]["Authorization"] == "Bearer secret"
    finally:
        other.stop()
