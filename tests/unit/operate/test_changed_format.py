"""A stream's format is changed while records that came before wait to be delivered."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from madang.core.datadir import DataDir
from madang.lake import Deliverer, Lake
from madang.operate.replay import replay
from madang.operate.streams import open_stream
from madang.process import StreamDecoder
from madang.project import PlatformSpec, Project, StreamSpec
from madang.query import LakeCatalog
from madang.stream import LogStore
from madang.testing.records import record_batch


class World:
    """A stream ``s`` whose spec changes."""

    def __init__(self, root):
        self.root = root
        self.data = DataDir(root / "data")
        self.lake = Lake(self.data)
        self.store = LogStore(self.data.streams, min_free_bytes=0)
        self.versions = 0

    def say(self, **spec):
        self.versions += 1
        self.project = Project(
            directory=str(self.root),
            version=str(self.versions),
            platform=PlatformSpec(),
            streams={"s": StreamSpec(name="s", **spec)},
        )

    def append(self, *values, **attributes):
        stream = open_stream(self.store, self.project, "s")
        stream.submit(record_batch(list(values)), attributes=attributes or None).result(10)

    @property
    def dead(self):
        return open_stream(self.store, self.project, "s.dead")

    def fresh(self):
        catalog = LakeCatalog(self.data, lambda: self.project)
        rows = catalog.fresh(catalog.pin("lake.s")).rows
        catalog.close()
        return _plain(rows)

    def deliver(self):
        """Every row of the table after all was delivered."""
        spec = self.project.streams["s"]
        work = Deliverer(
            self.lake,
            open_stream(self.store, self.project, "s"),
            StreamDecoder(spec, zone="UTC", project_dir=self.root),
            "lake.s",
            spec=spec.delivery,
            dead_letters=lambda: self.dead,
        )
        assert work.flush(), work.state.error
        files = self.lake.table("lake.s").pin().files
        tables = [pq.read_table(each.path, partitioning=None) for each in files]
        rows = pa.concat_tables(tables, promote_options="permissive").sort_by("_offset")
        return _plain(rows)


def _plain(rows):
    return [
        {k: v for k, v in row.items() if v is not None and not k.startswith("_")}
        for row in rows.to_pylist()
    ]


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.store.close()
    made.lake.close()


def test_each_record_is_read_as_the_stream_said_when_it_came(world):
    world.say(format="json")
    world.append(b'{"a": 1}', b'{"a": 2}')
    world.say(format="logfmt")
    world.append(b"a=3", b"a=4")
    world.say(format="csv", header=("a", "b"), delimiter=";")
    world.append(b"5;x")
    world.say(format="csv", header=("b", "a"))
    world.append(b"y,6")
    world.say(format="regex", pattern="(?P<a>[0-9]+)!")
    world.append(b"7!")
    world.say(format="plain")
    world.append(b"text")
    expected = [
        {"a": 1}, {"a": 2}, {"a": 3}, {"a": 4}, {"a": 5, "b": "x"}, {"a": 6, "b": "y"}, {"a": 7},
        {"message": "text"},
    ]  # fmt: skip
    assert world.fresh() == expected
    assert world.deliver() == expected
    assert not world.dead.bounds(0).end


def test_a_body_of_another_format_stays_what_it_is(world):
    world.say(format="regex", pattern="(?P<a>[0-9]+)!")
    world.append(b'{"a": 1}', format="json")
    world.say(format="logfmt")
    assert world.deliver() == [{"a": 1}]


def test_records_of_a_version_that_did_not_say_are_read_as_the_stream_says_now(world):
    stream = world.store.open("s")
    stream.submit(record_batch([b"a=1"])).result(10)
    world.say(format="logfmt")
    assert world.deliver() == [{"a": 1}]


@pytest.mark.parametrize("reading", ["", "no format", "{", "[]", '{"format": "x"}', '{"name": 5}'])
def test_what_cannot_be_understood_is_read_as_the_stream_says_now(world, reading):
    world.say(format="logfmt")
    world.append(b"a=1", reading=reading)
    assert world.deliver() == [{"a": 1}]


def test_a_letter_that_the_wrong_format_made_is_mended_by_the_right_one(world):
    world.say(format="json")
    world.append(b"a=1", b'{"a": 2}')
    assert world.deliver() == [{"a": 2}]
    assert world.dead.bounds(0).end == 1
    world.say(format="logfmt")
    assert replay(world.dead, open_stream(world.store, world.project, "s")).count == 1
    assert world.deliver() == [{"a": 2}, {"a": 1}]
    assert world.dead.bounds(0).end == 1
