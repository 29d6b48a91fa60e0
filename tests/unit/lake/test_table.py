"""Tables on real files: commits, fencing, pins, evolution, hostile values."""

import datetime as dt
import multiprocessing
import sqlite3
import struct
from contextlib import nullcontext

import duckdb
import pyarrow as pa
import pytest

from lake_fixtures import NOW_US, compete, delivered
from madang.core.clock import from_us
from madang.core.errors import (
    ConflictError,
    CorruptionError,
    FencedError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
)
from madang.lake import Lake
from madang.lake import table as table_module
from madang.lake.lake import DropReport
from madang.project import TableSpec


def fill(lake, rows, *batches, name="lake.orders"):
    table = lake.create(name, rows(0).schema)
    start = 0
    for batch in batches:
        expected = {"s/0": start} if start else {}
        table.commit(batch, expected=expected, reached={"s/0": start + batch.num_rows})
        start += batch.num_rows
    return table


def test_opening_costs_nothing(lake, data):
    assert lake.names() == []
    assert list(data.root.iterdir()) == []


def test_unknown_table_has_a_near_match(lake, rows):
    lake.create("lake.orders", rows(0).schema)
    with pytest.raises(NotFoundError, match=r"did you mean 'lake\.orders'"):
        lake.table("lake.order")
    with pytest.raises(ConflictError):
        lake.create("lake.orders", rows(0).schema)
    with pytest.raises(InvalidInputError):
        lake.create("lake.../../etc", rows(0).schema)


def test_rows_and_offsets_move_together(lake, rows):
    table = lake.create("lake.orders", rows(0).schema)
    report = table.commit(rows(10), expected={}, reached={"orders/0": 10})
    assert (report.rows, report.files) == (10, 1)
    assert table.offsets() == {"orders/0": 10}
    table.commit(rows(5, 10), expected={"orders/0": 10}, reached={"orders/0": 15, "orders/1": 3})
    assert table.offsets() == {"orders/0": 15, "orders/1": 3}
    assert sorted(delivered(lake)["n"].to_pylist()) == list(range(15))


def test_the_wrong_offset_is_fenced_and_leaves_nothing(lake, rows):
    table = fill(lake, rows, rows(10))
    files = sorted(table.state().table_folder.rglob("*"))
    for expected in ({}, {"s/0": 9}, {"s/0": 10, "s/1": 0}):
        with pytest.raises(FencedError):
            table.commit(rows(1), expected=expected, reached={"s/0": 11, "s/1": 1})
    assert sorted(table.state().table_folder.rglob("*")) == files


def test_refused_rows_leave_nothing(lake, rows):
    table = fill(lake, rows, rows(10))
    files = sorted(table.state().table_folder.rglob("*"))
    bad = rows(1, 10, n2=pa.array([1])).rename_columns(
        ["_time", "_partition", "n", "_rest", "x", "_offset"]
    )
    with pytest.raises(InvalidInputError):
        table.commit(bad, expected={"s/0": 10}, reached={"s/0": 11})
    assert sorted(table.state().table_folder.rglob("*")) == files


