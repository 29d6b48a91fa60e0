"""Delivery: buffering, dead letters, gaps, failures, and a crash between any two steps."""

import errno

import pyarrow as pa
import pytest

from lake_fixtures import NOW_US, NumberDecoder, letters, numbers, open_streams, records
from madang.core.errors import ConflictError
from madang.lake import Deliverer
from madang.lake.decoder import DEAD_LETTER_SCHEMA
from madang.project import DeliverSpec
from madang.stream import RECORD_SCHEMA, LogStore


@pytest.fixture
def store(data, clock):
    with open_streams(data, clock=clock) as store:
        yield store


def deliverer(lake, store, clock, **options):
    spec = options.pop("spec", DeliverSpec(buffer_time=10))
    return Deliverer(
        lake,
        store.get("orders"),
        options.pop("decoder", NumberDecoder()),
        "lake.orders",
        spec=spec,
        dead_letters=lambda: store.get("orders.dead"),
        clock=clock,
        **options,
    )


def send(store, *values, partition=0):
    store.get("orders").submit(records(values), partition=partition).result()


def test_commits_when_the_buffer_time_is_over(lake, store, clock):
    work = deliverer(lake, store, clock)
    send(store, 1, 2, 3)
    step = work.poll()
    assert not lake.names()
    assert step.wake_at_s <= 0.5
    clock.advance(10)
    assert work.poll().worked
    assert numbers(lake) == [1, 2, 3]
    assert work.state.rows == 3
    assert store.get("orders").committed("lake") == {0: 3}


def test_commits_when_the_buffer_is_full(lake, store, clock):
    work = deliverer(lake, store, clock, spec=DeliverSpec(buffer_size=100))
    send(store, *range(100))
    work.poll()
    assert numbers(lake) == list(range(100))


def test_wakes_when_the_oldest_record_is_due(lake, store, clock):
    work = deliverer(lake, store, clock)
    send(store, 1)
    clock.advance(9.9)
    assert work.poll().wake_at_s == pytest.approx(clock.monotonic_s() + 0.1)


def test_goes_on_where_the_table_stands(lake, store, clock):
    send(store, 1, 2)
    assert deliverer(lake, store, clock).flush()
    send(store, 3)
    assert deliverer(lake, store, clock).flush()
    assert numbers(lake) == [1, 2, 3]
    assert lake.table("lake.orders").offsets() == {"orders/0": 3}


def test_delivers_every_partition(data, lake, clock):
    with open_streams(data, partitions=3, clock=clock) as store:
        for partition in range(3):
            send(store, partition, partition + 10, partition=partition)
        work = deliverer(lake, store, clock)
        clock.advance(10)
        while work.poll().worked:
            pass
        assert work.flush()
        assert numbers(lake) == [0, 1, 2, 10, 11, 12]
        assert lake.table("lake.orders").offsets() == {f"orders/{p}": 2 for p in range(3)}


def test_only_dead_letters_move_the_offsets_too(lake, store, clock):
    send(store, "dead", "dead")
    assert deliverer(lake, store, clock).flush()
    assert numbers(lake) == []
    assert letters(store) == [0, 1]
    assert lake.table("lake.orders").offsets() == {"orders/0": 2}


def test_a_record_that_breaks_the_decoder_becomes_a_dead_letter(lake, store, clock):
    send(store, 1, 2, "poison", 4, "dead", 6)
    work = deliverer(lake, store, clock)
    assert work.flush()
    assert numbers(lake) == [1, 2, 4, 6]
    assert sorted(letters(store)) == [2, 4]


def test_a_table_that_begins_with_poison_is_a_table_all_the_same(lake, store, clock):
    send(store, "poison")
    assert deliverer(lake, store, clock).flush()
    assert letters(store) == [0]
    assert lake.table("lake.orders").state().by_day
    send(store, 5)
    assert deliverer(lake, store, clock).flush()
    assert numbers(lake) == [5]


def test_trouble_of_the_machine_is_no_dead_letter(lake, store, clock):
    class NoRoom(NumberDecoder):
        def decode(self, chunks, schema):
            raise OSError(errno.ENOSPC, "no room to spill")

    send(store, 1)
    work = deliverer(lake, store, clock, decoder=NoRoom())
    assert work.flush()
    assert "no room to spill" in work.state.error.message
    assert letters(store) == []
    assert deliverer(lake, store, clock).flush()
    assert numbers(lake) == [1]


