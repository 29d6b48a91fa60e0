"""The commands of docs/operations.md for backup, restore and moving, as they stand there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from madang.testing.running_platform import TOKEN, RunningPlatform, write_project

pytestmark = [pytest.mark.crash, pytest.mark.slow]
PAGE = Path(__file__).parents[2] / "docs/operations.md"
PROJECT = {
    "madang.yml": "query: {workers: 1}\n",
    "streams/orders.yml": "partitions: 2\nkey: id\ndeliver: {buffer_time: 300ms}\n",
}


def commands(heading: str) -> str:
    """The shell commands below a heading of the page."""
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return "\n".join(re.findall(r"^```sh\n(.*?)^```", section, re.S | re.M))


def run(script: str, **variables: object) -> None:
    """Run a documented script, its example values replaced."""
    for name, value in variables.items():
        script, count = re.subn(rf"(?m)^{name}=\S+", f"{name}={value}", script)
        assert count, name
    done = subprocess.run(["sh", "-eu", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


class Producer:
    """Sends numbered batches of ten until it is stopped; knows what was acknowledged."""

    def __init__(self, platform: RunningPlatform) -> None:
        self.acknowledged = 0
        self._platform = platform
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._send)
        self._thread.start()

    def _send(self) -> None:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        with httpx.Client(base_url=self._platform.url, headers=headers) as client:
            while not self._over.is_set():
                first = self.acknowledged
                lines = [
                    json.dumps({"id": n, "text": "가" * 100}) for n in range(first, first + 10)
                ]
                lines.append("broken")
                answer = client.post("/ingest/orders", content="\n".join(lines))
                assert answer.status_code == 200, answer.text
                self.acknowledged = first + 10

    def stop(self) -> None:
        self._over.set()
        self._thread.join()


@pytest.fixture
def producing(tmp_path: Path) -> Iterator[tuple[RunningPlatform, Producer]]:
    project = write_project(tmp_path / "project", PROJECT)
    with RunningPlatform(project, tmp_path / "data") as platform:
        producer = Producer(platform)
        try:
            platform.wait_for(lambda: platform.stream("orders")["table"] in _tables(platform))
            yield platform, producer
        finally:
            producer.stop()


def _tables(platform: RunningPlatform) -> set[str]:
    return {one["name"] for one in platform.client.get("/api/tables").json()["tables"]}


def _whole(platform: RunningPlatform, least: int) -> None:
    """Every record below ``least`` is in the table or a dead letter, and none of all twice."""
    platform.wait_for(lambda: platform.delivered("orders"))
    rows, different, old = platform.sql(
        "select count(*), count(distinct id), count(*) filter (id < $least) from orders",
        least=least,
    )[0]
    assert (rows, old) == (different, least)
    letters = platform.stream("orders")["dead_letters"]
    assert least // 10 <= letters
    # Each body has one broken record for ten good ones; records of later bodies may be parts of it.
    sent = platform.stream("orders")["records_total"]
    assert sent == rows + letters


def test_a_backup_that_is_made_while_records_come_can_be_restored(
    producing: tuple[RunningPlatform, Producer], tmp_path: Path
) -> None:
    platform, producer = producing
    copy = tmp_path / "copy"
    least = producer.acknowledged
    run(commands("Backup"), FROM=platform.data, TO=copy)
    producer.stop()
    assert producer.acknowledged > least
    platform.stop()
    platform.data.rename(tmp_path / "lost")
    run(commands("Restore"), FROM=copy, TO=platform.data)
    with RunningPlatform(platform.project, platform.data) as restored:
        _whole(restored, least)
        after = restored.client.post("/ingest/orders", content='{"id": -1}')
        assert after.status_code == 200
        restored.wait_for(lambda: restored.delivered("orders"))
        assert restored.sql("select count(*) from lake.orders where id = -1") == [[1]]


def test_a_data_directory_can_move_and_leave_a_link(
    producing: tuple[RunningPlatform, Producer], tmp_path: Path
) -> None:
    platform, producer = producing
    producer.stop()
    platform.stop()
    run(commands("Moving a data directory"), OLD=platform.data, NEW=tmp_path / "elsewhere")
    with RunningPlatform(platform.project, platform.data) as moved:
        _whole(moved, producer.acknowledged)
        assert moved.client.post("/ingest/orders", content='{"id": -1}').status_code == 200
        moved.wait_for(lambda: moved.delivered("orders"))
        assert moved.sql("select count(*) from lake.orders where id = -1") == [[1]]
    assert (tmp_path / "elsewhere/lake").is_dir()


def _push(platform: RunningPlatform, first: int, count: int) -> None:
    """Samples of the series ``beat``, a second apart; the n-th has the value n."""
    now_s = int(time.time()) - 600
    lines = "\n".join(f"beat value={n} {now_s + n}000000000" for n in range(first, first + count))
    answer = platform.client.post("/influx/write", content=lines)
    assert answer.is_success, answer.text


def _beats(platform: RunningPlatform) -> tuple[list[float], list[float]]:
    """All values of the series as SQL and PromQL have them."""
    sql = platform.sql("SELECT value FROM metrics.samples WHERE name = 'beat' ORDER BY value")
    answer = platform.client.get("/prometheus/api/v1/query", params={"query": "beat[1h]"})
    series = answer.json()["data"]["result"]
    return [row[0] for row in sql], [float(value) for one in series for _, value in one["values"]]


def _problems(platform: RunningPlatform) -> set[str]:
    return {one["code"] for one in platform.client.get("/api/status").json()["problems"]}


def test_the_newest_metrics_stay_when_a_backup_is_restored_below_them(tmp_path: Path) -> None:
    project = write_project(tmp_path / "project", {"madang.yml": "query: {workers: 1}\n"})
    data, copy, lost = (tmp_path / name for name in ("data", "copy", "lost"))
    with RunningPlatform(project, data) as platform:
        _push(platform, 0, 10)
    with RunningPlatform(project, data) as platform:  # which delivers what was written at the end
        platform.wait_for(lambda: platform.delivered("metrics.samples"))
        _push(platform, 10, 10)
        run(commands("Backup"), FROM=data, TO=copy)
        _push(platform, 20, 10)
    with RunningPlatform(project, data) as platform:
        platform.wait_for(lambda: platform.delivered("metrics.samples"))
        _push(platform, 30, 10)
    data.rename(lost)
    run(commands("Restore"), FROM=copy, TO=data)
    shutil.copytree(lost / "metrics", data / "metrics", dirs_exist_ok=True)
    expected = [float(n) for n in range(40)]
    with RunningPlatform(project, data) as platform:
        platform.wait_for(lambda: _beats(platform) == (expected, expected))
        platform.wait_for(lambda: "metrics_rebuilt" in _problems(platform))
    with RunningPlatform(project, data) as platform:
        platform.wait_for(lambda: platform.delivered("metrics.samples"))
        assert _beats(platform) == (expected, expected)
