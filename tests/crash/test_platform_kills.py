"""``kill -9`` of the whole platform while producers run: exactly once, always."""

from __future__ import annotations

import contextlib
import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from crash.producers import TEXT_SQL, Producer
from madang.testing.running_platform import RunningPlatform, write_project

KILLS = int(os.environ.get("MADANG_KILLS", "20"))
PROJECT = {
    "madang.yml": "name: crash\n",
    "streams/orders.yml": (
        "partitions: 2\nformat: json\ndeliver: {buffer_time: 500ms, buffer_size: 2MiB}\n"
    ),
    "tables/orders.yml": "compaction: {min_files: 2}\n",
}
MOMENTS = ("any", "append", "parquet", "commit", "compaction", "swap")
MOMENT_S = 20.0
"""A moment must come within this time; upkeep looks at the tables every ten seconds."""
REPLACE = "overwrite"
"""The operation of a compaction's snapshot; PyIceberg does not write ``replace``."""


def _grown(platform: RunningPlatform) -> Callable[[], bool]:
    """Whether a write to a segment has begun; its fsync and the head's move come after it."""
    folder = platform.data / "streams/orders"

    def sizes() -> dict[Path, int]:
        return {path: path.stat().st_size for path in folder.glob("p*/*.seg")}

    before = sizes()
    return lambda: any(size > before.get(path, 0) for path, size in sizes().items())


def _appeared(folder: Path, pattern: str) -> Callable[[], bool]:
    """Whether a file that matches is new below the folder."""
    before = set(folder.glob(pattern))
    return lambda: bool(set(folder.glob(pattern)) - before)


def _rewriting(platform: RunningPlatform, table: Path) -> Callable[[], bool]:
    """Whether a compaction has data files of the table open to read them."""

    def reads() -> bool:
        found = set()
        opened = Path(f"/proc/{platform.role_pid('deliver')}/fd")
        for link in opened.iterdir() if opened.exists() else ():
            with contextlib.suppress(FileNotFoundError):
                target = link.readlink()
                if target.suffix == ".parquet" and table in target.parents:
                    found.add(target)
        # A delivery has one file open, the one it writes.
        return len(found) > 1

    return reads


def _swapped(table: Path) -> Callable[[], bool]:
    """Whether metadata is new that replaces files; the catalog learns of it after that."""
    seen = set(table.glob("metadata/*.metadata.json"))

    def replaced() -> bool:
        new = set(table.glob("metadata/*.metadata.json")) - seen
        found = {path: _operation(path) for path in new}
        seen.update(path for path, operation in found.items() if operation is not None)
        return REPLACE in found.values()

    return replaced


def _operation(metadata: Path) -> str | None:
    """The operation of the current snapshot; None while the file is being written."""
    try:
        found = json.loads(metadata.read_bytes())
    except ValueError:
        return None
    current = found.get("current-snapshot-id")
    snapshots = found.get("snapshots", [])
    return next((s["summary"]["operation"] for s in snapshots if s["snapshot-id"] == current), None)


def _await_moment(moment: str, platform: RunningPlatform, rng: random.Random) -> bool:
    """Wait for the moment; whether it came."""
    table = platform.data / "lake/lake/orders"
    match moment:
        case "any":
            time.sleep(rng.uniform(0.0, 2.5))
            return True
        case "append":
            came = _grown(platform)
        case "parquet":
            came = _appeared(table / "data", "**/*.parquet")
        case "commit":
            came = _appeared(table / "metadata", "*.avro")
        case "compaction":
            came = _rewriting(platform, table)
        case "swap":
            came = _swapped(table)
    deadline = time.monotonic() + MOMENT_S
    while not came():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.0005)
    if moment in ("commit", "compaction"):
        time.sleep(rng.uniform(0.0, 0.03))
    return True


def _damaged(platform: RunningPlatform) -> int:
    """How many records are not what was sent."""
    query = f"select count(*) from lake.orders where text is distinct from {TEXT_SQL}"
    return int(platform.sql(f"{query} or i not between 0 and 199")[0][0])


def _compactions(platform: RunningPlatform) -> int:
    """The snapshots in the table's history that replace files with others."""
    history = platform.client.get("/api/tables/lake.orders").json()["snapshots"]
    return sum(one["operation"] == REPLACE for one in history)


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
        came: Counter[str] = Counter()
        for kill in range(KILLS):
            moment = MOMENTS[kill % len(MOMENTS)]
            came[moment] += _await_moment(moment, platform, rng)
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
        assert _damaged(platform) == 0, "a record is not what was sent"
        assert platform.client.get("/api/streams/orders/dead-letters").json()["total"] == 0
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
        print(f"kills by moment: {dict(came)}")
        assert set(came.elements()) == set(MOMENTS[:KILLS]), "a moment never came"
        platform.wait_for(lambda: _compactions(platform) > 0)
        assert platform.stop() == 0
