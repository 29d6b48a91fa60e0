"""A delivery keeps to the project, also to its table's part of it."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from madang.core.datadir import DataDir
from madang.lake import Lake
from madang.operate.delivery import Deliveries
from madang.operate.streams import open_stream
from madang.project import ProjectFollower, ProjectPublisher
from madang.stream import LogStore
from madang.testing.records import record_batch


def test_a_changed_table_reaches_its_running_delivery(tmp_path: Path) -> None:
    directory, data = tmp_path / "project", DataDir(tmp_path / "data")
    for folder in ("streams", "tables"):
        (directory / folder).mkdir(parents=True)
    (directory / "madang.yml").write_text("name: test\nstorage:\n  min_free: 0\n")
    (directory / "streams" / "orders.yml").write_text("format: json\n")
    described = directory / "tables" / "orders.yml"
    described.write_text("columns:\n  item: What was sold.\n")
    publisher = ProjectPublisher(directory, data)
    assert publisher.publish().errors == ()
    store, lake = LogStore(data.streams, min_free_bytes=0), Lake(data)
    follower = ProjectFollower(data)
    deliveries = Deliveries(follower, store, lake, data)

    def deliver(record: bytes) -> dict[str, str | None]:
        deliveries.follow_project()
        stream = open_stream(store, follower.current(), "orders")
        stream.submit(record_batch([record])).result(10)
        deliveries.flush()
        fields = lake.table("lake.orders").state().schema().fields
        return {field.name: field.doc for field in fields}

    assert deliver(b'{"item":"tea"}')["item"] == "What was sold."
    described.write_text("columns:\n  item: What was sold.\n  price: In won.\n")
    assert publisher.publish().errors == ()
    assert deliver(b'{"item":"tea","price":3000}')["price"] == "In won."
    lake.close()
    store.close()


def test_what_comes_after_the_table_was_changed_is_the_other_table_s(tmp_path: Path) -> None:
    directory, data = tmp_path / "project", DataDir(tmp_path / "data")
    (directory / "streams").mkdir(parents=True)
    (directory / "madang.yml").write_text("storage:\n  min_free: 0\n")
    described = directory / "streams" / "orders.yml"
    publisher = ProjectPublisher(directory, data)
    store, lake = LogStore(data.streams, min_free_bytes=0), Lake(data)
    follower = ProjectFollower(data)
    deliveries = Deliveries(follower, store, lake, data)

    def fill(table: str) -> None:
        described.write_text(f"format: json\ndeliver:\n  table: {table}\n  buffer_time: 1h\n")
        assert publisher.publish().errors == ()

    def send(number: int) -> None:
        stream = open_stream(store, follower.current(), "orders")
        stream.submit(record_batch([b'{"n":%d}' % number])).result(10)

    def rows(table: str) -> list[int]:
        pinned = lake.table(table).pin()
        return sorted(n for file in pinned.files for n in pq.read_table(file.path)["n"].to_pylist())

    fill("lake.first")
    deliveries.follow_project()
    send(1)
    assert not deliveries.poll()  # It is read, and waits.
    fill("lake.second")
    assert deliveries.poll()
    send(2)
    assert deliveries.poll()  # No record is read before the change is followed.
    deliveries.follow_project()
    assert rows("lake.first") == [1]
    deliveries.flush()
    # Another table begins with the oldest record of the stream.
    assert rows("lake.second") == [1, 2]
    fill("lake.first")
    send(3)
    assert deliveries.poll()
    deliveries.follow_project()
    deliveries.flush()
    # One that was filled before goes on where it stood.
    assert rows("lake.first") == [1, 2, 3]
    assert rows("lake.second") == [1, 2]
    lake.close()
    store.close()
