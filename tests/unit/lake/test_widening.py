"""Whole numbers that meet fractions: the column becomes double, or nothing is changed at all."""

from __future__ import annotations

import errno

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from madang.core.datadir import DataDir
from madang.core.errors import FencedError, StorageFullError, UnavailableError
from madang.lake import Lake, transaction
from madang.lake.compaction import CompactionPlan, compact
from madang.lake.doubles import whole_fields
from madang.lake.expiry import expire
from madang.lake.widening import widen

US = pa.timestamp("us", "UTC")
DAY = 86_400_000_000


def rows(first, *values, day=0):
    count = len(values)
    return pa.table(
        {
            "_time": pa.array([day * DAY + i for i in range(count)], US),
            "_partition": pa.array([0] * count, pa.int32()),
            "_offset": pa.array(range(first, first + count), pa.int64()),
            "n": pa.array(values, pa.int64()),
            "o": pa.array([{"x": v, "s": "t"} for v in values]),
            "_rest": pa.nulls(count, pa.string()),
        }
    )


@pytest.fixture
def table(tmp_path):
    made = Lake(DataDir(tmp_path)).create("lake.t", rows(0, 1).schema)
    made.commit(rows(0, 1, None, 3), expected={}, reached={"s/0": 3})
    made.commit(rows(3, 4, 5, day=1), expected={"s/0": 3}, reached={"s/0": 5})
    return made


def values(pinned, column="n"):
    """By field id, as queries read them."""
    wanted = next(one for one in pinned.columns if one.name == column)
    found = []
    for file in pinned.files:
        read = pq.read_table(file.path, partitioning=None)
        ids = {f.metadata[b"PARQUET:field_id"]: f.name for f in read.schema}
        name = ids.get(str(wanted.field_id).encode())
        found += read[name].to_pylist() if name else [None] * read.num_rows
    return sorted(found, key=lambda value: (value is not None, str(value)))


def test_the_column_becomes_double_in_one_commit(table):
    before = table.pin()
    report = widen(table, {"n", "o.x", "absent"}, expected={"s/0": 5})
    after = table.pin()
    assert report.columns == ("n", "o.x")
    assert (report.files, after.snapshot_id) == (2, report.snapshot_id)
    assert [f.name for f in after.schema] == [f.name for f in before.schema]
    assert after.schema.field("n").type == pa.float64()
    assert after.schema.field("o").type.field("x").type == pa.float64()
    assert (after.offsets, after.sources, after.rows) == (before.offsets, before.sources, 5)
    assert values(after) == [None, 1.0, 3.0, 4.0, 5.0]
    assert {file.day for file in after.files} == {0, 1}
    assert whole_fields(table.state().schema()) == set()
    lower, upper = after.bounds(after.files[0], "n")
    assert isinstance(lower, float)
    assert isinstance(upper, float)


def test_it_was_there_before(table):
    more = rows(5, 6).append_column("late", pa.array([1]))
    table.commit(more, expected={"s/0": 5}, reached={"s/0": 6})
    late_at_us = table.pin().at_us
    widen(table, {"n", "late"}, expected={"s/0": 6})
    added = {column.name: column.added_at_us for column in table.describe().columns}
    assert (added["n"], added["late"]) == (None, late_at_us)


def test_the_past_keeps_the_old_column(table):
    before = table.pin()
    widen(table, {"n"}, expected={"s/0": 5})
    past = table.pin(before.snapshot_id)
    assert past.schema.field("n").type == pa.int64()
    assert values(past) == [None, 1, 3, 4, 5]


def test_the_past_keeps_it_over_many_new_columns(table):
    before = table.pin()
    widen(table, {"n"}, expected={"s/0": 5})
    for i in range(20):
        more = pa.table({"_time": pa.array([i], US), f"c{i}": ["x"]})
        table.commit(more, expected={"s/0": 5 + i}, reached={"s/0": 6 + i})
    past = table.pin(before.snapshot_id)
    assert values(past) == [None, 1, 3, 4, 5]
    assert past.schema.field("n").type == pa.int64()
    assert len(table.state().schema_ids) <= 18
    assert [v for v in values(table.pin()) if v is not None] == [1.0, 3.0, 4.0, 5.0]


