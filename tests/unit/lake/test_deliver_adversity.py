"""Delivery when the clock goes back, a group's file is damaged, or the table is another one."""

import pytest

from lake_fixtures import NOW_US, NumberDecoder, letters, numbers, open_streams, records
from madang.core.clock import ManualClock
from madang.lake import Deliverer
from madang.project import DeliverSpec


class Crash(BaseException):
    """Ends a delivery as a killed process would."""


@pytest.fixture
def store(data, clock):
    with open_streams(data, clock=clock) as store:
        yield store


def deliverer(lake, store, clock, table="lake.orders", **options):
    return Deliverer(
        lake,
        store.get("orders"),
        NumberDecoder(),
        table,
        spec=DeliverSpec(buffer_time=10),
        dead_letters=lambda: store.get("orders.dead"),
        clock=clock,
        **options,
    )


def send(store, *values):
    store.get("orders").submit(records(values)).result()


def crash_after(step):
    def on_step(name):
        if name == step:
            raise Crash

    return on_step


def test_letters_are_not_doubled_by_a_crash_after_the_clock_went_back(data, lake, store, clock):
    send(store, 1, "dead", "dead")
    store.close()
    clock = ManualClock(NOW_US - 3_600_000_000)
    with open_streams(data, clock=clock) as store:
        with pytest.raises(Crash):
            deliverer(lake, store, clock, on_step=crash_after("dead_letters")).flush()
        assert letters(store) == [1, 2]
        assert deliverer(lake, store, clock).flush()
        assert letters(store) == [1, 2]
        assert numbers(lake) == [1]


def test_a_clock_that_went_back_does_not_hold_delivery_up(data, lake, store, clock):
    send(store, 1)
    store.close()
    clock = ManualClock(NOW_US - 3_600_000_000)
    with open_streams(data, clock=clock) as store:
        work = deliverer(lake, store, clock)
        work.poll()
        clock.advance(10)
        work.poll()
        assert numbers(lake) == [1]


def test_a_damaged_group_is_written_anew(lake, store, clock):
    send(store, 1)
    assert deliverer(lake, store, clock).flush()
    orders = store.get("orders")
    (orders.path / "groups" / "lake.json").write_bytes(b"")
    send(store, 2)
    work = deliverer(lake, store, clock)
    assert work.flush()
    assert work.state.error is None
    assert numbers(lake) == [1, 2]
    assert orders.committed("lake") == {0: 2}


def test_retention_waits_for_another_table_from_its_beginning(lake, store, clock):
    send(store, 1, 2)
    assert deliverer(lake, store, clock).flush()
    work = deliverer(lake, store, clock, table="lake.others")
    work.poll()
    assert store.get("orders").committed("lake") == {0: 0}
    assert work.flush()
    assert numbers(lake) == [1, 2]
    assert store.get("orders").committed("lake") == {0: 2}
