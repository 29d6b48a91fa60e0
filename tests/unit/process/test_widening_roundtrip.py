"""Whole numbers first, fractions later, from the stream to the table: nothing of it is NULL."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from lake_fixtures import delivered
from madang.core.datadir import DataDir
from madang.lake import DEAD_LETTER_SCHEMA, Deliverer, Lake, Misfit
from madang.process import StreamDecoder
from madang.project import StreamSpec
from madang.stream import LogStore
from madang.testing.records import record_batch


class Killed(BaseException):
    """As by kill -9: nothing catches it."""


class World:
    def __init__(self, root, **spec):
        self.spec = StreamSpec(name="orders", **spec)
        self.store = LogStore(root / "streams", min_free_bytes=0)
        self.stream = self.store.open("orders")
        self.lake = Lake(DataDir(root))
        self.begin()

    def begin(self, die_at=None):
        def step(name):
            if name == die_at:
                raise Killed(name)

        self.deliverer = Deliverer(
            self.lake,
            self.stream,
            StreamDecoder(self.spec, zone="UTC", project_dir="."),
            "lake.orders",
            spec=self.spec.delivery,
            dead_letters=lambda: self.store.open("orders.dead", DEAD_LETTER_SCHEMA),
            on_step=step,
        )

    def send(self, *records):
        texts = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in records]
        self.stream.submit(record_batch(texts)).result()

    def deliver(self):
        while self.deliverer.poll().worked:
            pass
        assert self.deliverer.flush(), self.deliverer.state.error

    def column(self, name):
        rows = delivered(self.lake).sort_by("_offset")
        assert rows["_offset"].to_pylist() == list(range(rows.num_rows))
        return rows[name].to_pylist()


@pytest.fixture
def world(tmp_path):
    found = World(tmp_path)
    found.send({"load": 0, "o": {"x": 1}}, {"load": 1})
    found.deliver()
    return found


def test_fractions_widen_the_column(world):
    world.send({"load": 0.25, "o": {"x": 2.5}}, {"load": 2})
    world.deliver()
    assert world.column("load") == [0.0, 1.0, 0.25, 2.0]
    assert world.column("o") == [{"x": 1.0}, None, {"x": 2.5}, None]
    assert world.column("_rest") == [None] * 4
    assert world.deliverer.state.misfits == {}
    schema = world.lake.table("lake.orders").schema
    assert schema.field("load").type == pa.float64()
    history = world.lake.table("lake.orders").state().snapshots
    assert (
        world.lake.table("lake.orders").pin(history[0].snapshot_id).schema.field("load").type
        == pa.int64()
    )


@pytest.mark.parametrize("step", ["rewritten", "widened", "decoded", "committed", "group"])
def test_killed_at_any_moment_each_record_is_there_once(world, step):
    world.send({"load": 0.25}, b"not json", {"load": 2.5})
    world.begin(die_at=step)
    with pytest.raises(Killed):
        world.deliver()
    world.begin()
    world.deliver()
    rows = delivered(world.lake).sort_by("_offset")
    assert rows["_offset"].to_pylist() == [0, 1, 2, 4]
    assert rows["load"].to_pylist() == [0.0, 1.0, 0.25, 2.5]
    assert world.store.get("orders.dead").bounds(0).end == 1


def test_numbers_beyond_doubles_keep_it_whole_and_that_is_told(world):
    world.send({"load": 2**53 + 1})
    world.deliver()
    world.send({"load": 0.25})
    world.deliver()
    world.send({"load": 0.5})
    world.deliver()
    assert world.column("load") == [0, 1, 2**53 + 1, None, None]
    assert world.column("_rest")[3:] == ['{"load":0.25}', '{"load":0.5}']
    (told,) = world.deliverer.state.misfits.items()
    assert (told[0], told[1].count) == (Misfit("load", "fraction"), 2)


def test_declared_whole_numbers_stay_whole(tmp_path):
    world = World(tmp_path, columns={"load": "long"})
    world.send({"load": 1})
    world.deliver()
    world.send({"load": 0.25})
    world.deliver()
    assert world.column("load") == [1, None]
    assert [*world.deliverer.state.misfits] == [Misfit("load", "type")]


def test_text_formats_widen_too(tmp_path):
    world = World(tmp_path, format="logfmt")
    world.send(b"load=1 id=7")
    world.deliver()
    world.send(b"load=0.25 id=8")
    world.deliver()
    assert world.column("load") == [1.0, 0.25]
    assert world.column("id") == [7, 8]


def test_a_delivery_that_ends_commits_what_it_read_as_it_is(world):
    world.send({"load": 0.25})
    assert not world.deliverer.poll().worked  # read, and waiting for more
    assert world.deliverer.flush(read=False)
    assert world.column("load") == [0, 1, None]
    world.begin()
    world.send({"load": 0.5})
    world.deliver()
    assert world.column("load") == [0.0, 1.0, None, 0.5]
