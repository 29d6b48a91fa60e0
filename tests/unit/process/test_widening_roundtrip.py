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


def test_numbers_that_come_beside_the_fractions_keep_it_whole_too(world):
    world.send({"load": 0.25, "o": {"x": 0.5}}, {"load": 2**53 + 1})
    world.deliver()
    assert world.column("load") == [0, 1, None, 2**53 + 1]
    assert world.column("o")[2] == {"x": 0.5}
    assert world.column("_rest")[2] == '{"load":0.25}'
    assert [*world.deliverer.state.misfits] == [Misfit("load", "fraction")]


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


@pytest.mark.parametrize("is_new", [True, False])
def test_fractions_far_behind_in_what_brings_the_column(tmp_path, is_new):
    world = World(tmp_path)
    if not is_new:
        world.send({"other": 1})
        world.deliver()
    count = 2**18  # decoded in several runs, each in the columns that the ones before it left
    world.send(*[b'{"load":0,"o":{"x":1}}'] * count)
    world.send({"load": 0.25, "o": {"x": 2.5}}, {"load": 2})
    world.deliver()
    assert world.column("load")[-3:] == [0.0, 0.25, 2.0]
    assert world.column("o")[-3:] == [{"x": 1.0}, {"x": 2.5}, None]
    assert world.column("_rest")[-3:] == [None] * 3
    assert world.deliverer.state.misfits == {}
    assert world.deliverer.state.commits == (1 if is_new else 2)


def test_it_stays_whole_behind_what_a_double_would_round(tmp_path):
    world = World(tmp_path)
    world.send(*[b'{"load":%d}' % (2**53 + 1)] * 2**18)
    world.send({"load": 0.25})
    world.deliver()
    assert world.column("load")[-2:] == [2**53 + 1, None]
    assert [*world.deliverer.state.misfits] == [Misfit("load", "fraction")]


@pytest.mark.parametrize("harm", ["missing", "cut", "garbled"])
def test_a_file_that_cannot_be_read_does_not_stop_delivery(world, tmp_path, harm):
    (file,) = tmp_path.rglob("*.parquet")
    whole = file.read_bytes()
    if harm == "missing":
        file.unlink()
    else:
        file.write_bytes(whole[:-20] if harm == "cut" else b"PAR1" + b"x" * (len(whole) - 4))
    world.send({"load": 0.25})
    world.deliver()
    assert world.lake.table("lake.orders").offsets() == {"orders/0": 3}
    assert world.deliverer.state.error is None
    if harm == "missing":
        file.write_bytes(whole)
        assert world.column("_rest")[2] == '{"load":0.25}'
