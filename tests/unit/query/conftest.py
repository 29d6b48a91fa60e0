from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from madang.core.datadir import DataDir
from madang.lake import Lake, Reading
from madang.project import PlatformSpec, Project, QuerySpec, StreamSpec
from madang.query import (
    Door,
    DoorSettings,
    EngineSettings,
    Finished,
    Identity,
    LakeCatalog,
    QueryRequest,
    ResultFormat,
    worker,
)
from madang.stream import LogStore

ORDERS = pa.schema(
    [
        pa.field("_time", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("_partition", pa.int32()),
        pa.field("_offset", pa.int64()),
        pa.field("item", pa.string()),
        pa.field("amount", pa.int64()),
        pa.field("price", pa.float64()),
        pa.field("_rest", pa.string()),
    ]
)
DAY_US = 86_400_000_000
NOON_US = 1_767_268_800_000_000  # 2026-01-01T12:00:00Z


def order_rows(first: int, count: int, *, day: int = 0) -> pa.Table:
    numbers = list(range(first, first + count))
    return pa.table(
        [
            pa.array([NOON_US + day * DAY_US + n for n in numbers], ORDERS.field(0).type),
            pa.array([0] * count, pa.int32()),
            pa.array(numbers, pa.int64()),
            pa.array([f"item {n % 7}" for n in numbers]),
            pa.array(numbers, pa.int64()),
            pa.array([n / 2 for n in numbers]),
            pa.nulls(count, pa.string()),
        ],
        schema=ORDERS,
    )


def raw_records(*values: bytes) -> pa.RecordBatch:
    count = len(values)
    return pa.RecordBatch.from_arrays(
        [
            pa.array([NOON_US] * count, pa.timestamp("us", "UTC")),
            pa.nulls(count, pa.binary()),
            pa.nulls(count, pa.map_(pa.string(), pa.string())),
            pa.array(values, pa.binary()),
        ],
        schema=pa.schema(
            [
                pa.field("ts", pa.timestamp("us", "UTC"), nullable=False),
                pa.field("key", pa.binary()),
                pa.field("headers", pa.map_(pa.string(), pa.string())),
                pa.field("value", pa.binary(), nullable=False),
            ]
        ),
    )


class House:
    """A data directory with an ``orders`` stream and its table, and a door to them."""

    def __init__(self, root: Path, *, query: QuerySpec | None = None) -> None:
        self.data = DataDir(root / "data")
        self.data.run.mkdir(parents=True)
        self.project = Project(
            directory=str(root),
            version="1",
            platform=PlatformSpec(time_zone="Asia/Seoul", query=query or QuerySpec(threads=1)),
            streams={
                "orders": StreamSpec(name="orders"),
                "empty": StreamSpec(name="empty"),
                "system.query_history": StreamSpec(name="system.query_history", format="typed"),
            },
        )
        self.publish()
        self.lake = Lake(self.data)
        self.store = LogStore(self.data.streams, min_free_bytes=0)
        self.finished: list[Finished] = []
        self._catalog: LakeCatalog | None = None
        self._door: Door | None = None
        self.reading = Reading(self.data.readers)

    def publish(self) -> None:
        project = self.project.model_dump(mode="json", by_alias=True)
        published = {"loaded_at": "2026-01-01T00:00:00+00:00", "project": project}
        self.data.published_project.write_text(json.dumps(published))

    def deliver(self, rows: pa.Table, reached: int) -> int:
        if not self.lake.exists("lake.orders"):
            self.lake.create("lake.orders", rows.schema)
        table = self.lake.table("lake.orders")
        report = table.commit(rows, expected=table.offsets(), reached={"orders/0": reached})
        return report.snapshot_id

    def append(self, *values: bytes) -> None:
        self.store.open("orders").submit(raw_records(*values)).result(timeout=10)

    @property
    def door(self) -> Door:
        if self._door is None:
            self._catalog = LakeCatalog(self.data, lambda: self.project)
            spill = self.data.spill / "test"
            spill.mkdir(parents=True)
            engine = EngineSettings(256 * 2**20, 1, spill, 2**30, "Asia/Seoul")
            self._door = Door(
                self._catalog,
                DoorSettings(engine),
                record=self.finished.append,
                reading=self.reading.held,
            )
        return self._door

    def ask(self, sql: str, **options: object) -> bytes:
        request = QueryRequest(sql=sql, identity=Identity("kim"), **options)  # type: ignore[arg-type]
        with self.door.answer(request) as answer:
            return b"".join(bytes(piece) for piece in answer.pieces)

    def rows(self, sql: str, **options: object) -> list[dict[str, object]]:
        arrow = self.ask(sql, format=ResultFormat.ARROW, **options)
        return pa.ipc.open_stream(arrow).read_all().to_pylist()

    def close(self) -> None:
        if self._door:
            self._door.close()
        if self._catalog:
            self._catalog.close()
        self.reading.close()
        self.store.close()
        self.lake.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.close()


class WorkerProcess:
    """A query worker in a process of its own."""

    def __init__(self, index: int, data: DataDir) -> None:
        self._index, self._data = index, data
        self.start()

    def start(self) -> None:
        # As under the supervisor: imports once, then forks, without threads.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["madang.query.worker", "madang.lake.catalog"])
        self.process = context.Process(target=worker.main, args=(self._index, self._data.root))
        self.process.start()

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self.process.join()

    def stop(self) -> int | None:
        self.process.terminate()
        self.process.join(15)
        return self.process.exitcode


@pytest.fixture
def start_worker() -> Iterator[Callable[[int, DataDir], WorkerProcess]]:
    started: list[WorkerProcess] = []

    def start(index: int, data: DataDir) -> WorkerProcess:
        started.append(WorkerProcess(index, data))
        return started[-1]

    yield start
    for process in started:
        if process.process.is_alive():
            process.stop()
