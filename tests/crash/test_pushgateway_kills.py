"""``kill -9`` of the platform while groups are pushed: what was acknowledged is there.

And in the stream every series of a group lives on, and no other does.
"""

from __future__ import annotations

import os
import random
import threading
import time
from dataclasses import dataclass, field
from functools import partial

import httpx
import numpy as np
import pytest

from madang.core.samples import is_stale, labels_of
from madang.stream import LogStore
from madang.testing.running_platform import TOKEN, RunningPlatform, write_project

KILLS = int(os.environ.get("MADANG_PUSH_KILLS", "2"))
PROJECT = {"madang.yml": "metrics: {pushgateway: {interval: 1s}}\nstorage: {min_free: 0}\n"}
OWN = ("push_time_seconds", "push_failure_time_seconds")


@dataclass
class Sender(threading.Thread):
    """Pushes to groups of its own; after each request that was answered, it knows what is there.

    ``known`` has by group the number of the push, None for a deleted one; ``unsure`` what a request
    that got no answer would have made of it.
    """

    url: str
    number: int
    known: dict[int, int | None] = field(default_factory=dict)
    unsure: dict[int, int | None] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)
    acknowledged: int = 0

    def __post_init__(self) -> None:
        super().__init__(daemon=True, name=f"sender-{self.number}")
        self._done = threading.Event()
        self._draw = random.Random(self.number)

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        push = 0
        headers = {"Authorization": f"Bearer {TOKEN}"}
        with httpx.Client(timeout=10, headers=headers, trust_env=False) as client:
            while not self._done.is_set():
                push += 1
                group = self._draw.randrange(10)
                delete = self._draw.random() < 0.2
                self.unsure[group] = None if delete else push
                try:
                    answer = self._send(client, group, None if delete else push)
                except httpx.TransportError:
                    return
                if answer.status_code not in (200, 202):
                    self.refusals.append(answer.text)
                    return
                self.known[group] = self.unsure.pop(group)
                self.acknowledged += 1

    def _send(self, client: httpx.Client, group: int, push: int | None) -> httpx.Response:
        url = f"{self.url}/pushgateway/metrics/job/s{self.number}/group/{group}"
        if push is None:
            return client.delete(url)
        return client.put(url, content=f'value {push}\nturning{{t="{push % 3}"}} 1\n')

    def stop(self) -> None:
        self._done.set()
        self.join(20)


def busy(senders: list[Sender]) -> bool:
    """Whether enough was acknowledged to be looked for."""
    return sum(one.acknowledged for one in senders) > 30


def groups(platform: RunningPlatform) -> dict[tuple[int, int], int]:
    """By sender and group, the number of the push that is there."""
    found = {}
    for group in platform.client.get("/pushgateway/api/v1/metrics").json()["data"]:
        labels = group["labels"]
        value = int(group["value"]["metrics"][0]["value"])
        turning = [one["labels"]["t"] for one in group["turning"]["metrics"]]
        assert turning == [str(value % 3)]
        found[int(labels["job"][1:]), int(labels["group"])] = value
    return found


@pytest.mark.crash
@pytest.mark.slow
def test_acknowledged_pushes_survive_kills(tmp_path):
    project, data = write_project(tmp_path / "project", PROJECT), tmp_path / "data"
    draw = random.Random(1)
    there: dict[tuple[int, int], int] = {}
    acknowledged = 0
    for kill in range(KILLS):
        platform = RunningPlatform(project, data).start(timeout_s=60)
        senders = [Sender(platform.url, 4 * kill + number) for number in range(4)]
        for sender in senders:
            sender.start()
        platform.wait_for(partial(busy, senders), 60)
        time.sleep(draw.uniform(0, 0.5))
        platform.kill()
        platform.client.close()
        for sender in senders:
            sender.stop()
            assert not sender.refusals
        acknowledged += sum(sender.acknowledged for sender in senders)
        with RunningPlatform(project, data) as again:
            found = groups(again)
            assert (
                again.client.get("/pushgateway/api/v1/status").json()["data"]["broken_files"] == []
            )
        for (sender, group), value in there.items():
            assert found.get((sender, group)) == value
        for sender in senders:
            for group in range(10):
                possible = {
                    sender.known.get(group),
                    sender.unsure.get(group, sender.known.get(group)),
                }
                assert found.get((sender.number, group)) in possible
        there = found
    assert acknowledged > 30 * KILLS
    with RunningPlatform(project, data) as platform:
        platform.wait_for(lambda: living(data).keys() == expected(groups(platform)).keys(), 30)
        assert living(data) == expected(groups(platform))
        kept = (data / "collect/pushed-groups").iterdir()
        assert {path.suffix for path in kept} == {".group"}


def expected(found: dict[tuple[int, int], int]) -> dict[frozenset, float]:
    """The series of groups and their values."""
    series: dict[frozenset, float] = {}
    for (sender, group), value in found.items():
        labels = {"job": f"s{sender}", "group": str(group)}
        series[frozenset({**labels, "__name__": "value"}.items())] = value
        turning = {**labels, "__name__": "turning", "t": str(value % 3)}
        series[frozenset(turning.items())] = 1
    return series


def living(data) -> dict[frozenset, float]:
    """The last value of every series of the stream that has not ended; times never go back."""
    labels: dict[int, dict[str, str]] = {}
    last: dict[int, tuple[int, float]] = {}
    with LogStore(data / "streams", min_free_bytes=0) as store:
        stream = store.get("metrics.samples")
        for partition in range(stream.partitions):
            offset = 0
            while chunks := stream.read(partition, offset):
                for chunk in chunks:
                    if chunk.attributes.get("source") == "pushgateway":
                        _read(chunk.batch, labels, last)
                offset = chunks[-1].end_offset
    values = np.array([value for _, value in last.values()])
    return {
        frozenset(labels[series].items()): value
        for (series, (_, value)), ended in zip(last.items(), is_stale(values), strict=True)
        if not ended and labels[series]["__name__"] not in OWN
    }


def _read(batch, labels: dict, last: dict) -> None:
    rows = zip(
        batch["series"].to_pylist(),
        batch["ts"].cast("int64").to_pylist(),
        batch["value"].to_numpy().tolist(),
        batch["labels"].to_pylist(),
        strict=True,
    )
    for series, ts_ms, value, written in rows:
        if written is not None:
            labels[series] = labels_of(written)
        if series not in labels:  # killed between the group's file and the stream
            assert is_stale(np.array([value]))[0]
            continue
        assert ts_ms > last.get(series, (0, 0.0))[0]
        last[series] = (ts_ms, value)
