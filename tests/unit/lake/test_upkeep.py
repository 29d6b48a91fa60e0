"""Compaction, expiry, retention, orphans: the rows and the offsets stay what they were."""

import os
import threading

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lake_fixtures import NOW_US, delivered
from madang.core.clock import ManualClock
from madang.core.errors import CancelledError, CorruptionError, FencedError, MadangError
from madang.lake import CompactionReport, ExpiryReport, Lake, OrphanReport, RetentionReport, Upkeep
from madang.lake.compaction import compact, plan_compaction
from madang.lake.decoder import TIME_COLUMN
from madang.lake.expiry import drop_old_days, expire, expired_snapshots
from madang.lake.orphans import OrphanSweeper
from madang.lake.pinned import PinnedFile
from madang.lake.state import Snapshot
from madang.project import CompactionSpec, TableSpec

DAY_S = 86_400
SPEC = CompactionSpec(min_files=4)


@pytest.fixture
def filled(lake, rows):
    """``filled(n, size, …)``: a table with n commits of ``size`` rows each."""

    def make(count, size=10, name="lake.orders", **options):
        table = lake.create(name, rows(0).schema, **options)
        for i in range(count):
            before = {"s/0": i * size} if i else {}
            table.commit(rows(size, i * size), expected=before, reached={"s/0": (i + 1) * size})
        return table

    return make


def values(lake):
    return sorted(delivered(lake)["n"].to_pylist())


def test_compaction_keeps_rows_and_offsets(lake, filled):
    table = filled(6)
    plan = plan_compaction(table.pin().files, SPEC, now_us=NOW_US)
    report = compact(table, plan)
    assert (report.files_before, report.files_after, report.rows) == (6, 1, 60)
    assert table.pin().rows == 60
    assert values(lake) == list(range(60))
    assert table.offsets() == {"s/0": 60}
    assert plan_compaction(table.pin().files, SPEC, now_us=NOW_US) is None
    scanned = lake._catalog.open().load_table("lake.orders").scan().to_arrow()
    assert scanned.num_rows == 60


def test_delivery_goes_on_after_compaction(lake, filled, rows):
    table = filled(4)
    compact(table, plan_compaction(table.pin().files, SPEC, now_us=NOW_US))
    table.commit(rows(5, 40), expected={"s/0": 40}, reached={"s/0": 45})
    assert values(lake) == list(range(45))


def test_compaction_takes_files_of_every_schema(lake, filled, rows):
    table = filled(2)
    wide = rows(10, 20, more=pa.array([{"a": 1}] * 10)).drop_columns("n")
    table.commit(wide, expected={"s/0": 20}, reached={"s/0": 30})
    wider = rows(10, 30, more=pa.array([{"a": 2, "b": "x"}] * 10))
    table.commit(wider, expected={"s/0": 30}, reached={"s/0": 40})
    compact(table, plan_compaction(table.pin().files, SPEC, now_us=NOW_US))
    (file,) = table.pin().files
    found = duckdb.execute(
        "select count(*), count(n), sum(more.a), count(more.b), count(more) from read_parquet(?)",
        [file.path],
    ).fetchone()
    assert found == (40, 30, 30, 10, 20)


@pytest.mark.parametrize("sort_by", [(), ("word",)])
def test_compacted_files_are_sorted(lake, rows, sort_by):
    lake.create("lake.orders", rows(0).schema)
    # Written in order of time, compacted by whatever the setting says now.
    table = lake.table("lake.orders", sort_by=sort_by)
    writer = lake.table("lake.orders")
    for i in range(5):
        word = pa.array([f"{(j * 7919 + i) % 1000:03}" for j in range(1000)])
        writer.commit(
            rows(1000, i * 1000, word=word),
            expected={"s/0": i * 1000} if i else {},
            reached={"s/0": (i + 1) * 1000},
        )
    compact(table, plan_compaction(table.pin().files, SPEC, now_us=NOW_US))
    (file,) = table.pin().files
    key = sort_by[0] if sort_by else TIME_COLUMN
    found = pq.read_table(file.path, partitioning=None)[key].to_pylist()
    assert found == sorted(found)
    assert values(lake) == list(range(5000))


def test_compaction_gives_up_when_its_files_are_gone(lake, filled):
    table = filled(4)
    plan = plan_compaction(table.pin().files, SPEC, now_us=NOW_US)
    compact(table, plan)
    before = set(table.state().table_folder.rglob("*.parquet"))
    with pytest.raises(FencedError):
        compact(table, plan)
    assert set(table.state().table_folder.rglob("*.parquet")) == before
    assert values(lake) == list(range(40))


def test_compaction_of_a_damaged_file_changes_nothing(lake, filled):
    table = filled(4)
    plan = plan_compaction(table.pin().files, SPEC, now_us=NOW_US)
    pq.write_table(
        pq.read_table(plan.files[0].path, partitioning=None).slice(1), plan.files[0].path
    )
    snapshot = table.pin().snapshot_id
    with pytest.raises(CorruptionError, match="40 rows"):
        compact(table, plan)
    assert table.pin().snapshot_id == snapshot


