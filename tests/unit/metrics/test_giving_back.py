"""Streams and tables that were restored from a backup below a head that is newer."""

import shutil
import sqlite3
from concurrent.futures import Future
from contextlib import closing

import pytest

from madang.core.errors import ConflictError, StorageFullError
from madang.core.names import SAMPLES
from madang.lake import Reading
from madang.metrics.head import giving_back
from madang.metrics.head.follower import GROUP
from madang.metrics.joined_storage import JoinedStorage
from madang.metrics.lake_storage import LakeStorage
from madang.operate.adoption import adopt
from unit.metrics.archive import HOUR_MS, NOW_MS, Archived
from unit.metrics.pages import page

TABLES = ("lake", "catalog.db")
STREAM = ("streams",)
PAGE = {("up", "a"): 1.0, ("load", "b"): 2.5}


def copy_database(source, copy):
    with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(copy)) as other:
        live.backup(other)


class Backed(Archived):
    """Copies parts of the data directory, and brings them back while nothing runs."""

    def back_up(self, *names):
        for name in names:
            source, copy = self.path / name, self.path / "copy" / name
            copy.parent.mkdir(exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, copy)
            else:
                copy_database(source, copy)

    def bring_back(self, *names):
        self.store.close()
        for name in names:
            place, copy = self.path / name, self.path / "copy" / name
            if place.is_dir():
                shutil.rmtree(place)
            if copy.is_dir():
                shutil.copytree(copy, place)
            elif copy.exists():
                copy_database(copy, place)
        self.open()

    def tick(self, number, **options):
        """A page of the n-th minute."""
        self.append(NOW_MS + number * 60_000, PAGE, announce=number % 5 == 0, **options)

    def asked(self):
        """What PromQL finds: (name, pod) → [(ms, value)]."""
        self.catch_up()
        with closing(Reading(self.data.readers, self.clock)) as reading:
            storage = JoinedStorage(self.head.view, LakeStorage(self.lake, reading))
            found = storage.select([], 0, 2**60)
        samples = list(zip(found.ts_ms.tolist(), found.values.tolist(), strict=True))
        return {
            tuple(value for _, value in labels): samples[begin:end]
            for labels, begin, end in zip(
                found.labels, found.offsets[:-1], found.offsets[1:], strict=True
            )
        }

    def expect(self, *minutes):
        expected = {
            key: [(NOW_MS + number * 60_000, value) for number in minutes]
            for key, value in PAGE.items()
        }
        assert self.asked() == expected
        self.deliver()
        assert self.stored() == expected
        self.start()
        assert self.follower.rebuilt is None
        assert self.asked() == expected
        self.deliver()
        assert self.stored() == expected


@pytest.fixture
def backed(tmp_path):
    made = Backed(tmp_path)
    yield made
    made.store.close()


def lived_on(backed, *names):
    """A backup after two pages; then three more, of which the tables have two."""
    backed.tick(0)
    backed.tick(1)
    backed.deliver()
    backed.back_up(*names)
    backed.tick(2)
    backed.deliver()
    backed.tick(3, partition=1)
    backed.deliver()
    backed.tick(4)
    backed.catch_up()
    backed.follower.write()


def test_what_only_the_head_has_survives_a_restored_backup(backed, caplog):
    lived_on(backed, *TABLES, *STREAM)
    backed.bring_back(*TABLES, *STREAM)
    backed.start()
    backed.tick(5)
    backed.expect(0, 1, 2, 3, 4, 5)
    assert f"{SAMPLES}/0 ends at 4, and the head stood at 8: it is an older state" in caplog.text
    assert "6 samples that only these files and no table had" in caplog.text


def test_a_stream_that_grew_again_beyond_the_head_is_known_by_its_times(backed, caplog):
    lived_on(backed, *TABLES, *STREAM)
    backed.bring_back(*TABLES, *STREAM)
    for minute in range(5, 12):
        backed.tick(minute)
    backed.start()
    backed.expect(0, 1, 2, 3, 4, *range(5, 12))
    assert "has another record before offset 8" in caplog.text


def test_tables_that_went_back_are_filled_again(backed, caplog):
    lived_on(backed, *TABLES)
    backed.bring_back(*TABLES)
    assert backed.stream.committed(GROUP) == {0: 6, 1: 2}
    backed.start()
    assert backed.stream.committed(GROUP) == {0: 4, 1: 0}  # so that retention waits
    backed.tick(5)
    backed.expect(0, 1, 2, 3, 4, 5)
    assert "the table stands at offset 4" in caplog.text
    assert "only these files" not in caplog.text


def test_blocks_that_went_to_newer_tables_come_back_from_the_stream(backed):
    backed.tick(0)
    backed.deliver()
    backed.back_up(*TABLES)
    backed.tick(1)
    backed.tick(600)
    backed.deliver()
    backed.follower.write()
    assert len(backed.head.blocks) == 1
    backed.bring_back(*TABLES)
    backed.start()
    backed.expect(0, 1, 600)


def test_parts_that_became_one_are_not_delivered_twice(backed):
    backed.tick(0)
    backed.deliver()
    backed.back_up(*TABLES)
    for minute in range(1, 9):
        backed.tick(minute)
        backed.deliver()
    backed.follower.write()
    backed.bring_back(*TABLES)
    backed.start()
    backed.expect(*range(9))


