"""A delivery keeps to the project, also to its table's part of it."""

from __future__ import annotations

from pathlib import Path

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
