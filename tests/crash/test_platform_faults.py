"""Faults beside the kill: a full disk, a killed worker, a rotated and truncated file, a stop."""

from __future__ import annotations

import errno
import gzip
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from crash.producers import Producer
from madang.testing.running_platform import RunningPlatform, free_port, write_project

pytestmark = [pytest.mark.crash, pytest.mark.slow, pytest.mark.timeout(300)]
ORDERS = {
    "madang.yml": "name: faults\nstorage: {min_free: 8MiB, segment_size: 4MiB}\n",
    "streams/orders.yml": "deliver: {buffer_time: 500ms, buffer_size: 2MiB}\n",
}


def _stored(platform: RunningPlatform) -> dict[tuple[int, int], int]:
    rows = platform.sql("select producer, batch, count(*) from lake.orders group by all")
    return {(producer, batch): n for producer, batch, n in rows}


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 96 MB."""
    mount = tmp_path / "disk"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", str(mount)]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"a small disk needs root: {done.stderr.decode().strip()}")
    yield mount
    subprocess.run(["umount", "-l", str(mount)], check=True)


def test_a_full_disk_refuses_keeps_and_recovers(tmp_path, small_disk):
    project = write_project(tmp_path / "project", ORDERS)
    with RunningPlatform(project, small_disk / "data") as platform:
        producer = Producer(platform.url, "orders", 0)
        producer.start()
        platform.wait_for(lambda: len(producer.acknowledged) > 50)
        ballast = small_disk / "ballast"
        with ballast.open("wb", buffering=0) as file:
            # Piece by piece: the producer takes room, too.
            while (free := os.statvfs(small_disk)).f_bavail * free.f_frsize > 4 * 2**20:
                file.write(bytes(2**20))

        accepted = 0

        def refused() -> bool:
            nonlocal accepted
            body = '{"producer": 9, "batch": 0}\n'
            answer = platform.client.post("/ingest/orders", content=body)
            accepted += answer.status_code == 200
            return answer.status_code in (429, 507) and int(answer.headers["Retry-After"]) > 0

        platform.wait_for(refused)
        assert platform.client.get("/healthz").status_code == 200
        before = len(producer.acknowledged)
        time.sleep(2)
        assert len(producer.acknowledged) <= before + 1
        assert platform.client.get("/api/status").json()["health"] != "ok"
        ballast.unlink()
        platform.wait_for(lambda: len(producer.acknowledged) > before + 50)
        producer.finish()
        platform.wait_for(lambda: platform.delivered("orders"), 60)
        stored = _stored(platform)
        for batch in producer.acknowledged:
            assert stored[0, batch] == producer.records
        assert stored.get((9, 0), 0) == accepted, "a refused record was kept"
        assert producer.refusals == []


def test_a_disk_without_a_byte_breaks_nothing_that_lasts(tmp_path, small_disk):
    """No watermark: every write of every part finds no room, in turn."""
    files = ORDERS | {"madang.yml": "name: faults\nstorage: {min_free: 0, segment_size: 4MiB}\n"}
    project = write_project(tmp_path / "project", files)
    with RunningPlatform(project, small_disk / "data") as platform:
        producer = Producer(platform.url, "orders", 0)
        producer.start()
        platform.wait_for(lambda: platform.stream("orders")["records_total"] > 5000)
        ballast = small_disk / "ballast"
        answers: dict[str, set[int]] = {"token": set(), "sql": set(), "ingest": set()}
        for leave in (0, 4096, 65_536, 524_288):
            until = time.monotonic() + 4
            while time.monotonic() < until:
                _take_all_but(ballast, leave)
                token = platform.client.post("/api/tokens", json={"name": "t", "scope": "read"})
                answers["token"].add(token.status_code)
                asked = platform.client.post(
                    "/api/sql", json={"sql": "select count(*) from orders"}
                )
                answers["sql"].add(asked.status_code)
                sent = platform.client.post("/ingest/orders", content="x" * 100_000 + "\n")
                answers["ingest"].add(sent.status_code)
            ballast.unlink()
            before = len(producer.acknowledged)
            platform.wait_for(lambda: len(producer.acknowledged) > before + 5)  # noqa: B023
        assert 507 in answers["ingest"], answers
        assert answers["ingest"] <= {200, 507}, answers
        assert 507 in answers["token"], answers
        assert answers["token"] <= {201, 507}, answers
        assert answers["sql"] == {200}
        producer.finish()
        platform.wait_for(lambda: platform.delivered("orders"), 60)
        stored = _stored(platform)
        assert {batch: stored[0, batch] for batch in producer.acknowledged} == dict.fromkeys(
            producer.acknowledged, producer.records
        )
        assert producer.refusals == []
        made = platform.client.post("/api/tokens", json={"name": "after", "scope": "read"})
        assert made.status_code == 201
        roles = json.loads((platform.data / "run/roles.json").read_bytes())["roles"]
        assert {role["name"]: role["restarts"] for role in roles if role["restarts"]} == {}


def test_a_start_on_a_full_disk_says_so(tmp_path, small_disk):
    project = write_project(tmp_path / "project", ORDERS)
    _take_all_but(small_disk / "ballast", 0)
    command = [sys.executable, "-m", "madang.cli", "up", str(project), "--port", str(free_port())]
    done = subprocess.run(
        [*command, "--data", str(small_disk / "data")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: the disk of {small_disk / 'data'} is full")


def _take_all_but(ballast, leave):
    """Write until no more than ``leave`` bytes are free."""
    with ballast.open("ab", buffering=0) as file:
        free = os.statvfs(ballast.parent)
        try:
            while (room := free.f_bavail * free.f_frsize - leave) > 0:
                file.write(bytes(min(room, 2**20)))
                free = os.statvfs(ballast.parent)
        except OSError as error:
            assert error.errno == errno.ENOSPC


def test_a_killed_query_worker_ends_its_query_alone(tmp_path):
    project = write_project(tmp_path / "project", ORDERS)
    with RunningPlatform(project, tmp_path / "data") as platform:
        producer = Producer(platform.url, "orders", 0)
        producer.start()
        answers = []

        def ask() -> None:
            endless = "select count(*) from range(100000) a, range(100000) b, range(1000) c"
            answers.append(platform.client.post("/api/sql", json={"sql": endless}))

        asking = threading.Thread(target=ask)
        asking.start()
        time.sleep(1.5)
        for number in (0, 1):
            os.kill(platform.role_pid(f"query-{number}"), signal.SIGKILL)
        asking.join(30)
        assert answers[0].status_code == 503, answers[0].text
        assert answers[0].json()["error"]["retryable"]
        platform.wait_for(lambda: platform.sql("select 1") == [[1]])
        before = len(producer.acknowledged)
        platform.wait_for(lambda: len(producer.acknowledged) > before + 10)
        producer.finish()


def test_followed_file_rotated_truncated_and_killed(tmp_path):
    logs = tmp_path / "logs"
    logs.mkdir()
    project = write_project(
        tmp_path / "project",
        {
            "madang.yml": "name: files\n",
            "streams/app.yml": "deliver: {buffer_time: 500ms}\n",
            "sources/app.yml": f"kind: files\nstream: app\npaths: ['{logs}/app.log*']\n"
            "poll_interval: 100ms\n",
        },
    )
    with RunningPlatform(project, tmp_path / "data") as platform:
        written = 0

        def write(count: int) -> None:
            nonlocal written
            with (logs / "app.log").open("a") as file:
                for number in range(written, written + count):
                    file.write(json.dumps({"number": number, "text": "x" * 100}) + "\n")
            written += count

        def arrived() -> bool:
            end = platform.stream("app")["partition_bounds"][0]["end"]
            return end >= written

        for turn in range(6):
            write(2000)
            if turn % 3 == 0:
                (logs / "app.log").rename(logs / f"app.log.{turn}")
            elif turn % 3 == 1:
                platform.wait_for(arrived)  # copy-truncate loses what nobody had read yet
                os.truncate(logs / "app.log", 0)
            else:
                platform.wait_for(arrived)
                old = logs / "app.log"
                (logs / f"app.log.{turn}.gz").write_bytes(gzip.compress(old.read_bytes()))
                old.unlink()
            write(500)
            platform.kill()
            write(500)
            platform.start()
        platform.wait_for(arrived, 60)
        platform.wait_for(lambda: platform.delivered("app"), 60)
        rows = platform.sql("select count(*), count(distinct number), max(number) from lake.app")
        assert rows == [[written, written, written - 1]]
        assert platform.stop() == 0


def test_a_stop_in_full_swing_loses_nothing(tmp_path):
    project = write_project(tmp_path / "project", ORDERS)
    with RunningPlatform(project, tmp_path / "data") as platform:
        producers = [Producer(platform.url, "orders", number) for number in range(2)]
        for producer in producers:
            producer.start()
        platform.wait_for(lambda: all(len(p.acknowledged) > 20 for p in producers))
        assert platform.stop() == 0
        platform.start()
        for producer in producers:
            producer.finish()
        platform.wait_for(lambda: platform.delivered("orders"), 60)
        stored = _stored(platform)
        for producer in producers:
            for batch in producer.acknowledged:
                assert stored[producer.number, batch] == producer.records
        assert platform.stop() == 0