def test_a_broken_decoder_stops_its_table_and_loses_nothing(lake, store, clock):
    send(store, *["poison"] * 20)
    work = deliverer(lake, store, clock)
    assert not work.flush() or work.state.error
    assert "poisoned" in work.state.error.message
    assert letters(store) == []
    assert not work.poll().worked
    assert work.state.failures == 1, "it waits before it tries again"
    clock.advance(1)
    clock.advance(10)
    work.poll()
    assert work.state.failures == 2
    work._decoder = type("Fixed", (NumberDecoder,), {"decode": _numbers_for_poison})()
    clock.advance(60)
    work.poll()
    assert work.flush()
    assert work.state.error is None
    assert numbers(lake) == [7] * 20


def _numbers_for_poison(self, chunks, schema):
    import dataclasses

    fixed = [dataclasses.replace(c, batch=records([7] * c.batch.num_rows, NOW_US)) for c in chunks]
    return NumberDecoder.decode(self, fixed, schema)


def test_a_stream_that_is_behind_its_table_is_an_error(data, lake, store, clock, tmp_path):
    send(store, 1, 2)
    assert deliverer(lake, store, clock).flush()
    with LogStore(tmp_path / "older", clock=clock, min_free_bytes=0) as older:
        older.open("orders", RECORD_SCHEMA)
        older.open("orders.dead", DEAD_LETTER_SCHEMA)
        work = deliverer(lake, older, clock)
        work.poll()
        assert isinstance(work.state.error, ConflictError)
        assert "ends at 0" in work.state.error.message


def test_two_deliverers_fence_each_other(lake, store, clock):
    send(store, 0)
    assert deliverer(lake, store, clock).flush()
    send(store, 1, 2)
    first, second = deliverer(lake, store, clock), deliverer(lake, store, clock)
    first.poll()
    second.poll()
    assert first.flush()
    second.flush()
    assert second.state.error.code == "fenced"
    assert numbers(lake) == [0, 1, 2]
    clock.advance(2)
    second.poll()
    assert second.state.error is None
    assert numbers(lake) == [0, 1, 2]


def test_idle_reads_no_table(lake, store, clock, monkeypatch):
    send(store, 1)
    work = deliverer(lake, store, clock)
    work.flush()
    monkeypatch.setattr(lake, "exists", pytest.fail)
    for _ in range(5):
        clock.advance(1)
        assert not work.poll().worked


class Crash(BaseException):
    """Not an Exception: nothing may catch it."""


STEPS = ["read", "decoded", "dead_letters", "created", "committed", "group"]


@pytest.mark.parametrize("step", STEPS)
def test_exactly_once_over_a_crash_after(step, lake, store, clock):
    def crash(name):
        if name == step:
            raise Crash

    send(store, 1, "dead", 3)
    with pytest.raises(Crash):
        deliverer(lake, store, clock, on_step=crash).flush()
    send(store, 4, "dead")
    for _ in range(2):
        assert deliverer(lake, store, clock).flush()
    assert numbers(lake) == [1, 3, 4]
    assert letters(store) == [1, 4]
    assert store.get("orders").committed("lake") == {0: 5}


def test_letters_that_a_changed_decoder_finds_after_a_crash_are_kept(lake, store, clock):
    class Stricter(NumberDecoder):
        def decode(self, chunks, schema):
            return super().decode([_without_ones(chunk) for chunk in chunks], schema)

    def _without_ones(chunk):
        import dataclasses

        values = ["dead" if v == b"1" else v.decode() for v in chunk.batch["value"].to_pylist()]
        return dataclasses.replace(chunk, batch=records(values))

    def crash(name):
        if name == "dead_letters":
            raise Crash

    send(store, 1, "dead", 3)
    with pytest.raises(Crash):
        deliverer(lake, store, clock, on_step=crash).flush()
    assert deliverer(lake, store, clock, decoder=Stricter()).flush()
    assert sorted(letters(store)) == [0, 1]
    assert numbers(lake) == [3]


def test_types_widen_from_run_to_run(lake, store, clock):
    class Growing(NumberDecoder):
        def decode(self, chunks, schema):
            found = super().decode(chunks, schema)
            kind = pa.int32() if schema is None else pa.int64()
            rows = found.rows.set_column(3, "n", found.rows["n"].cast(kind))
            return type(found)(rows, found.dead, {})

    for base in (1, 2):
        send(store, base)
        assert deliverer(lake, store, clock, decoder=Growing()).flush()
    assert lake.table("lake.orders").schema.field("n").type == pa.int64()
    assert numbers(lake) == [1, 2]
