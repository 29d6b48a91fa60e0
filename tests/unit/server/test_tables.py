from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from madang.core.clock import SystemClock
from madang.lake import Misfit, Tally
from madang.lake.widening import widen
from madang.operate.health import DELIVERY_FILE
from madang.operate.state_file import StateFile
from madang.operate.tallies import StreamTallies, Tallies


@pytest.fixture(scope="module")
def reader(server):
    day = datetime(2026, 11, 20, 12, tzinfo=UTC)
    times = pa.array([day, day + timedelta(days=1)], pa.timestamp("us", "UTC"))
    first = pa.table({"_time": times, "n": pa.array([1, 2], pa.int64())})
    orders = server.lake.create("lake.orders", first.schema)
    orders.commit(first, expected={}, reached={"orders/0": 2})
    wider = first.append_column("late", pa.array(["x", None]))
    orders.commit(wider, expected={"orders/0": 2}, reached={"orders/0": 4})
    server.lake.create("lake.empty", first.schema)
    with server.client("read") as opened:
        yield opened


def test_list(reader):
    empty, orders = reader.get("/api/tables").json()["tables"]
    assert empty["name"] == "lake.empty"
    assert (empty["rows"], empty["last_commit_at"], empty["stream"]) == (0, None, None)
    assert orders["rows"] == 4
    assert orders["files"] == 4
    assert orders["size_bytes"] > 0
    assert orders["namespace"] == "lake"
    assert orders["stream"] == "orders"
    assert orders["description"] == "What people buy"


def test_a_table_in_full(reader):
    found = reader.get("/api/tables/lake.orders").json()
    columns = {column["name"]: column for column in found["columns"]}
    assert columns["n"]["type"] == "long"
    assert columns["n"]["added_at"] is None
    assert columns["late"]["added_at"] is not None
    newest, oldest = found["snapshots"]
    assert (newest["rows"], newest["added_rows"], oldest["rows"]) == (4, 2, 2)
    assert isinstance(newest["id"], str)
    assert newest["summary"]["madang.offsets"] == '{"orders/0":4}'
    assert [(day["partition"], day["rows"]) for day in found["partitions"]] == [
        ("2026-11-21", 2),
        ("2026-11-20", 2),
    ]
    assert len(found["files_sample"]) == 4
    assert found["location"].endswith("lake/orders")


def test_values_that_no_column_took_are_told(server, reader):
    nothing = {"count": 0, "last_at": None, "columns": []}
    assert reader.get("/api/tables/lake.orders").json()["misfits"] == nothing
    misfits = {
        Misfit("load", "fraction"): Tally(42, "0.25"),
        Misfit('o."x', "no_column"): Tally(43),
    }
    at_us = SystemClock().now_us()
    state = StreamTallies("lake.orders", Tallies({}, None), Tallies(misfits, at_us)).fields()
    server.data.run.mkdir(exist_ok=True)
    StateFile(server.data.run / DELIVERY_FILE).write({"orders": {**state, "table": "lake.orders"}})
    told = reader.get("/api/tables/lake.orders").json()["misfits"]
    assert told["count"] == 85
    assert told["columns"] == [
        {"column": 'o."x', "reason": "no_column", "count": 43, "example": None},
        {"column": "load", "reason": "fraction", "count": 42, "example": "0.25"},
    ]
    assert reader.get("/api/tables/lake.empty").json()["misfits"] == nothing
    metrics = reader.get("/metrics").text
    assert (
        'madang_misfits_total{column="load",reason="fraction",stream="orders",table="lake.orders"}'
        " 42.0"
    ) in metrics.splitlines()


def test_empty_table(reader):
    found = reader.get("/api/tables/lake.empty").json()
    assert found["snapshots"] == []
    assert found["files_sample"] == []


def test_unknown_table_has_a_near_match(reader):
    answer = reader.get("/api/tables/lake.oders")
    assert answer.status_code == 404
    assert "lake.orders" in answer.json()["error"]["hint"]


@pytest.mark.parametrize("name", ["orders", "lake.", ".orders", "a.b.c", "lake.%00", "'"])
def test_strange_names(reader, name):
    assert reader.get(f"/api/tables/{name}").status_code in (400, 404)


def test_overview(server, reader):
    stream = server.new_stream()
    with server.client("ingest") as client:
        client.post(f"/ingest/{stream}", content=b"{}\n{}")
    found = reader.get("/api/overview").json()
    assert found["health"] == "ok"
    assert [table["name"] for table in found["tables"]] == ["lake.empty", "lake.orders"]
    (row,) = [row for row in found["streams"] if row["name"] == stream]
    assert row["records_total"] == 2
    assert row["lag_records"] == 2
    assert row["last_append_at"] is not None
    assert row["dead_letters"] == 0