def test_compaction_can_be_stopped(lake, filled):
    table = filled(4)
    before = set(table.state().table_folder.rglob("*"))
    plan = plan_compaction(table.pin().files, SPEC, now_us=NOW_US)
    with pytest.raises(CancelledError):
        compact(table, plan, stop=lambda: True)
    assert set(table.state().table_folder.rglob("*")) == before


def test_compaction_under_concurrent_delivery(lake, data, rows, filled):
    table = filled(8)
    done = threading.Event()
    errors = []

    def deliver():
        mine = Lake(data)
        try:
            target = mine.table("lake.orders")
            for i in range(8, 25):
                at = i * 10
                target.commit(rows(10, at), expected={"s/0": at}, reached={"s/0": at + 10})
        except MadangError as error:
            errors.append(error)
        finally:
            done.set()
            mine.close()

    thread = threading.Thread(target=deliver)
    thread.start()
    compactions = 0
    while not done.is_set():
        plan = plan_compaction(table.pin().files, SPEC, now_us=NOW_US)
        if plan is not None:
            compact(table, plan)
            compactions += 1
    thread.join()
    assert not errors
    assert compactions
    assert values(lake) == list(range(250))
    assert table.offsets() == {"s/0": 250}


def small(size, day=0, count=1):
    return [PinnedFile(f"/{i}", 1, size, day, {}, {}, {}) for i in range(count)]


def test_a_growing_day_is_compacted_in_tiers():
    today = NOW_US // 1_000_000 // DAY_S
    big = small(50 * 2**20, today)
    assert plan_compaction([*big, *small(10_000, today, 3)], SPEC, now_us=NOW_US) is None
    plan = plan_compaction([*big, *small(10_000, today, 4)], SPEC, now_us=NOW_US)
    assert len(plan.files) == 4
    yesterday = [*small(50 * 2**20, today - 1), *small(10_000, today - 1, 3)]
    assert len(plan_compaction(yesterday, SPEC, now_us=NOW_US).files) == 4


def test_rows_are_rewritten_a_few_times_only():
    today, spec = NOW_US // 1_000_000 // DAY_S, CompactionSpec()
    files, rewritten = [], 0
    for _ in range(2000):
        files += small(100_000, today)
        while plan := plan_compaction(files, spec, now_us=NOW_US):
            size = sum(file.size_bytes for file in plan.files)
            rewritten += size
            gone = {id(file) for file in plan.files}
            files = [file for file in files if id(file) not in gone] + small(size, today)
    assert rewritten <= 4 * 2000 * 100_000
    assert len(files) < 40


def test_compaction_can_be_off():
    assert plan_compaction(small(1, count=50), CompactionSpec(enabled=False), now_us=0) is None


def history(*at_s):
    return [Snapshot(i, round(at * 1e6), "append", 0, "", {}) for i, at in enumerate(at_s)]


def test_history_is_thinned_and_ends():
    now_s = 1_000_000.0
    every_ten = history(*[now_s - 7200 + 10 * i for i in range(721)])
    gone = set(expired_snapshots(every_ten, keep_s=3600, now_us=round(now_s * 1e6)))
    left = [each for each in every_ten if each.snapshot_id not in gone]
    assert every_ten[-1] in left
    assert left[0].at_us <= (now_s - 3600) * 1e6 < left[1].at_us
    assert 90 <= sum(each.at_us >= (now_s - 900) * 1e6 for each in left) <= 91
    assert len(left) < 105


def test_the_latest_snapshot_never_goes():
    assert expired_snapshots(history(1.0), keep_s=0, now_us=10**15) == []
    assert expired_snapshots(history(1.0, 2.0), keep_s=0, now_us=10**15) == [0]


def test_expiry_keeps_rows_and_offsets(lake, filled):
    table = filled(5)
    ids = [each.snapshot_id for each in table.state().snapshots]
    report = expire(table, ids)
    assert (report.expired, report.left) == (4, 1)
    assert table.offsets() == {"s/0": 50}
    assert values(lake) == list(range(50))


def test_old_days_go_whole(lake, rows):
    table = lake.create("lake.orders", rows(0).schema)
    mixed = pa.concat_tables([rows(5, day=-2), rows(5, 5, day=-1), rows(5, 10)])
    table.commit(mixed, expected={}, reached={"s/0": 15})
    report = drop_old_days(table, keep_s=DAY_S, now_us=NOW_US + 3600 * 1_000_000)
    assert (report.rows, report.before) == (5, "2026-11-20")
    assert values(lake) == list(range(5, 15))
    assert table.offsets() == {"s/0": 15}
    assert drop_old_days(table, keep_s=DAY_S, now_us=NOW_US) is None


