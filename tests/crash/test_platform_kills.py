"""``kill -9`` of the whole platform while producers run: exactly once, always."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from crash.producers import Producer
from madang.testing.running_platform import RunningPlatform, write_project

KILLS = int(os.environ.get("MADANG_KILLS", "20"))
PROJECT = {
    "madang.yml": "name: crash\n",
    "streams/orders.yml": (
        "partitions: 2\nformat: json\ndeliver: {buffer_time: 500ms, buffer_size: 2MiB}\n"
    ),
    "tables/orders.yml": "compaction: {min_files: 2}\n",
}
MOMENTS = ("any", "append", "parquet", "commit", "compaction")


def _watch(folder: Path, pattern: str, deadline: float) -> None:
    """Return when a file that matches appears below the folder, or at the deadline."""
    before = set(folder.glob(pattern))
    while time.monotonic() < deadline:
        if set(folder.glob(pattern)) - before:
            return
        time.sleep(0.001)


def _await_moment(moment: str, platform: RunningPlatform, rng: random.Random) -> None:
    deadline = time.monotonic() + 5
    table = platform.data / "lake/lake/orders"
    match moment:
        case "any":
            time.sleep(rng.uniform(0.0, 2.5))
        case "append":
            _watch(platform.data / "streams/orders", "p*/*.seg", time.monotonic() + 1)
        case "parquet":
            _watch(table / "data", "**/*.parquet", deadline)
        case "commit":
            _watch(table / "metadata", "*.avro", deadline)
            time.sleep(rng.uniform(0.0, 0.03))
        case "compaction":
            time.sleep(rng.uniform(1.0, 2.0))
            _watch(table / "metadata", "*.metadata.json", deadline)
            time.sleep(rng.uniform(0.0, 0.2))


@pytest.mark.crash
@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_acknowledged_record_is_in_the_table_exactly_once(tmp_path):
    seed = int(os.environ.get("MADANG_SEED", time.time_ns() % 2**32))
    print(f"seed {seed}")
    rng = random.Random(seed)
    project = write_project(tmp_path / "project", PROJECT)
    with RunningPlatform(project, tmp_path / "data") as platform:
        producers = [Producer(platform.url, "orders", number) for number in range(3)]
        for producer in producers:
            producer.start()
        for kill in range(KILLS):
            _await_moment(MOMENTS[kill % len(MOMENTS)], platform, rng)
            platform.kill()
            platform.start()
        time.sleep(1)
        for producer in producers:
            producer.finish()
        platform.wait_for(lambda: platform.delivered("orders"), 60)

        assert [refusal for p in producers for refusal in p.refusals] == []
        rows = platform.sql(
            "select producer, batch, count(*) as n, count(distinct i) as distinct_n "
            "from lake.orders group by all"
        )
        stored = {(producer, batch): (n, distinct) for producer, batch, n, distinct in rows}
        for producer in producers:
            for batch in producer.acknowledged:
                assert stored[producer.number, batch] == (producer.records, producer.records)
        sent = {(p.number, batch) for p in producers for batch in p.sent}
        assert set(stored) <= sent
        assert all(counts == (200, 200) for counts in stored.values()), (
            "a batch is torn or repeated"
        )
        assert sum(len(p.acknowledged) for p in producers) > KILLS, "the producers hardly ran"
        assert platform.stop() == 0