def test_status_names_what_is_wrong_with_the_project(server, reader):
    broken = server.directory / "streams" / "broken.yml"
    assert reader.get("/api/status").json()["project"]["errors"] == []
    broken.write_text("partitons: 2\n")
    server.publish()
    (error,) = reader.get("/api/status").json()["project"]["errors"]
    assert error["where"] == {"name": "streams/broken.yml", "line": 1, "column": 1}
    assert "partitions" in error["hint"]
    broken.unlink()
    server.publish()
    found = reader.get("/api/status").json()["project"]
    assert found["errors"] == []
    assert found["directory"] == str(server.directory)


def test_schemas(reader):
    assert "partitions" in reader.get("/api/schema/stream").json()["properties"]
    answer = reader.get("/api/schema/streams")
    assert answer.status_code == 404
    assert "stream" in answer.json()["error"]["hint"]


def test_a_declared_type_that_the_table_cannot_take_is_refused(server, reader):
    del reader  # who made the table
    with server.client("admin") as client:
        answer = client.put("/api/streams/orders", json={"columns": {"n": "timestamp"}})
        assert answer.status_code == 409
        error = answer.json()["error"]
        assert "columns.n is declared timestamp, but lake.orders has it as long" in error["message"]
        assert "deliver to a new table" in error["hint"]
        assert error["where"]["name"] == "streams/orders.yml"


def test_a_column_that_became_one_of_doubles_was_there_before(server, reader):
    first = pa.table({"_time": pa.array([0], pa.timestamp("us", "UTC")), "n": pa.array([1])})
    made = server.lake.create("lake.widened", first.schema)
    made.commit(first, expected={}, reached={"w/0": 1})
    wider = first.append_column("late", pa.array([2]))
    made.commit(wider, expected={"w/0": 1}, reached={"w/0": 2})
    widen(made, {"n", "late"}, expected={"w/0": 2})
    try:
        found = reader.get("/api/tables/lake.widened").json()
        columns = {column["name"]: column for column in found["columns"]}
        assert columns["n"]["type"] == columns["late"]["type"] == "double"
        assert columns["n"]["added_at"] is None
        assert columns["late"]["added_at"] == found["snapshots"][1]["at"]
    finally:
        server.lake.drop("lake.widened")


def test_a_table_is_dropped_when_no_stream_fills_it(server, reader):
    with server.client("admin") as client:
        refused = client.delete("/api/tables/lake.orders")
        assert refused.status_code == 409
        error = refused.json()["error"]
        assert error["message"] == "the stream 'orders' is delivered to lake.orders"
        assert "streams/orders.yml" in error["hint"]
        assert client.delete("/api/tables/lake.order").json()["error"]["code"] == "not_found"
        assert reader.delete("/api/tables/lake.empty").status_code == 403
        made = server.lake.create("lake.old", pa.schema([pa.field("n", pa.int64())]))
        made.commit(pa.table({"n": [1, 2]}), expected={}, reached={"old/0": 2})
        folder = made.state().table_folder
        answer = client.delete("/api/tables/lake.old")
        assert answer.status_code == 200
        dropped = answer.json()
        assert dropped["size_bytes"] > 0
        assert (dropped["name"], dropped["rows"]) == ("lake.old", 2)
        assert not folder.exists()
        assert client.get("/api/tables/lake.old").status_code == 404


@pytest.mark.parametrize("name", ["system.logs", "metrics.samples", "metrics.series"])
def test_a_table_of_madang_s_own_stays(server, name):
    server.lake.create(name, pa.schema([pa.field("n", pa.int64())]))
    try:
        with server.client("admin") as client:
            refused = client.delete(f"/api/tables/{name}")
            assert refused.status_code == 409
            assert refused.json()["error"]["hint"] == "it is one of Madang's own"
    finally:
        server.lake.drop(name)


def test_the_tables_of_samples_say_what_they_are(server, reader):
    names = ("metrics.samples", "metrics.series")
    for name in names:
        server.lake.create(name, pa.schema([pa.field("n", pa.int64())]))
    try:
        found = {one["name"]: one for one in reader.get("/api/tables").json()["tables"]}
        assert [found[name]["stream"] for name in names] == ["metrics.samples", None]
        assert all(found[name]["description"] for name in names)
    finally:
        for name in names:
            server.lake.drop(name)
