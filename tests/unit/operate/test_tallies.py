"""What befalls records on their way: counted by delivery, told by every other process."""

from __future__ import annotations

from pathlib import Path

import pytest

from lake_fixtures import delivered
from madang.core.clock import SystemClock
from madang.core.datadir import DataDir
from madang.lake import Lake, Misfit, Tally
from madang.operate.delivery import Deliveries
from madang.operate.health import Health, assess
from madang.operate.replay import replay
from madang.operate.streams import open_stream
from madang.operate.tallies import read_misfits, read_time_fallbacks
from madang.project import ProjectFollower, ProjectPublisher
from madang.stream import LogStore, LogStream
from madang.testing.records import record_batch

RECORDS = [
    b'{"at":"2026-01-01T00:00:00Z","v":1}',
    b'{"at":"0000-01-01","v":2}',
    b'{"at":"9999-12-31","v":3}',
    b'{"at":"soon","v":4}',
    b'{"v":5}',
]


class World:
    """A project with one stream, and its delivery."""

    def __init__(self, root: Path) -> None:
        self.directory = root / "project"
        (self.directory / "streams").mkdir(parents=True)
        (self.directory / "madang.yml").write_text("name: test\nstorage:\n  min_free: 0\n")
        self.data = DataDir(root / "data")
        self.store = LogStore(self.data.streams, min_free_bytes=0)
        self.lake = Lake(self.data)

    def say(self, text: str) -> None:
        (self.directory / "streams" / "orders.yml").write_text(text)
        assert ProjectPublisher(self.directory, self.data).publish().errors == ()

    @property
    def project(self):
        return ProjectFollower(self.data).current()

    def stream(self, name: str = "orders") -> LogStream:
        return open_stream(self.store, self.project, name)

    def send(self, *values: bytes) -> None:
        self.stream().submit(record_batch(values)).result()

    def begin(self) -> Deliveries:
        deliveries = Deliveries(ProjectFollower(self.data), self.store, self.lake, self.data)
        deliveries.follow_project()
        return deliveries

    def health(self, later_s: int = 0) -> Health:
        return assess(self.data, self.project, SystemClock().now_us() + later_s * 1_000_000)

    def deliver(self) -> None:
        deliveries = self.begin()
        deliveries.poll()
        deliveries.flush()
        deliveries.write_states()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_delivery_counts_and_another_process_reads(world: World) -> None:
    world.say("time:\n  field: at\n")
    world.send(*RECORDS)
    world.deliver()
    found = read_time_fallbacks(world.data)["orders"]
    assert found.reasons == {
        "missing": Tally(1, None),
        "out_of_range": Tally(2, "0000-01-01"),
        "unreadable": Tally(1, "soon"),
    }
    assert found.count == 4
    assert found.last_us is not None
    rows = delivered(world.lake)  # nothing is lost
    assert sorted(rows.column("v").to_pylist()) == [1, 2, 3, 4, 5]
    assert "0000-01-01" in rows.column("at").to_pylist()


def test_the_counts_go_on_over_a_restart_and_a_changed_stream(world: World) -> None:
    world.say("time:\n  field: at\n")
    world.send(*RECORDS)
    world.deliver()
    world.send(b'{"at":"later"}')
    deliveries = world.begin()
    deliveries.poll()
    world.say("description: changed\ntime:\n  field: at\n")
    deliveries.follow_project()
    deliveries.write_states()
    assert read_time_fallbacks(world.data)["orders"].reasons["unreadable"].count == 2


@pytest.mark.parametrize(
    "damage",
    [b"", b"[1]", b'{"orders":{"time_fallbacks":{"x":{}}}}', b'{"orders":{"in_rest":[1]}}', b"{"],
)
def test_a_damaged_state_says_nothing(world: World, damage: bytes) -> None:
    world.data.run.mkdir(parents=True)
    (world.data.run / "delivery.json").write_bytes(damage)
    assert read_time_fallbacks(world.data) == {}
    assert read_misfits(world.data) == {}


def test_strict_records_die_and_live_again_after_a_fix(world: World) -> None:
    world.say("time:\n  field: at\n  on_error: dead_letter\n")
    world.send(*RECORDS, b'{"at":"21.11.2025","v":6}')
    world.deliver()
    assert read_time_fallbacks(world.data) == {}
    dead = world.stream("orders.dead")
    assert dead.bounds(0).end == 5
    world.say("time:\n  field: at\n  format: '%d.%m.%Y'\n  on_error: dead_letter\n")
    assert replay(dead, world.stream()).count == 5
    world.deliver()
    rows = delivered(world.lake)
    assert sorted(rows.column("v").to_pylist()) == [1, 6]
    assert str(rows.sort_by("v").column("_time")[1].as_py()) == "2025-11-21 00:00:00+00:00"
    assert dead.bounds(0).end == 9  # the others died again


def test_values_that_no_column_takes_are_counted_over_a_restart_and_told(world: World) -> None:
    world.say("format: json\n")
    world.send(b'{"load":"idle"}')
    world.deliver()
    assert read_misfits(world.data) == {}
    assert world.health().word == "ok"
    assert world.health().problems == ()
    world.send(b'{"load":0.25}', b'{"load":0.5}')
    world.deliver()
    world.send(b'{"load":[1],"_rest":7}')
    world.deliver()  # by another process, as it were
    found = read_misfits(world.data)["orders"]
    assert found.table == "lake.orders"
    assert found.misfits.reasons == {
        Misfit("load", "type"): Tally(3, "[1]"),
        Misfit("_rest", "no_column"): Tally(1, "7"),
    }
    (notice,) = world.health().problems
    assert world.health().word == "ok"
    assert (notice.code, notice.severity) == ("values_in_rest", "notice")
    assert notice.message == (
        "4 values of orders fitted no column of lake.orders and stand in _rest, most of load: "
        "of another type than the column, such as [1]"
    )
    assert notice.hint is not None
    assert "madang tables show lake.orders" in notice.hint
    assert world.health(later_s=90_000).problems == ()  # told for a day; the counts stay


def test_another_table_counts_anew(world: World) -> None:
    world.say("format: json\n")
    world.send(b'{"load":"idle"}')
    world.deliver()
    world.send(b'{"load":0.25}')
    world.deliver()
    world.say("format: json\ncolumns:\n  load: string\ndeliver:\n  table: lake.anew\n")
    world.deliver()
    assert read_misfits(world.data) == {}
