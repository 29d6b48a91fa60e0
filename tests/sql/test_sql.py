from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import pyarrow as pa
import pytest

from madang.core.datadir import DataDir
from madang.core.errors import MadangError
from madang.lake import Lake
from madang.process import StreamDecoder
from madang.project import PlatformSpec, Project, StreamSpec
from madang.query import (
    Door,
    DoorSettings,
    EngineSettings,
    Identity,
    LakeCatalog,
    QueryRequest,
    ResultFormat,
)
from madang.stream import RECORD_SCHEMA, LogStore

FOLDER = Path(__file__).parent
NOON_US = 1_767_268_800_000_000  # 2026-01-01T12:00:00Z
ORDERS = [
    {"item": "rice", "amount": 3, "price": 2.5, "tags": ["a", "b"], "address": {"city": "서울"}},
    {"item": "tea", "amount": 1, "price": 4.0, "tags": [], "address": {"city": "부산"}},
    {"item": "rice", "amount": 2, "price": 2.5},
    {"item": "kimchi", "amount": 5, "price": 10.25, "address": {"city": "서울", "zip": "04524"}},
    {"item": "tea", "amount": 9_007_199_254_740_993, "price": 1e20},
    {"item": 'say "hi", you', "amount": None, "price": 0.1},
    {"item": "rice", "amount": 7, "price": 3.0, "colour": "brown"},
    {"item": "salt", "amount": 1, "price": 1.0, "colour": "white"},
]
ITEMS = [
    {"item": "rice", "kind": "food"},
    {"item": "tea", "kind": "drink"},
    {"item": "salt", "kind": "food"},
]


@dataclass(frozen=True)
class Record:
    kind: str
    sql: str
    expected: str
    line: int


def records(path: Path) -> Iterator[Record]:
    block: list[str] = []
    start = 1
    for number, line in enumerate([*path.read_text("utf-8").split("\n"), ""], start=1):
        if line.startswith("#"):
            continue
        if line:
            start = start if block else number
            block.append(line)
        elif block:
            rule = block.index("----")
            sql = "\n".join(block[1:rule])
            yield Record(block[0], sql, "\n".join(block[rule + 1 :]), start)
            block = []


def append(store: LogStore, stream: str, values: list[dict[str, object]]) -> None:
    for number, value in enumerate(values):
        batch = pa.RecordBatch.from_pylist(
            [{"ts": NOON_US + number, "value": orjson.dumps(value)}], schema=RECORD_SCHEMA
        )
        store.open(stream).submit(batch).result(timeout=10)


@dataclass(frozen=True)
class Stage:
    door: Door
    snapshots: dict[str, int]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    root = tmp_path_factory.mktemp("sql")
    data = DataDir(root / "data")
    specs = {name: StreamSpec(name=name) for name in ("orders", "items")}
    project = Project(
        directory=str(root),
        version="1",
        platform=PlatformSpec(time_zone="Asia/Seoul"),
        streams=specs,
    )
    snapshots = {}
    with LogStore(data.streams, min_free_bytes=0) as store:
        append(store, "items", ITEMS)
        lake = Lake(data)
        decoder = StreamDecoder(specs["orders"], zone="Asia/Seoul", project_dir=root)
        for name, first, end in (("first", 0, 3), ("second", 3, 6)):
            schema = lake.table("lake.orders").schema if first else None
            append(store, "orders", ORDERS[first:end])
            rows = decoder.decode(store.open("orders").read(0, first), schema).rows
            table = lake.table("lake.orders") if first else lake.create("lake.orders", rows.schema)
            report = table.commit(rows, expected=table.offsets(), reached={"orders/0": end})
            snapshots[name] = report.snapshot_id
        append(store, "orders", ORDERS[6:])
        lake.close()
    spill = root / "spill"
    spill.mkdir()
    catalog = LakeCatalog(data, lambda: project)
    engine = EngineSettings(256 * 2**20, 1, spill, 2**30, "Asia/Seoul")
    yield Stage(Door(catalog, DoorSettings(engine)), snapshots)
    catalog.close()


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.test")), ids=lambda path: path.stem)
def test_sql(stage: Stage, path: Path) -> None:
    wrong = []
    for record in records(path):
        got = outcome(stage, record)
        held = got == record.expected if record.kind == "query" else record.expected in got
        if not held:
            wrong.append(f"{path.name}:{record.line}\n{record.sql}\n---- got\n{got}")
    assert not wrong, "\n\n".join(wrong)


def outcome(stage: Stage, record: Record) -> str:
    params = {name: id_ for name, id_ in stage.snapshots.items() if f"${name}" in record.sql}
    request = QueryRequest(
        sql=record.sql, identity=Identity("test"), params=params, format=ResultFormat.CSV
    )
    try:
        with stage.door.answer(request) as answer:
            text = b"".join(bytes(piece) for piece in answer.pieces).decode()
    except MadangError as error:
        return str(error)
    return text.replace("\r\n", "\n").rstrip("\n")
