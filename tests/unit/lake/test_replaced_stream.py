"""A stream's folder that is not the one that its table was filled from: found, told, adopted."""

from __future__ import annotations

import json
import shutil

import pytest

from lake_fixtures import NumberDecoder, letters, numbers, open_streams, records
from madang.core.errors import ConflictError
from madang.lake import Deliverer
from madang.lake.compaction import compact, plan_compaction
from madang.lake.lineage import offsets_of, starts
from madang.operate.adoption import adopt
from madang.project import CompactionSpec, DeliverSpec


class Platform:
    """Streams and a delivery that are opened anew, as by a restart."""

    def __init__(self, data, lake, clock):
        self.data, self.lake, self.clock = data, lake, clock
        self.partitions = 1
        self.store = open_streams(data, clock=clock)

    def restart(self):
        self.store.close()
        self.store = open_streams(self.data, self.partitions, clock=self.clock)

    @property
    def stream(self):
        return self.store.get("orders")

    def send(self, *values, partition=0):
        self.clock.advance(1)
        self.stream.submit(records(values), partition=partition).result()

    def deliver(self):
        """Deliver everything; the error if it was refused."""
        work = Deliverer(
            self.lake,
            self.stream,
            NumberDecoder(),
            "lake.orders",
            spec=DeliverSpec(),
            dead_letters=lambda: self.store.get("orders.dead"),
            clock=self.clock,
        )
        for _ in range(self.partitions + 1):  # a flush reads one partition
            work.flush()
        return work.state.error

    def folder(self):
        return self.data.streams / "orders"

    def replace(self, backup=None):
        """Take the folder away; put a backup in its place."""
        self.store.close()
        shutil.rmtree(self.folder())
        if backup is not None:
            shutil.copytree(backup, self.folder())
        self.store = open_streams(self.data, self.partitions, clock=self.clock)

    def backup(self, to):
        shutil.copytree(self.folder(), to)
        return to

    def adopt(self):
        done = adopt(self.lake, self.stream, "lake.orders")
        self.restart()
        return done


@pytest.fixture
def platform(data, lake, clock):
    made = Platform(data, lake, clock)
    yield made
    made.store.close()


def test_a_new_stream_that_grew_past_the_old_end_is_refused_then_adopted(platform, lake):
    platform.send(1, 2, 3)
    assert platform.deliver() is None
    platform.replace()
    platform.send(10, 11, 12, 13, 14)
    error = platform.deliver()
    assert isinstance(error, ConflictError)
    assert error.message == (
        "the table lake.orders holds orders/0 up to offset 3, but the record before it is not the "
        "one that the table has: the folder of the stream 'orders' was replaced, or restored from "
        "an older backup"
    )
    assert "madang streams adopt orders" in error.hint
    assert numbers(lake) == [1, 2, 3]
    done = platform.adopt()
    assert (done.starts, done.records) == ({0: 0}, 5)
    assert platform.deliver() is None
    platform.send(15)
    platform.restart()
    assert platform.deliver() is None
    assert numbers(lake) == [1, 2, 3, 10, 11, 12, 13, 14, 15]
    with pytest.raises(ConflictError, match="nothing to adopt"):
        platform.adopt()


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_new_stream_that_is_shorter_or_as_long_is_refused_too(platform, lake, count):
    platform.send(1, 2, 3)
    platform.deliver()
    platform.replace()
    if count:
        platform.send(*range(10, 10 + count))
    assert isinstance(platform.deliver(), ConflictError)
    platform.adopt()
    platform.send(99)
    assert platform.deliver() is None
    assert numbers(lake) == [1, 2, 3, *range(10, 10 + count), 99]


@pytest.mark.parametrize("after", [1, 3, 30])
def test_a_restored_backup_goes_on_behind_what_the_table_has(platform, lake, tmp_path, after):
    platform.send(1, 2)
    platform.deliver()
    backup = platform.backup(tmp_path / "backup")
    platform.send(3)
    platform.send(4, 5)
    platform.deliver()
    platform.replace(backup)
    for value in range(100, 100 + after):
        platform.send(value)
    assert isinstance(platform.deliver(), ConflictError)
    done = platform.adopt()
    assert (done.starts, done.records) == ({0: 2}, after)
    assert platform.deliver() is None
    assert numbers(lake) == [1, 2, 3, 4, 5, *range(100, 100 + after)]


def test_a_backup_that_holds_all_that_the_table_has_is_the_same_stream(platform, lake, tmp_path):
    platform.send(1, 2)
    platform.deliver()
    backup = platform.backup(tmp_path / "backup")
    platform.replace(backup)
    platform.send(3)
    assert platform.deliver() is None
    assert numbers(lake) == [1, 2, 3]