def grown(table):
    """More columns than there are schemas that the metadata keeps, each of a commit of its own."""
    for i in range(20):
        more = pa.table({"_time": pa.array([i], US), f"c{i}": ["x"]})
        table.commit(more, expected={"s/0": 5 + i}, reached={"s/0": 6 + i})
    return table.state().snapshots


def test_the_past_keeps_it_where_its_schema_went_before(table):
    first, second, *_ = grown(table)
    assert first.schema_id not in table.state().schema_ids
    widen(table, {"n"}, expected={"s/0": 25})
    assert values(table.pin(first.snapshot_id)) == [None, 1, 3]
    assert values(table.pin(second.snapshot_id)) == [None, 1, 3, 4, 5]


def test_and_where_the_snapshots_behind_it_go(table):
    first, *others = grown(table)
    widen(table, {"n"}, expected={"s/0": 25})
    expire(table, [one.snapshot_id for one in others])
    assert values(table.pin(first.snapshot_id)) == [None, 1, 3]
    assert len(table.state().schema_ids) == 2
    expire(table, [first.snapshot_id])
    assert len(table.state().schema_ids) == 1


def test_of_several_columns_those_that_can_become_doubles(table):
    more = rows(5, 2**53 + 1).set_column(4, "o", pa.array([{"x": 1, "s": "t"}]))
    table.commit(more, expected={"s/0": 5}, reached={"s/0": 6})
    report = widen(table, {"n", "o.x"}, expected={"s/0": 6})
    assert report.columns == ("o.x",)
    assert table.pin().schema.field("n").type == pa.int64()


def test_upkeep_that_comes_first_each_time_is_no_reason_to_give_up_for_good(table):
    reached = [5]

    def moved(step):
        first = reached[0]
        table.commit(rows(first, 6), expected={"s/0": first}, reached={"s/0": first + 1})
        reached[0] += 1

    # As upkeep does it: the offsets are not the reason.
    with pytest.raises(FencedError, match="times during one widening"):
        widen(table, {"n"}, expected={}, on_step=moved)
    assert widen(table, {"n"}, expected={"s/0": reached[0]}) is not None


def test_the_table_goes_on(table):
    widen(table, {"n"}, expected={"s/0": 5})
    more = rows(5, 7).set_column(3, "n", pa.array([0.25]))
    table.commit(more, expected={"s/0": 5}, reached={"s/0": 6})
    pinned = table.pin()
    assert values(pinned)[1:] == [0.25, 1.0, 3.0, 4.0, 5.0]
    same_day = tuple(file for file in pinned.files if file.day == 0)
    compact(table, CompactionPlan(0, same_day))
    assert values(table.pin())[1:] == [0.25, 1.0, 3.0, 4.0, 5.0]
    assert table.offsets() == {"s/0": 6}


@pytest.mark.parametrize("number", [2**53 + 1, -(2**53) - 1, 2**63 - 1])
def test_what_a_double_would_round_stays_whole(table, number):
    table.commit(rows(5, number), expected={"s/0": 5}, reached={"s/0": 6})
    before = table.pin()
    folder = before.location / "data"
    files = set(folder.rglob("*.parquet"))
    assert widen(table, {"n"}, expected={"s/0": 6}) is None
    assert table.pin() == before
    assert set(folder.rglob("*.parquet")) == files
    assert number in values(table.pin())


def test_so_does_a_large_table_and_one_without_the_column(table):
    before = table.pin()
    assert widen(table, {"n"}, expected={"s/0": 5}, max_bytes=100) is None
    assert widen(table, {"_offset", "o", "absent"}, expected={"s/0": 5}) is None
    assert table.pin() == before


def test_fenced_by_the_offsets(table):
    before = table.pin()
    files = set((before.location / "data").rglob("*.parquet"))
    with pytest.raises(FencedError, match="does not stand where"):
        widen(table, {"n"}, expected={"s/0": 4})
    assert table.pin() == before
    assert set((before.location / "data").rglob("*.parquet")) == files