def test_of_two_processes_one_commits(lake, data, rows):
    lake.create("lake.orders", rows(0).schema)
    context = multiprocessing.get_context("spawn")
    start, results = context.Event(), context.Queue()
    workers = [context.Process(target=compete, args=(data, start, results)) for _ in range(2)]
    for worker in workers:
        worker.start()
    start.set()
    won = [results.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join()
    assert sum(won) == 5
    assert lake.table("lake.orders").pin().rows == 5


def test_a_forked_child_opens_the_catalog_anew(lake, rows):
    table = fill(lake, rows, rows(10))
    child = multiprocessing.get_context("fork").Process(
        target=table.commit,
        args=(rows(5, 10),),
        kwargs={"expected": {"s/0": 10}, "reached": {"s/0": 15}},
    )
    child.start()
    child.join(30)
    assert child.exitcode == 0
    table.commit(rows(5, 15), expected={"s/0": 15}, reached={"s/0": 20})
    assert table.pin().rows == 20


def test_upkeep_in_between_does_not_fence(lake, rows, monkeypatch):
    table = fill(lake, rows, rows(10))
    write = table_module.write_rows
    interruptions = iter([{"x": "1"}, {"x": "2"}])

    def interrupted(*args):
        files = write(*args)
        for properties in interruptions:
            lake._catalog.open().load_table("lake.orders").transaction().set_properties(
                properties
            ).commit_transaction()
            break
        return files

    monkeypatch.setattr(table_module, "write_rows", interrupted)
    table.commit(rows(5, 10), expected={"s/0": 10}, reached={"s/0": 15})
    assert table.pin().rows == 15


def test_columns_and_docs_grow_in_the_same_commit(lake, rows):
    fill(lake, rows, rows(3))
    spec = TableSpec(columns={"n": "how many", "price": "in won"})
    table = lake.table("lake.orders", spec=spec)
    more = rows(2, 3, price=pa.array([1.5, 2.5]), **{"a.b": pa.array(["x", "y"])})
    report = table.commit(more, expected={"s/0": 3}, reached={"s/0": 5})
    assert set(report.columns) == {"price", "a.b"}
    assert table.schema.field("n").metadata[b"doc"] == b"how many"
    pinned = table.pin()
    assert {c.name: c.doc for c in pinned.columns if c.doc} == spec.columns
    assert delivered(lake).num_rows == 5


def test_a_new_column_each_commit_stays_small(lake, rows):
    table = lake.create("lake.orders", rows(0).schema)
    for i in range(20):
        batch = rows(1, i, **{f"x{i}": pa.array([i])})
        table.commit(batch, expected={"s/0": i} if i else {}, reached={"s/0": i + 1})
    state = table.state()
    assert len(state.schema_ids) == 16
    first = table.pin(state.snapshots[0].snapshot_id)
    assert first.rows == 1
    assert "x0" in first.schema.names
    scan = lake._catalog.open().load_table("lake.orders").scan()
    assert scan.to_arrow()["x7"].to_pylist().count(7) == 1


def test_pin_reaches_into_the_past(lake, rows):
    table = fill(lake, rows, rows(3), rows(4, 3))
    old, new = table.state().snapshots
    assert table.pin(old.snapshot_id).rows == 3
    assert table.pin(old.snapshot_id).offsets == {"s/0": 3}
    assert table.pin(from_us(new.at_us)).rows == 7
    with pytest.raises(NotFoundError, match="history begins"):
        table.pin(dt.datetime(2001, 1, 1, tzinfo=dt.UTC))
    with pytest.raises(NotFoundError):
        table.pin(12345)


def test_pin_of_an_empty_table(lake, rows):
    pinned = lake.create("lake.orders", rows(0).schema).pin()
    assert (pinned.snapshot_id, pinned.files, pinned.rows) == (None, (), 0)


def test_bounds_prune(lake, rows):
    table = lake.create("lake.orders", rows(0).schema)
    text = pa.array(["가" * 40, "b" * 40, None])
    table.commit(rows(3, text=text), expected={}, reached={})
    pinned = table.pin()
    (file,) = pinned.files
    assert pinned.bounds(file, "n") == (0, 2)
    assert pinned.bounds(file, "_time") == (NOW_US, NOW_US + 2)
    lower, upper = pinned.bounds(file, "text")
    assert lower == "b" * 16
    assert upper > "가" * 40
    assert pinned.bounds(file, "_rest") == (None, None)
    assert pinned.bounds(file, "nothing") == (None, None)


def test_files_of_days_are_sorted(lake, rows):
    table = lake.create("lake.orders", rows(0).schema)
    mixed = pa.concat_tables([rows(5, day=1), rows(5, 5, day=0), rows(5, 10, day=1)])
    table.commit(mixed, expected={}, reached={"s/0": 15})
    pinned = table.pin()
    assert sorted(file.partition for file in pinned.files) == ["2026-11-21", "2026-11-22"]
    for file in pinned.files:
        times = duckdb.sql(f"select epoch_us(_time) from '{file.path}'").fetchall()
        assert times == sorted(times)


def test_sort_by(lake, rows):
    table = lake.create("lake.orders", rows(0).schema, sort_by=("word", "missing"))
    table.commit(rows(4, word=pa.array(["d", "b", None, "a"])), expected={}, reached={})
    (file,) = table.pin().files
    assert duckdb.sql(f"select word from '{file.path}'").fetchall() == [
        ("a",),
        ("b",),
        ("d",),
        (None,),
    ]


def test_times_in_any_year(lake, rows):
    table = lake.create("lake.orders", rows(0).schema)
    edges = [-62_167_219_200_000_000, 253_402_300_799_999_999, -(2**62), 2**62, 0]
    times = pa.array(edges, pa.timestamp("us", "UTC"))
    hostile = rows(5, other=times).set_column(0, rows(5).schema.field("_time"), times)
    table.commit(hostile, expected={}, reached={"s/0": 5})
    pinned = table.pin()
    days = sorted(file.partition for file in pinned.files)
    assert days == ["0001-01-01", "1970-01-01", "9999-12-31"]
    assert table.describe().rows == 5
    assert sorted(delivered(lake)["other"].cast(pa.int64()).to_pylist()) == sorted(edges)


def test_hostile_values(lake, rows):
    table = lake.create("lake.orders", rows(0).schema)
    columns = {
        "nan": pa.array([float("nan"), -0.0, None]),
        "big": pa.array([2**63 - 1, -(2**63), 0]),
        "text": pa.array(["", "\0", "\U0010ffff" * 20]),
        "raw": pa.array([b"\xff" * 40, b"", None]),
        "q\"uo'te": pa.array([True, False, None]),
        "한글 열": pa.array([1, 2, 3]),
        "nulls": pa.nulls(3),
        "map": pa.array([[("k", "v"), ("k", "w")], [], None], pa.map_(pa.string(), pa.string())),
        "deep": pa.array([{"a": {"b": [1]}}, {"a": None}, None]),
    }
    table.commit(rows(3, **columns), expected={}, reached={"s/0": 3})
    found = delivered(lake)
    assert "nulls" not in found.column_names
    for name in set(columns) - {"nulls", "nan"}:
        assert found[name].to_pylist() == columns[name].to_pylist()


def test_what_a_table_cannot_hold_is_named(lake):
    for kind in (pa.uint64(), pa.duration("s"), pa.struct([]), pa.month_day_nano_interval()):
        with pytest.raises(InvalidInputError, match="odd"):
            lake.create("lake.orders", pa.schema([("odd", kind)]))


def test_pyiceberg_and_duckdb_read_the_same(lake, rows):
    fill(lake, rows, rows(10), rows(10, 10, tags=pa.array([["a"]] * 10)))
    table = lake.table("lake.orders")
    scanned = lake._catalog.open().load_table("lake.orders").scan().to_arrow()
    paths = [file.path for file in table.pin().files]
    total = duckdb.execute(
        "select count(*), sum(n) from read_parquet(?, union_by_name=true)", [paths]
    ).fetchone()
    assert (scanned.num_rows, pa.compute.sum(scanned["n"]).as_py()) == total == (20, 190)


def test_drop_removes_the_files(lake, rows):
    table = fill(lake, rows, rows(10))
    folder = table.state().table_folder
    size_bytes = sum(file.stat().st_size for file in folder.rglob("*.*") if file.is_file())
    assert lake.drop("lake.orders") == DropReport("lake.orders", 10, size_bytes)
    assert [*folder.parent.iterdir()] == []
    with pytest.raises(NotFoundError):
        table.pin()
    with pytest.raises(NotFoundError):
        lake.drop("lake.orders")
    assert fill(lake, rows, rows(3)).pin().rows == 3


def test_what_a_killed_drop_left_goes_with_the_next_start(lake, rows, monkeypatch):
    table = fill(lake, rows, rows(10))
    folder = table.state().table_folder
    with monkeypatch.context() as killed:
        killed.setattr("shutil.rmtree", lambda *_, **__: None)
        lake.drop("lake.orders")
    assert [path.name.partition("-")[0] for path in folder.parent.iterdir()] == [".dropped"]
    again = fill(lake, rows, rows(3))
    lake.sweep_dropped()
    assert [*folder.parent.iterdir()] == [folder]
    assert again.pin().rows == 3


def test_a_commit_to_a_table_that_is_dropped_meanwhile_leaves_no_file(lake, rows, monkeypatch):
    table = fill(lake, rows, rows(10))
    folder = table.state().table_folder
    load = table.load

    def dropped_first():
        lake.drop("lake.orders")
        return load()

    monkeypatch.setattr(table, "turn", nullcontext)
    monkeypatch.setattr(table, "load", dropped_first)
    with pytest.raises(NotFoundError):
        table.commit(rows(1, 10), expected={"s/0": 10}, reached={"s/0": 11})
    assert not [*folder.parent.rglob("*.parquet")]


def test_describe(lake, rows):
    table = fill(lake, rows, rows(3), rows(4, 3, day=1, extra=pa.array(["x"] * 4)))
    found = table.describe()
    assert (found.rows, found.files) == (7, 2)
    assert [each.partition for each in found.partitions] == ["2026-11-22", "2026-11-21"]
    assert [each.added_rows for each in found.snapshots] == [4, 3]
    columns = {column.name: column for column in found.columns}
    assert columns["n"].type == "long"
    assert columns["n"].added_at_us is None
    assert columns["extra"].added_at_us == found.snapshots[0].at_us
    assert table.summarize().rows == 7
    assert table.summarize().size_bytes == found.size_bytes


def test_a_broken_catalog_is_named(data):
    data.catalog.write_bytes(b"not a database" * 100)
    with pytest.raises(CorruptionError, match=r"catalog\.db"):
        Lake(data).exists("lake.orders")


@pytest.mark.parametrize("emptied", [False, True])
def test_a_lost_catalog_is_not_replaced_by_an_empty_one(lake, data, rows, emptied):
    fill(lake, rows, rows(1))
    lake.close()
    for path in data.root.glob("catalog.db*"):
        path.unlink()
    if emptied:
        data.catalog.touch()
    with pytest.raises(CorruptionError, match="missing"):
        lake.names()


def test_a_locked_catalog_is_retryable(lake, data, rows, monkeypatch):
    monkeypatch.setattr("madang.lake.sqlite_catalog.BUSY_TIMEOUT_S", 0.05)
    table = fill(lake, rows, rows(1))
    with sqlite3.connect(data.catalog) as other:
        other.execute("begin immediate")
        with pytest.raises(UnavailableError, match="locked"):
            table.commit(rows(1, 1), expected={"s/0": 1}, reached={"s/0": 2})
        other.rollback()
    other.close()
    table.commit(rows(1, 1), expected={"s/0": 1}, reached={"s/0": 2})
    assert table.pin().rows == 2


def test_lost_metadata_is_named(lake, rows, data):
    table = fill(lake, rows, rows(1))
    location = table.state().location
    from madang.lake.files import to_path

    to_path(location).unlink()
    with pytest.raises(CorruptionError, match="metadata"):
        Lake(data).table("lake.orders").pin()


def test_bounds_written_before_a_widening_are_read(lake, rows):
    from pyiceberg.types import DoubleType, LongType

    from madang.lake.stats import read_bound

    assert read_bound(LongType(), struct.pack("<i", -5)) == -5
    assert read_bound(DoubleType(), struct.pack("<f", 0.5)) == 0.5
