"""``kill -9`` of the platform while a column of whole numbers becomes one of doubles."""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
import pyarrow as pa
import pytest

from madang.core.datadir import DataDir
from madang.lake import Lake
from madang.testing.running_platform import TOKEN, RunningPlatform, write_project

KILLS = max(5, int(os.environ.get("MADANG_KILLS", "20")) // 10)
PROJECT = {
    "madang.yml": "name: widening\nquery: {workers: 1}\n",
    "streams/loads.yml": "deliver: {buffer_time: 200ms}\n",
    "tables/loads.yml": "compaction: {min_files: 2}\n",
}
MOMENTS = ("sent", "rewriting", "committing", "widened")
WHOLE = 20_000
"""Records of a round that come before its first fraction."""


def value_of(number: int) -> float:
    """What a record's field of its round holds: whole numbers, at the end fractions."""
    return number % 1000 if number < WHOLE else number % 1000 + 0.25


def body(round_: int, numbers: range) -> bytes:
    return b"".join(
        b'{"round":%d,"n":%d,"c%d":%g}\n' % (round_, n, round_, value_of(n)) for n in numbers
    )


def send(client: httpx.Client, round_: int, numbers: range) -> None:
    """Until it is acknowledged, over kills and starts."""
    headers = {"Idempotency-Key": f"{round_}-{numbers.start}", "Authorization": f"Bearer {TOKEN}"}
    for _ in range(600):
        try:
            answer = client.post("/ingest/loads", content=body(round_, numbers), headers=headers)
            if answer.status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError("not acknowledged within 30 s")


def column_type(platform: RunningPlatform, name: str) -> str | None:
    columns = platform.client.get("/api/tables/lake.loads").json().get("columns", [])
    return next((one["type"] for one in columns if one["name"] == name), None)


def type_in(data: Path, name: str) -> pa.DataType:
    """A column's type in what a killed platform left."""
    lake = Lake(DataDir(data))
    try:
        return lake.table("lake.loads").schema.field(name).type
    finally:
        lake.close()


def await_moment(moment: str, platform: RunningPlatform, name: str, rng: random.Random) -> None:
    """Wait, at most a few seconds, for a moment of the delivery that meets the fractions."""
    if moment == "sent":
        time.sleep(rng.uniform(0, 0.4))
    elif moment == "widened":
        platform.wait_for(lambda: column_type(platform, name) == "double")
    else:
        table = platform.data / "lake/lake/loads"
        suffix = ".parquet" if moment == "rewriting" else ".avro"
        before = set(table.rglob(f"*{suffix}"))
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline and not set(table.rglob(f"*{suffix}")) - before:
            time.sleep(0.0005)
        time.sleep(rng.uniform(0, 0.03) if moment == "committing" else 0)


class Watcher(threading.Thread):
    """Asks all the time; each answer must hold what was acknowledged, as it was sent."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._url, self._done = url, threading.Event()
        self.rounds = 0
        self.answers = 0
        self.wrong: list[object] = []

    def run(self) -> None:
        with httpx.Client(base_url=self._url, timeout=30) as client:
            while not self._done.wait(0.05):
                rounds = self.rounds  # acknowledged in full
                if not rounds:
                    continue
                sql = f"""
                    select round, count(*) as n, count(distinct n) as d, count(c) as c,
                      count(*) filter (c <> n % 1000 + if(n < {WHOLE}, 0, 0.25)) as bad
                    from (select round, n, case round {cases(rounds)} end::double as c
                      from lake.loads where round < {rounds})
                    group by all having n <> {WHOLE + 10} or d <> n or c <> n or bad > 0"""
                headers = {"Authorization": f"Bearer {TOKEN}"}
                try:
                    answer = client.post("/api/sql", json={"sql": sql}, headers=headers)
                except httpx.TransportError:
                    continue
                if answer.status_code == 200:
                    self.answers += 1
                    self.wrong += answer.json()["rows"]
                elif answer.status_code != 503:
                    self.wrong.append(answer.text)

    def finish(self) -> None:
        self._done.set()
        self.join(60)


def cases(rounds: int) -> str:
    return " ".join(f"when {one} then c{one}" for one in range(rounds))


@pytest.mark.crash
@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_no_value_is_lost_or_changed_by_a_widening_that_is_killed(tmp_path: Path) -> None:
    seed = int(os.environ.get("MADANG_SEED", time.time_ns() % 2**32))
    print(f"seed {seed}")
    rng = random.Random(seed)
    project = write_project(tmp_path / "project", PROJECT)
    with RunningPlatform(project, tmp_path / "data") as platform:
        watcher = Watcher(platform.url)
        watcher.start()
        killed: Counter[str] = Counter()
        for round_ in range(KILLS):
            send(platform.client, round_, range(WHOLE))
            platform.wait_for(lambda: platform.delivered("loads"))
            assert column_type(platform, f"c{round_}") == "long"
            whole = int(platform.client.get("/api/tables/lake.loads").json()["snapshots"][0]["id"])
            send(platform.client, round_, range(WHOLE, WHOLE + 10))
            await_moment(MOMENTS[round_ % len(MOMENTS)], platform, f"c{round_}", rng)
            platform.kill()
            killed[str(type_in(platform.data, f"c{round_}"))] += 1
            platform.start()
            watcher.rounds = round_ + 1
            platform.wait_for(lambda: platform.delivered("loads"))
            assert column_type(platform, f"c{round_}") == "double"
            past = f"lake.loads for system_version as of {whole}"
            sql = f"select count(c{round_}), typeof(any_value(c{round_})) from {past}"
            assert platform.sql(f"{sql} where round = {round_}") == [[WHOLE, "BIGINT"]]
        watcher.finish()
        print(f"the column when it was killed: {dict(killed)}; {watcher.answers} answers")
        assert set(killed) == {"int64", "double"}, "all kills fell on one side of the commit"
        assert watcher.wrong == []
        assert watcher.answers > KILLS
        told = platform.client.get("/api/tables/lake.loads").json()["misfits"]
        assert told["columns"] == []
        assert platform.stop() == 0
