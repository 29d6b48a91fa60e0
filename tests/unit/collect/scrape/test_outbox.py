"""Batches that wait for a stream which takes nothing, or ends."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from types import SimpleNamespace

import numpy as np
import pytest

from madang.collect.sample_batches import SampleBatch, sample_batch
from madang.collect.scrape.outbox import Outbox
from madang.core.errors import InvalidInputError, StorageFullError
from madang.stream import Appended


def batch(value: float, rows: int = 1) -> SampleBatch:
    ones = np.ones(rows, np.int64)
    made = sample_batch(ones, ones, np.full(rows, value), {0: b"__name__\xffa"}, {})
    return SampleBatch(made, {1: b"__name__\xffa"})


class Taking:
    """A stream that answers when the test says, and keeps what a real one would."""

    def __init__(self) -> None:
        self.name, self.partitions = "m", 1
        self.error: Exception | None = None
        self.held: list[tuple[Future, object, object]] | None = None
        self.kept: dict[str, list[float]] = {}
        self.last: dict[str, int] = {}
        self.most_at_once: dict[str, int] = {}

    def submit(self, made, *, partition=0, origin=None, attributes=None):
        future = Future()
        if self.held is not None:
            self.held.append((future, made, origin))
            pending = [one for one in self.held if one[2].producer == origin.producer]
            assert len(pending) == 1  # one of a producer at a time
        else:
            self.answer(future, made, origin)
        return future

    def answer(self, future, made, origin):
        if self.error is not None:
            future.set_exception(self.error)
            return
        if origin.sequence > self.last.get(origin.producer, 0):
            self.last[origin.producer] = origin.sequence
            self.kept.setdefault(origin.producer, []).extend(made["value"].to_pylist())
        future.set_result(Appended(0, 0, made.num_rows, 0))

    def last_sequence(self, partition, producer):
        return self.last.get(producer)


def run(check, **options):
    async def main():
        stream = Taking()
        outbox = Outbox(stream, **options)
        try:
            async with asyncio.timeout(10):
                await check(stream, outbox)
        finally:
            outbox.failed.cancel()

    asyncio.run(main())


def test_order_is_kept_and_one_is_under_way():
    async def check(stream, outbox):
        stream.held = []
        for sequence in range(1, 5):
            outbox.put("x", b"x", sequence, batch(sequence))
            outbox.put("y", b"y", sequence, batch(-sequence))
        assert len(stream.held) == 2
        held, stream.held = stream.held, None
        for one in held:
            stream.answer(*one)
        await outbox.idle.wait()
        assert stream.kept == {"x": [1, 2, 3, 4], "y": [-1, -2, -3, -4]}
        assert outbox.appended == 8
        assert outbox.waiting_bytes == 0
        assert outbox.last_sequence("x", b"x") == 4

    run(check)


def test_while_the_stream_takes_nothing_the_newest_are_kept():
    gone = []

    async def check(stream, outbox):
        stream.error = StorageFullError("full", retry_after_s=0.1)
        for sequence in range(1, 101):
            outbox.put("x", b"x", sequence, batch(sequence, 100), gone.append)
            await asyncio.sleep(0)
        assert isinstance(outbox.waiting_for, StorageFullError)
        assert outbox.waiting_bytes <= 50_000
        assert outbox.dropped == len(gone) > 50
        stream.error = None
        await outbox.idle.wait()
        assert outbox.waiting_for is None
        values = stream.kept["x"][::100]
        assert values == sorted(values)
        assert values[-10:] == list(range(91, 101))
        lost = [one.batch["value"][0].as_py() for one in gone]
        assert sorted([*values, *lost]) == list(range(1, 101))
        assert all(one.announced for one in gone)

    run(check, most_bytes=50_000)


def test_what_is_under_way_is_not_dropped():
    async def check(stream, outbox):
        stream.held = []
        outbox.put("x", b"x", 1, batch(1, 1000))
        outbox.put("x", b"x", 2, batch(2, 1000))
        assert outbox.dropped == 1
        held, stream.held = stream.held, None
        stream.answer(*held[0])
        await outbox.idle.wait()
        assert set(stream.kept["x"]) == {1.0}

    run(check, most_bytes=1000)


def test_what_is_always_refused_ends_the_source():
    async def check(stream, outbox):
        stream.error = InvalidInputError("another schema")
        outbox.put("x", b"x", 1, batch(1))
        with pytest.raises(InvalidInputError, match="another schema"):
            await outbox.failed

    run(check)


def test_one_that_was_appended_before_is_not_again():
    async def check(stream, outbox):
        stream.last["x"] = 5
        outbox.put("x", b"x", 5, batch(1))
        await outbox.idle.wait()
        assert stream.kept == {}

    run(check)


def test_the_stream_may_answer_after_the_loop():
    stream = Taking()
    stream.held = []

    async def main():
        outbox = Outbox(stream)
        outbox.put("x", b"x", 1, batch(1))
        outbox.failed.cancel()

    asyncio.run(main())
    stream.answer(*stream.held[0])
    assert SimpleNamespace(**stream.last).x == 1