def test_what_the_stream_let_go_of_comes_from_the_head_and_the_gap_is_told(backed, caplog):
    lived_on(backed, *TABLES)
    for minute in range(5, 40):
        backed.tick(minute)
    backed.deliver()
    backed.clock.advance(3600)
    backed.stream.retain(age_s=60, size_bytes=None, floor=backed.stream.committed(GROUP))
    earliest = backed.stream.bounds(0).earliest
    assert earliest > 4
    backed.bring_back(*TABLES)
    backed.start()
    backed.expect(*range(40))
    assert f"the stream has let go of what was between ({SAMPLES}/0 4 to {earliest}," in caplog.text


def test_a_stream_that_went_back_alone_waits_for_its_adoption_and_loses_nothing(backed):
    lived_on(backed, *STREAM)
    backed.bring_back(*STREAM)
    backed.start()
    backed.tick(5)
    minutes = [NOW_MS + number * 60_000 for number in range(6)]
    assert backed.asked()["up", "a"] == [(ms, 1.0) for ms in minutes]
    backed.follower.write()
    with pytest.raises(ConflictError):
        backed.delivery.deliver()
    adopt(backed.lake, backed.stream, SAMPLES)
    backed.deliver()
    assert backed.stored()["up", "a"] == [(ms, 1.0) for ms in minutes]
    backed.start()
    backed.deliver()
    assert backed.stored()["up", "a"] == [(ms, 1.0) for ms in minutes]


def test_a_stream_that_was_replaced_gets_what_no_table_has(backed, caplog):
    lived_on(backed)
    backed.bring_back(*STREAM)
    backed.start()
    assert "was replaced" in caplog.text
    expected = [(NOW_MS + number * 60_000, 1.0) for number in range(5)]
    assert backed.asked()["up", "a"] == expected
    adopt(backed.lake, backed.stream, SAMPLES)
    backed.deliver()
    assert backed.stored()["up", "a"] == expected


def test_samples_that_go_back_are_late_for_nothing(backed):
    lived_on(backed, *TABLES, *STREAM)
    backed.bring_back(*TABLES, *STREAM)
    backed.clock.advance(10 * HOUR_MS // 1000)
    backed.stream.submit(page(NOW_MS + 10 * HOUR_MS, PAGE)).result()
    backed.start()
    backed.expect(0, 1, 2, 3, 4, 600)
    assert backed.head.counts.late == 0


def test_a_kill_while_samples_go_back_doubles_nothing(backed, monkeypatch):
    monkeypatch.setattr(giving_back, "_PIECE", 1)
    lived_on(backed, *TABLES, *STREAM)
    backed.bring_back(*TABLES, *STREAM)
    submit, calls = backed.stream.submit, []

    def full(*args, **options):
        calls.append(args)
        if len(calls) > 2:
            raise StorageFullError("the disk is full")
        return submit(*args, **options)

    monkeypatch.setattr(backed.stream, "submit", full)
    with pytest.raises(StorageFullError):
        backed.start()
    asked = []
    sample_tables = type(backed.tables)
    samples_of = sample_tables.samples_of

    def counted(*args):
        asked.append(args)
        return samples_of(*args)

    monkeypatch.setattr(backed.stream, "submit", submit)
    with monkeypatch.context() as patch:
        patch.setattr(sample_tables, "samples_of", counted)
        backed.start()
    assert backed.stream.bounds(0).end == 4 + 6
    assert len(asked) == 4  # what went back before is not looked up again
    backed.expect(0, 1, 2, 3, 4)


def test_nothing_is_taken_for_given_back_that_came_behind_what_failed(backed, monkeypatch):
    monkeypatch.setattr(giving_back, "_PIECE", 1)
    lived_on(backed, *TABLES, *STREAM)
    backed.bring_back(*TABLES, *STREAM)
    submit, calls = backed.stream.submit, []

    def first_fails(*args, **options):
        calls.append(args)
        if len(calls) > 1:  # smaller ones find room
            return submit(*args, **options)
        failed = Future()
        failed.set_exception(StorageFullError("the disk is full"))
        return failed

    monkeypatch.setattr(backed.stream, "submit", first_fails)
    with pytest.raises(StorageFullError):
        backed.start()
    monkeypatch.setattr(backed.stream, "submit", submit)
    backed.start()
    backed.expect(0, 1, 2, 3, 4)


def test_damaged_offsets_of_the_group_stop_nothing(backed):
    lived_on(backed)
    (group,) = (backed.stream.path / "groups").glob("*.json")
    group.write_text("no offsets")
    backed.start()
    assert backed.stream.committed(GROUP) == {0: 6, 1: 2}
    backed.expect(*range(5))


def test_what_tables_had_stays_known_while_nobody_can_tell(backed, monkeypatch):
    lived_on(backed, *TABLES)
    with monkeypatch.context() as patch:
        patch.setattr(backed.tables.__class__, "reached", _other_log)
        backed.start()
        backed.tick(5)
        backed.catch_up()
        backed.follower.write()
    backed.bring_back(*TABLES)
    backed.start()
    assert backed.follower.rebuilt is not None
    backed.expect(*range(6))


def _other_log(_tables):
    raise ConflictError("the table was filled from another log")
