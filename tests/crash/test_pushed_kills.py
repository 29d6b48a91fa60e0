"""``kill -9`` of the whole platform while samples are pushed: what was acknowledged is there."""

from __future__ import annotations

import os
import random
import threading
import time
from dataclasses import dataclass, field

import httpx
import numpy as np
import pytest

from madang.collect.remote_write import CONTENT_TYPES, V1_PROTO, V2_PROTO, RemoteWriteEncoder
from madang.core.samples import Samples, canonical_labels, labels_of, series_id
from madang.stream import LogStore
from madang.testing.running_platform import TOKEN, RunningPlatform, write_project

KILLS = int(os.environ.get("MADANG_KILLS", "20"))
SERIES = 50
PROJECT = {"madang.yml": "name: crash\n"}


@dataclass
class Sender(threading.Thread):
    """Sends batches, one sample of each of its series, until told to stop.

    A batch that got no answer is sent again, as Prometheus does. The value of a sample says which
    batch it is of; ``sent`` and ``acknowledged`` have the batches by their times.
    """

    url: str
    number: int
    sent: dict[int, int] = field(default_factory=dict)
    acknowledged: set[int] = field(default_factory=set)
    refusals: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(daemon=True, name=f"sender-{self.number}")
        self._done = threading.Event()
        self._encoder = RemoteWriteEncoder()
        names = {"__name__": "crash_total", "sender": str(self.number)}
        self.labels = [canonical_labels({**names, "i": str(i)}) for i in range(SERIES)]

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        batch = last_ms = 0
        with httpx.Client(timeout=10) as client:
            while not self._done.is_set():
                last_ms = max(last_ms + 1, time.time_ns() // 1_000_000)
                self.sent[last_ms] = batch
                content, proto = self._body(batch, last_ms)
                while not self._send(client, content, proto):
                    if self._done.wait(0.05):
                        return
                self.acknowledged.add(last_ms)
                batch += 1

    def finish(self) -> None:
        self._done.set()
        self.join(30)

    def _body(self, batch: int, ts_ms: int) -> tuple[bytes, str]:
        samples = Samples(
            self.labels,
            np.arange(SERIES, dtype=np.int32),
            np.full(SERIES, ts_ms),
            batch * 1000.0 + np.arange(SERIES),
        )
        if self.number % 2:
            return self._encoder.v2(samples), V2_PROTO
        return self._encoder.v1(samples), V1_PROTO

    def _send(self, client: httpx.Client, content: bytes, proto: str) -> bool:
        headers = {
            "Authorization": f"Bearer {TOKEN}",
            "Content-Type": CONTENT_TYPES[proto],
            "Content-Encoding": "snappy",
        }
        try:
            answer = client.post(
                f"{self.url}/prometheus/api/v1/write", content=content, headers=headers
            )
        except httpx.TransportError:
            return False
        if answer.status_code not in (204, 429, 503, 507):
            self.refusals.append(f"{answer.status_code} {answer.text}")
        return answer.status_code == 204


def rows(stream, partition):
    """(labels, milliseconds, value), as whoever reads the stream from its begin knows them."""
    known: dict[int, bytes] = {}
    offset, end = 0, stream.bounds(partition).end
    while offset < end:
        for chunk in stream.read(partition, offset):
            offset = chunk.end_offset
            if chunk.attributes.get("source") != "remote_write":
                continue
            columns = [chunk.batch.column(name) for name in ("series", "ts", "value", "labels")]
            times = columns[1].cast("int64").to_pylist()
            for number, ts_ms, value, labels in zip(
                columns[0].to_pylist(), times, *(c.to_pylist() for c in columns[2:]), strict=True
            ):
                if labels is not None:
                    assert series_id(labels) == number
                    known[number] = labels
                yield known[number], ts_ms, value


@pytest.mark.crash
@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_acknowledged_sample_is_in_the_stream(tmp_path):
    seed = int(os.environ.get("MADANG_SEED", time.time_ns() % 2**32))
    print(f"seed {seed}")
    rng = random.Random(seed)
    project = write_project(tmp_path / "project", PROJECT)
    with RunningPlatform(project, tmp_path / "data") as platform:
        senders = [Sender(platform.url, number) for number in range(3)]
        for sender in senders:
            sender.start()
        for _ in range(KILLS):
            time.sleep(rng.uniform(0.0, 1.5))
            platform.kill()
            platform.start()
        time.sleep(1)
        for sender in senders:
            sender.finish()
        assert [refusal for one in senders for refusal in one.refusals] == []

        found: dict[bytes, dict[int, float]] = {}
        with LogStore(tmp_path / "data/streams") as store:
            stream = store.get("metrics.samples")
            for partition in range(stream.partitions):
                for labels, ts_ms, value in rows(stream, partition):
                    assert found.setdefault(labels, {}).setdefault(ts_ms, value) == value
        for sender in senders:
            for i, labels in enumerate(sender.labels):
                of_series = found.pop(labels)
                assert sender.acknowledged <= of_series.keys()
                assert of_series.keys() <= sender.sent.keys()
                for ts_ms, value in of_series.items():
                    assert value == sender.sent[ts_ms] * 1000 + i
                if i < 3:
                    platform.wait_for(lambda of=of_series, who=labels: answered(platform, who, of))
        assert not found, "nobody sent these"
        assert sum(len(one.acknowledged) for one in senders) > KILLS, "the senders hardly ran"
        assert platform.stop() == 0


def answered(platform, labels, expected):
    """Whether PromQL gives exactly these samples, each once, whatever was killed."""
    given = ",".join(f'{k}="{v}"' for k, v in labels_of(labels).items())
    params = {"query": f"{{{given}}}[1h]", "time": max(expected) / 1000 + 1}
    answer = platform.client.get("/prometheus/api/v1/query", params=params)
    if answer.status_code != 200:
        return False
    (found,) = answer.json()["data"]["result"] or [{"values": []}]
    values = {round(float(ts) * 1000): float(value) for ts, value in found["values"]}
    return values == expected and len(found["values"]) == len(expected)
