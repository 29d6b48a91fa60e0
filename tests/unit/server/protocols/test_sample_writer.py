from __future__ import annotations

import asyncio

import numpy as np
import pytest

from madang.collect.pushed import Pushed
from madang.collect.pushed_families import PushedFamilies
from madang.core.clock import SystemClock
from madang.core.errors import StorageFullError
from madang.core.samples import SAMPLES_SCHEMA, Samples, canonical_labels, series_id
from madang.server.protocols import SampleWriter
from madang.stream import LogStore

LABELS = [canonical_labels({"__name__": "up", "n": str(n)}) for n in range(50)]


def body(value=1.0, count=50):
    now_ms = SystemClock().now_us() // 1000
    return Pushed(
        Samples(
            LABELS[:count],
            np.arange(count, dtype=np.int32),
            np.full(count, now_ms),
            np.full(count, value),
        ),
        np.array([series_id(one) for one in LABELS[:count]], np.int64),
    )


def stored(stream):
    return [
        row
        for partition in range(stream.partitions)
        if stream.bounds(partition).end
        for chunk in stream.read(partition, 0, max_bytes=2**30)
        for row in chunk.batch.to_pylist()
    ]


@pytest.fixture(params=[1, 3])
def stream(request, tmp_path):
    store = LogStore(tmp_path, min_free_bytes=0)
    yield store.open("metrics.samples", SAMPLES_SCHEMA, partitions=request.param)
    store.close()


def test_samples_are_in_the_stream_when_it_returns(stream, tmp_path):
    async def write():
        writer = SampleWriter(lambda _: stream, SystemClock(), PushedFamilies(tmp_path))
        for value in (1.0, 2.0):
            taken = await writer.write(body(value), "remote_write")
            assert taken.refused_count == 0
            assert len(taken.samples) == 50

    asyncio.run(write())
    rows = stored(stream)
    assert sorted(row["value"] for row in rows) == [1.0] * 50 + [2.0] * 50
    assert sorted(row["labels"] for row in rows if row["labels"]) == sorted(LABELS)
    chunk = next(iter(stream.read(0, 0)))
    assert chunk.attributes["source"] == "remote_write"


def test_labels_come_again_after_a_failure(tmp_path):
    store = LogStore(tmp_path, min_free_bytes=0)
    stream = store.open("metrics.samples", SAMPLES_SCHEMA, partitions=1)

    async def write():
        writer = SampleWriter(lambda _: stream, SystemClock(), PushedFamilies(tmp_path))
        store.space.min_free_bytes = 2**62
        with pytest.raises(StorageFullError):
            await writer.write(body(), "otlp")
        store.space.min_free_bytes = 0
        while True:  # the watermark is looked at now and then
            try:
                return await writer.write(body(), "otlp")
            except StorageFullError:
                await asyncio.sleep(0.05)

    asyncio.run(write())
    assert [row["labels"] for row in stored(stream)] == LABELS
    store.close()


def test_bodies_at_once_each_say_the_labels(stream, tmp_path):
    async def write():
        writer = SampleWriter(lambda _: stream, SystemClock(), PushedFamilies(tmp_path))
        await asyncio.gather(*(writer.write(body(float(n)), "influx") for n in range(8)))

    asyncio.run(write())
    rows = stored(stream)
    assert len(rows) == 8 * 50
    seen = set()
    for row in rows:
        seen |= {row["series"]} if row["labels"] else set()
        assert row["series"] in seen