def test_upkeep_that_came_first_is_followed(table):
    table.commit(rows(5, 6), expected={"s/0": 5}, reached={"s/0": 6})

    def compacted(step):
        files = tuple(file for file in table.pin().files if file.day == 0)
        if len(files) > 1:
            compact(table, CompactionPlan(0, files))

    report = widen(table, {"n"}, expected={"s/0": 6}, on_step=compacted)
    assert report.files == 2
    assert values(table.pin()) == [None, 1.0, 3.0, 4.0, 5.0, 6.0]


def test_a_compaction_that_it_came_before_is_fenced(table):
    table.commit(rows(5, 6), expected={"s/0": 5}, reached={"s/0": 6})
    plan = CompactionPlan(0, tuple(file for file in table.pin().files if file.day == 0))
    asked = []

    def widened_meanwhile():
        if not asked:
            asked.append(widen(table, {"n"}, expected={"s/0": 6}))
        return False

    with pytest.raises(FencedError):
        compact(table, plan, stop=widened_meanwhile)
    assert values(table.pin()) == [None, 1.0, 3.0, 4.0, 5.0, 6.0]


def test_killed_before_the_commit_nothing_is_changed(table):
    before = table.pin()

    def dies(step):
        raise KeyboardInterrupt(step)

    with pytest.raises(KeyboardInterrupt, match="rewritten"):
        widen(table, {"n"}, expected={"s/0": 5}, on_step=dies)
    assert table.pin() == before
    assert widen(table, {"n"}, expected={"s/0": 5}) is not None


def test_a_full_disk_is_not_filled_further(table, monkeypatch):
    before = table.pin()
    files = set((before.location / "data").rglob("*.parquet"))

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "no room")

    with monkeypatch.context() as patched:
        patched.setattr("madang.lake.widening.replace_files", full)
        with pytest.raises(StorageFullError):
            widen(table, {"n"}, expected={"s/0": 5})
        patched.setattr("madang.lake.table.append_files", full)
        with pytest.raises(StorageFullError):
            table.commit(rows(5, 6), expected={"s/0": 5}, reached={"s/0": 6})
        patched.setattr("madang.lake.compaction.replace_files", full)
        with pytest.raises(StorageFullError):
            compact(table, CompactionPlan(0, before.files[-1:]))
    assert table.pin() == before
    assert set((before.location / "data").rglob("*.parquet")) == files
    assert widen(table, {"n"}, expected={"s/0": 5}) is not None


def test_files_of_a_commit_that_came_through_stay(table, monkeypatch):
    commit = transaction.LakeTransaction.commit_transaction

    def committed_and_broken(self):
        commit(self)
        raise OSError(errno.EIO, "too late")

    with monkeypatch.context() as patched:
        patched.setattr(transaction.LakeTransaction, "commit_transaction", committed_and_broken)
        with pytest.raises(UnavailableError):
            widen(table, {"n"}, expected={"s/0": 5})
        more = rows(5, 6).set_column(3, "n", pa.array([6.0]))
        with pytest.raises(UnavailableError):
            table.commit(more, expected={"s/0": 5}, reached={"s/0": 6})
        same_day = tuple(file for file in table.pin().files if file.day == 0)
        with pytest.raises(UnavailableError):
            compact(table, CompactionPlan(0, same_day))
    assert len(table.pin().files) == 2
    assert values(table.pin()) == [None, 1.0, 3.0, 4.0, 5.0, 6.0]


def test_pyiceberg_reads_it(table):
    widen(table, {"n", "o.x"}, expected={"s/0": 5})
    read = table.load().scan().to_arrow()
    assert sorted(v for v in read["n"].to_pylist() if v is not None) == [1.0, 3.0, 4.0, 5.0]
    assert read.schema.field("n").type == pa.float64()
    old = table.load().scan(snapshot_id=table.state().snapshots[0].snapshot_id).to_arrow()
    assert old["n"].to_pylist() == [1, None, 3]