def test_a_lost_description_does_not_make_another_stream(platform, lake):
    platform.send(1, 2)
    platform.deliver()
    before = platform.stream.identity.id
    (platform.folder() / "stream.json").unlink()
    platform.restart()
    assert platform.stream.identity.id == before, "the groups name it"
    (platform.folder() / "stream.json").unlink()
    shutil.rmtree(platform.folder() / "groups")
    platform.restart()
    assert platform.stream.identity.id != before
    platform.send(3)
    assert platform.deliver() is None, "the records are the ones that the table has"
    assert numbers(lake) == [1, 2, 3]


def test_a_partition_that_was_emptied_by_hand(platform, lake):
    platform.partitions = 2
    platform.restart()
    platform.send(1, 2)
    platform.send(3, 4, partition=1)
    platform.deliver()
    platform.store.close()
    shutil.rmtree(platform.folder() / "p0001")
    platform.restart()
    platform.send(5)
    platform.send(6, 7, 8, partition=1)
    assert isinstance(platform.deliver(), ConflictError)
    assert platform.adopt().starts == {0: 2, 1: 0}
    assert platform.deliver() is None
    assert numbers(lake) == [1, 2, 3, 4, 5, 6, 7, 8]


def test_a_new_stream_of_fewer_partitions(platform, lake):
    platform.partitions = 2
    platform.restart()
    platform.send(1)
    platform.send(2, partition=1)
    platform.deliver()
    platform.partitions = 1
    platform.replace()
    platform.send(3)
    assert isinstance(platform.deliver(), ConflictError)
    platform.adopt()
    assert platform.deliver() is None
    platform.partitions = 2
    platform.restart()
    platform.send(4, partition=1)
    assert platform.deliver() is None
    assert numbers(lake) == [1, 2, 3, 4]


def test_data_from_before_gets_its_marks(platform, lake):
    """A table and a stream of a version that knew no identities."""
    platform.send(1, 2)
    table = lake.create(
        "lake.orders", NumberDecoder().decode(platform.stream.read(0, 0), None).rows.schema
    )
    table.commit(
        NumberDecoder().decode(platform.stream.read(0, 0), None).rows,
        expected={},
        reached={"orders/0": 2},
    )
    path = platform.folder() / "stream.json"
    old = {k: v for k, v in json.loads(path.read_text()).items() if k not in ("id", "follows")}
    path.write_text(json.dumps(old))
    platform.restart()
    assert json.loads(path.read_text())["id"] == platform.stream.identity.id != ""
    platform.send(3)
    assert platform.deliver() is None
    (source,) = lake.table("lake.orders").sources().values()
    assert source.id == platform.stream.identity.id
    assert list(source.at_us) == [0]
    assert numbers(lake) == [1, 2, 3]


def test_marks_outlive_compaction_and_retention(platform, lake, clock):
    for value in range(4):
        platform.send(value)
        platform.deliver()
    table = lake.table("lake.orders")
    before = table.sources()
    spec = CompactionSpec(min_files=2)
    compact(table, plan_compaction(table.pin().files, spec, now_us=clock.now_us()))
    assert table.sources() == before
    assert len(table.pin().files) == 1
    platform.store.close()
    segment = next((platform.folder() / "p0000").glob("*.seg"))
    segment.unlink()  # as if nothing were left of what was delivered
    platform.restart()
    offsets = offsets_of(platform.stream, table.offsets())
    assert starts("t", platform.stream, offsets, before["orders"]) == {0: 4}


def test_dead_letters_of_the_new_stream_are_not_taken_for_old_ones(platform, lake):
    platform.send("dead", 1, "dead")
    platform.deliver()
    platform.replace()
    platform.send("dead", 2, "dead", "dead")
    platform.deliver()
    platform.adopt()
    assert platform.deliver() is None
    assert letters(platform.store) == [0, 2, 0, 2, 3]
    assert numbers(lake) == [1, 2]


def test_groups_of_another_log_have_committed_nothing(platform):
    platform.send(1, 2, 3)
    platform.stream.commit("mine", {0: 3})
    assert platform.stream.lag("mine") == 0
    keep = platform.folder() / "groups" / "mine.json"
    kept = keep.read_bytes()
    platform.replace()
    keep.write_bytes(kept)
    platform.send(4, 5, 6, 7)
    assert platform.stream.committed("mine") == {}
    assert platform.stream.lag("mine") == 4