def age(folder, seconds, now_s):
    for path in folder.rglob("*"):
        os.utime(path, (now_s - seconds, now_s - seconds))


def test_orphans_go_when_they_are_old_in_both_ways(lake, filled, clock):
    table = filled(4)
    folder = table.state().table_folder
    compact(table, plan_compaction(table.pin().files, SPEC, now_us=NOW_US))
    expire(table, [each.snapshot_id for each in table.state().snapshots])
    stray = folder / "data" / "stray.parquet"
    stray.touch()
    sweeper = OrphanSweeper(table, clock, safe_age_s=100)
    age(folder, 1000, NOW_US / 1e6)
    first = sweeper.sweep()
    assert (first.removed, first.waiting > 4) == (0, True), "seen once: a query may read them"
    clock.advance(101)
    os.utime(stray, (clock.now_us() / 1e6,) * 2)
    second = sweeper.sweep()
    assert second.removed == first.waiting - 1
    assert stray.exists(), "it is being written"
    assert values(lake) == list(range(40))
    assert len(list((folder / "data").rglob("*.parquet"))) == 2
    scanned = lake._catalog.open().load_table("lake.orders").scan().to_arrow()
    assert scanned.num_rows == 40


def test_what_a_read_under_way_may_have_pinned_stays(lake, filled, clock):
    table = filled(1)
    stray = table.state().table_folder / "data" / "stray.parquet"
    stray.touch()
    began = clock.monotonic_s()
    sweeper = OrphanSweeper(table, clock, safe_age_s=1, reading_since_s=lambda: began)
    for _ in range(3):
        clock.advance(10)
        age(stray.parent, 1000, clock.now_us() / 1e6)
        assert sweeper.sweep().waiting == 1
    assert stray.exists()
    began = clock.monotonic_s()  # that read ended; another began after the file was an orphan
    assert sweeper.sweep().removed == 1
    assert not stray.exists()


def test_orphans_never_take_a_commit_in_flight(lake, data, rows, filled):
    table = filled(1)
    done = threading.Event()
    # No grace at all: only the order of listing and reading, and the age of files, protect.
    far = ManualClock(NOW_US)
    sweeper = OrphanSweeper(table, far, safe_age_s=0.0)

    def sweep():
        while not done.is_set():
            far.advance(1)
            sweeper.sweep()

    # A wall clock behind the files' own: nothing is ever old enough, everything is a candidate.
    thread = threading.Thread(target=sweep)
    for path in table.state().table_folder.rglob("*"):
        os.utime(path, (NOW_US / 1e6 + DAY_S,) * 2)
    thread.start()
    try:
        for i in range(1, 15):
            table.commit(rows(10, i * 10), expected={"s/0": i * 10}, reached={"s/0": (i + 1) * 10})
    finally:
        done.set()
        thread.join()
    assert values(lake) == list(range(150))


def drain(upkeep, clock):
    found = []
    for _ in range(100):
        step = upkeep.poll()
        if step.report is None:
            return found
        found.append(step.report)
    raise AssertionError("upkeep never ends")


def test_upkeep_does_what_is_due(lake, filled, rows, clock):
    table = filled(10)
    filled(3, name="lake.other")
    old = rows(5, 100, day=-30)
    table.commit(old, expected={"s/0": 100}, reached={"s/0": 105})
    upkeep = Upkeep(lake, spec_of=lambda name: TableSpec(name=name, keep=7 * DAY_S))
    kinds = {type(report) for report in drain(upkeep, clock)}
    assert kinds >= {RetentionReport, CompactionReport, OrphanReport}
    assert values(lake) == list(range(100))
    assert not upkeep.state.errors
    # Snapshots carry the machine's time; the clock has to be beyond it.
    clock.advance(40_000 * DAY_S)
    assert ExpiryReport in {type(report) for report in drain(upkeep, clock)}
    assert len(table.state().snapshots) == 1


def test_upkeep_of_a_broken_table_does_not_stop_the_others(lake, filled, clock):
    broken = filled(8)
    filled(8, name="lake.other")
    pinned = broken.pin()
    for file in pinned.files:
        os.truncate(file.path, 10)
    upkeep = Upkeep(lake)
    found = drain(upkeep, clock)
    assert "lake.orders" in upkeep.state.errors
    assert any(r.table == "lake.other" for r in found if isinstance(r, CompactionReport))
    failures = upkeep._rounds["lake.orders"].failures
    upkeep.poll()
    assert upkeep._rounds["lake.orders"].failures == failures, "it waits"


def test_idle_upkeep_reads_the_catalog_only(lake, filled, clock, monkeypatch):
    filled(3)
    upkeep = Upkeep(lake)
    drain(upkeep, clock)
    clock.advance(11)
    monkeypatch.setattr("madang.lake.state.TableState.__init__", pytest.fail)
    monkeypatch.setattr("madang.lake.upkeep.plan_compaction", pytest.fail)
    assert upkeep.poll().report is None
