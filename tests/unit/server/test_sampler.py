from __future__ import annotations

import pyarrow as pa
import pytest

from madang.core.clock import ManualClock
from madang.core.names import SAMPLES
from madang.core.samples import SAMPLES_SCHEMA
from madang.server.sampler import Sampler


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def sampler(world, clock):
    return Sampler(world.context(clock=clock))


def send(world, stream, count):
    from madang.collect import ContentFormat, split_body

    body = b"\n".join([b"{}"] * count)
    split = split_body(body, media=ContentFormat.NDJSON, max_record_size_bytes=100, arrived_at_us=0)
    world.open_stream(stream).submit(split.batch).result()


def flow(world, sampler, stream):
    return sampler.flow(stream, world.project.streams[stream])


def test_rates_come_from_what_was_appended_in_between(world, sampler, clock):
    sampler.sample()
    send(world, "orders", 100)
    clock.advance(2)
    sampler.sample()
    clock.advance(2)
    sampler.sample()
    found = flow(world, sampler, "orders")
    assert found.history == [50, 0]
    assert found.records_per_s == 25
    assert found.bytes_per_s > 0
    assert found.records_total == 100


def test_what_an_idle_sampler_missed_is_filled_with_the_average(world, sampler, clock):
    sampler.sample()
    send(world, "orders", 300)
    clock.advance(30)
    sampler.sample()
    assert flow(world, sampler, "orders").history == [10] * 15


def test_history_is_bounded(world, sampler, clock):
    for _ in range(70):
        sampler.sample()
        clock.advance(2)
    assert len(flow(world, sampler, "orders").history) == 60


def test_two_samples_close_together_count_once(world, sampler, clock):
    sampler.sample()
    send(world, "orders", 10)
    clock.advance(0.01)
    sampler.sample()
    clock.advance(1.99)
    sampler.sample()
    assert flow(world, sampler, "orders").history == [5]


def test_freshness_is_the_age_of_the_oldest_undelivered_record(world, sampler, clock):
    assert flow(world, sampler, "orders").freshness_s is None
    send(world, "orders", 1)
    appended_us = world.open_stream("orders").last_appended_us(0)
    clock._now_us = appended_us + 7_000_000
    found = flow(world, sampler, "orders")
    assert (found.freshness_s, found.lag_records) == (7, 1)
    world.open_stream("orders").commit("lake", {0: 1})
    assert flow(world, sampler, "orders").freshness_s == 0


def test_samples_are_late_only_when_the_role_metrics_should_have_stored_them(world, sampler, clock):
    stream = world.store.open(SAMPLES, SAMPLES_SCHEMA)
    columns = {"ts": [0], "series": [1], "value": [1.0], "histogram": [None], "labels": [None]}
    batch = pa.RecordBatch.from_pydict(columns, SAMPLES_SCHEMA)
    stream.submit(batch).result()
    clock._now_us = stream.last_appended_us(0) + 599_000_000
    found = flow(world, sampler, SAMPLES)
    assert (found.table, found.freshness_s, found.lag_records) == (SAMPLES, 0, 0)
    clock._now_us += 2_000_000
    found = flow(world, sampler, SAMPLES)
    assert (found.freshness_s, found.lag_records) == (601, 1)
    stream.commit("metrics", {0: 1})
    assert flow(world, sampler, SAMPLES).freshness_s == 0


def test_a_new_stream_is_seen_and_a_removed_one_forgotten(world, sampler, clock):
    sampler.sample()
    stream = world.new_stream(deliver=False)
    clock.advance(2)
    sampler.sample()
    clock.advance(2)
    sampler.sample()
    found = flow(world, sampler, stream)
    assert found.history == [0]
    assert (found.table, found.freshness_s, found.lag_records) == (None, None, 0)
    spec = world.project.streams[stream]
    (world.directory / "streams" / f"{stream}.yml").unlink()
    world.publish()
    sampler.sample()
    assert sampler.flow(stream, spec).history == []


def test_a_damaged_stream_does_not_take_the_others_off_the_page(world, sampler, clock):
    broken, sound = world.new_stream(), world.new_stream()
    for stream in (broken, sound):
        send(world, stream, 10)
    sampler.sample()
    head = world.open_stream(broken).path / "p0000/head"
    with head.open("r+b") as file:
        file.seek(64)
        file.write(b"\xff" * 128)
    send(world, sound, 10)
    clock.advance(2)
    sampler.sample()
    assert flow(world, sampler, sound).history == [5]
    assert flow(world, sampler, broken).records_total == 0
