# ruff: noqa: D102 - a test's name says what it shows
"""The contract suite of the stream port: what every implementation must do.

Subclass :class:`StreamContract` in a test module and say how a stream is opened; pytest finds the
tests. Batch boundaries are not part of the contract, offsets and order are.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import wait
from pathlib import Path

import pyarrow as pa
import pytest

from madang.core.clock import ManualClock
from madang.core.errors import ConflictError, InvalidInputError, UnavailableError
from madang.stream import Chunk, Origin, Stream
from madang.testing.records import record_batch, values_of

_WINDOW_S = 86_400
_TIMEOUT_S = 30


def read_all(stream: Stream, partition: int = 0, offset: int = 0) -> list[Chunk]:
    """Every chunk from ``offset`` to the end, in small reads."""
    chunks: list[Chunk] = []
    while found := stream.read(partition, offset, max_bytes=2000):
        chunks += found
        offset = found[-1].end_offset
    return chunks


class StreamContract:
    """Ordering, durability, idempotence, bounds, replay and consumer groups of a stream."""

    def open_stream(self, root: Path, clock: ManualClock, partitions: int) -> Stream:
        """Open the stream ``orders`` under ``root`` with ``RECORD_SCHEMA``.

        Opened twice, both are in use at the same time, as by two processes. The idempotency window
        is 24 hours.
        """
        raise NotImplementedError

    @pytest.fixture
    def clock(self) -> ManualClock:
        """The stream's clock."""
        return ManualClock()

    @pytest.fixture
    def stream(self, tmp_path: Path, clock: ManualClock) -> Iterator[Stream]:
        """A new stream of two partitions."""
        stream = self.open_stream(tmp_path, clock, 2)
        yield stream
        stream.close()

    def test_a_new_stream_is_empty(self, stream: Stream) -> None:
        assert stream.name == "orders"
        assert stream.partitions == 2
        assert (stream.bounds(0).earliest, stream.bounds(0).end) == (0, 0)
        assert list(stream.read(0, 0)) == []
        assert stream.last_sequence(0, "file:a") is None
        assert dict(stream.committed("lake")) == {}
        assert stream.offset_at(0, 0) == 0

    def test_what_is_appended_is_read_in_order(self, stream: Stream) -> None:
        first = stream.submit(record_batch([b"a", b"b"])).result(_TIMEOUT_S)
        second = stream.submit(record_batch([b"c"])).result(_TIMEOUT_S)
        assert (first.partition, first.base_offset, first.count) == (0, 0, 2)
        assert (second.base_offset, second.end_offset, second.duplicate) == (2, 3, False)
        assert values_of(read_all(stream)) == [(0, b"a"), (1, b"b"), (2, b"c")]
        assert stream.bounds(0).end == 3
        assert stream.bounds(0).size_bytes > 0

    def test_a_reader_that_came_first_sees_the_first_record(
        self, tmp_path: Path, clock: ManualClock
    ) -> None:
        here = self.open_stream(tmp_path, clock, 1)
        there = self.open_stream(tmp_path, clock, 1)
        assert list(here.read(0, 0)) == list(there.read(0, 0)) == []
        assert here.last_sequence(0, "file:a") is None
        there.submit(record_batch([b"a"]), origin=Origin("file:a", 1)).result(_TIMEOUT_S)
        assert values_of(read_all(here)) == values_of(read_all(there)) == [(0, b"a")]
        assert here.last_sequence(0, "file:a") == 1
        here.close()
        there.close()

    def test_partitions_are_apart(self, stream: Stream) -> None:
        stream.submit(record_batch([b"a"]), partition=1).result(_TIMEOUT_S)
        assert values_of(read_all(stream, 0)) == []
        assert values_of(read_all(stream, 1)) == [(0, b"a")]

    def test_a_partition_that_does_not_exist(self, stream: Stream) -> None:
        with pytest.raises(InvalidInputError):
            stream.submit(record_batch([b"a"]), partition=2).result(_TIMEOUT_S)
        with pytest.raises(InvalidInputError):
            stream.read(2, 0)
        with pytest.raises(InvalidInputError):
            stream.bounds(-1)

    def test_reading_begins_within_a_batch(self, stream: Stream) -> None:
        stream.submit(record_batch([b"%d" % number for number in range(10)])).result(_TIMEOUT_S)
        chunk = stream.read(0, 7)[0]
        assert chunk.base_offset == 7
        assert values_of([chunk]) == [(7, b"7"), (8, b"8"), (9, b"9")]
        assert list(stream.read(0, 10)) == []
        assert list(stream.read(0, 1000)) == []

    def test_reading_gives_at_least_one_chunk(self, stream: Stream) -> None:
        stream.submit(record_batch([b"x" * 10_000])).result(_TIMEOUT_S)
        assert len(stream.read(0, 0, max_bytes=1)) == 1

    def test_attributes_travel_with_the_records(self, stream: Stream) -> None:
        attributes = {"source": "http", "path": "/var/log/é.log"}
        stream.submit(record_batch([b"a"]), attributes=attributes).result(_TIMEOUT_S)
        stream.submit(record_batch([b"b"])).result(_TIMEOUT_S)
        first, second = read_all(stream)
        assert dict(first.attributes) == attributes
        assert dict(second.attributes) == {}

    def test_every_column_survives(self, stream: Stream) -> None:
        batch = pa.RecordBatch.from_arrays(
            [
                pa.array([0, -1], stream.schema.field("ts").type),
                pa.array([None, b"k"], pa.binary()),
                pa.array([[("host", "a")], None], stream.schema.field("headers").type),
                pa.array([b"", b"\xff\x00"], pa.binary()),
            ],
            schema=stream.schema,
        )
        stream.submit(batch).result(_TIMEOUT_S)
        assert stream.read(0, 0)[0].batch.to_pylist() == batch.to_pylist()

    def test_a_slice_of_a_batch_is_appended_as_a_slice(self, stream: Stream) -> None:
        batch = record_batch([b"a", b"b", b"c", b"d"]).slice(1, 2)
        stream.submit(batch).result(_TIMEOUT_S)
        assert values_of(read_all(stream)) == [(0, b"b"), (1, b"c")]

    def test_another_schema_is_refused(self, stream: Stream) -> None:
        batch = pa.RecordBatch.from_pydict({"other": [1]})
        with pytest.raises(InvalidInputError):
            stream.submit(batch).result(_TIMEOUT_S)
        assert stream.bounds(0).end == 0

    def test_an_empty_batch_is_refused(self, stream: Stream) -> None:
        with pytest.raises(InvalidInputError):
            stream.submit(record_batch([])).result(_TIMEOUT_S)

    def test_the_same_origin_is_appended_once(self, stream: Stream) -> None:
        origin = Origin("key:one", 1)
        stream.submit(record_batch([b"before"])).result(_TIMEOUT_S)
        first = stream.submit(record_batch([b"a", b"b"]), origin=origin).result(_TIMEOUT_S)
        stream.submit(record_batch([b"after"])).result(_TIMEOUT_S)
        again = stream.submit(record_batch([b"a", b"b"]), origin=origin).result(_TIMEOUT_S)
        assert again.duplicate
        assert not first.duplicate
        assert (again.base_offset, again.count) == (first.base_offset, first.count)
        assert again.appended_at_us == first.appended_at_us
        assert stream.bounds(0).end == 4

    def test_an_idempotency_key_stands_for_one_body(self, stream: Stream) -> None:
        stream.submit(record_batch([b"a"]), origin=Origin("key:one", 7)).result(_TIMEOUT_S)
        for sequence in (6, 8):
            with pytest.raises(ConflictError, match="'one' was used before, for another body"):
                stream.submit(record_batch([b"b"]), origin=Origin("key:one", sequence)).result(30)
        origins = [Origin("key:two", 3), Origin("key:two", 4), Origin("key:two", 3)]
        futures = [stream.submit(record_batch([b"c"]), origin=origin) for origin in origins]
        assert not futures[0].result(_TIMEOUT_S).duplicate
        assert isinstance(futures[1].exception(_TIMEOUT_S), ConflictError)
        assert futures[2].result(_TIMEOUT_S).duplicate
        assert values_of(read_all(stream)) == [(0, b"a"), (1, b"c")]

    def test_the_same_origin_at_once_is_appended_once(self, stream: Stream) -> None:
        origin = Origin("key:one", 1)
        futures = [stream.submit(record_batch([b"a"]), origin=origin) for _ in range(20)]
        answers = [future.result(_TIMEOUT_S) for future in futures]
        assert [answer.duplicate for answer in answers].count(False) == 1
        assert {answer.base_offset for answer in answers} == {0}
        assert stream.bounds(0).end == 1

    def test_a_producer_goes_on_from_its_sequence(self, stream: Stream) -> None:
        for sequence in (10, 25):
            origin = Origin("file:a", sequence)
            assert not stream.submit(record_batch([b"a"]), origin=origin).result(30).duplicate
        for sequence in (5, 10, 25):
            origin = Origin("file:a", sequence)
            assert stream.submit(record_batch([b"a"]), origin=origin).result(30).duplicate
        assert stream.last_sequence(0, "file:a") == 25
        assert stream.last_sequence(1, "file:a") is None
        assert stream.last_sequence(0, "file:b") is None

    def test_idempotency_outlives_a_restart(self, tmp_path: Path, clock: ManualClock) -> None:
        stream = self.open_stream(tmp_path, clock, 1)
        origin, named = Origin("key:one", 1), Origin("file:é", 7)
        first = stream.submit(record_batch([b"a"]), origin=origin).result(_TIMEOUT_S)
        stream.submit(record_batch([b"b"]), origin=named).result(_TIMEOUT_S)
        stream.close()
        stream = self.open_stream(tmp_path, clock, 1)
        again = stream.submit(record_batch([b"a"]), origin=origin).result(_TIMEOUT_S)
        assert (again.duplicate, again.base_offset) == (True, first.base_offset)
        assert stream.last_sequence(0, "file:é") == 7
        assert values_of(read_all(stream)) == [(0, b"a"), (1, b"b")]
        stream.close()

    def test_keys_are_forgotten_after_the_window_and_names_are_not(
        self, stream: Stream, clock: ManualClock
    ) -> None:
        for producer in ("key:one", "file:a"):
            stream.submit(record_batch([b"a"]), origin=Origin(producer, 1)).result(_TIMEOUT_S)
        clock.advance(_WINDOW_S - 1)
        assert stream.submit(record_batch([b"a"]), origin=Origin("key:one", 1)).result(30).duplicate
        clock.advance(2)
        again = stream.submit(record_batch([b"a"]), origin=Origin("key:one", 1)).result(_TIMEOUT_S)
        assert not again.duplicate
        assert stream.submit(record_batch([b"a"]), origin=Origin("file:a", 1)).result(30).duplicate

    def test_times_of_append_never_run_backwards(self, stream: Stream, clock: ManualClock) -> None:
        first = stream.submit(record_batch([b"a"])).result(_TIMEOUT_S)
        clock.advance(-3600)
        second = stream.submit(record_batch([b"b"])).result(_TIMEOUT_S)
        assert second.appended_at_us >= first.appended_at_us

    def test_replay_from_a_time(self, stream: Stream, clock: ManualClock) -> None:
        times = []
        for number in range(20):
            times.append(clock.now_us())
            stream.submit(record_batch([b"%d" % number] * 3)).result(_TIMEOUT_S)
            clock.advance(10)
        assert [stream.offset_at(0, time_us) for time_us in times] == list(range(0, 60, 3))
        assert stream.offset_at(0, times[4] + 1) == 15
        assert stream.offset_at(0, times[0] - 1) == 0
        assert stream.offset_at(0, times[-1] + 1) == 60

    def test_its_identity_outlives_a_restart(self, tmp_path: Path, clock: ManualClock) -> None:
        """Offsets that somebody keeps elsewhere count in the log of this identity."""
        stream = self.open_stream(tmp_path, clock, 1)
        before = stream.identity
        assert before.id
        assert before.follows == {}
        stream.close()
        stream = self.open_stream(tmp_path, clock, 1)
        assert stream.identity == before
        stream.close()

    def test_consumer_groups_keep_their_offsets(self, tmp_path: Path, clock: ManualClock) -> None:
        stream = self.open_stream(tmp_path, clock, 2)
        stream.commit("lake", {0: 5, 1: 7})
        stream.commit("lake", {0: 9})
        stream.commit("replay", {0: 1})
        assert dict(stream.committed("lake")) == {0: 9, 1: 7}
        stream.close()
        stream = self.open_stream(tmp_path, clock, 2)
        assert dict(stream.committed("lake")) == {0: 9, 1: 7}
        assert dict(stream.committed("replay")) == {0: 1}
        stream.close()

    def test_a_bad_group_name_is_refused(self, stream: Stream) -> None:
        for group in ("", "../x", "a/b", "x" * 200):
            with pytest.raises(InvalidInputError):
                stream.commit(group, {0: 1})

    def test_two_openings_share_one_log(self, tmp_path: Path, clock: ManualClock) -> None:
        here = self.open_stream(tmp_path, clock, 1)
        there = self.open_stream(tmp_path, clock, 1)
        for number in range(10):
            stream = (here, there)[number % 2]
            origin = Origin(f"key:{number}", 1)
            assert (
                stream.submit(record_batch([b"%d" % number]), origin=origin)
                .result(_TIMEOUT_S)
                .base_offset
                == number
            )
        expected = [(number, b"%d" % number) for number in range(10)]
        assert values_of(read_all(here)) == values_of(read_all(there)) == expected
        crossed = here.submit(record_batch([b"?"]), origin=Origin("key:9", 1)).result(_TIMEOUT_S)
        assert (crossed.duplicate, crossed.base_offset) == (True, 9)
        there.submit(record_batch([b"!"]), origin=Origin("file:a", 3)).result(_TIMEOUT_S)
        assert here.last_sequence(0, "file:a") == 3
        here.close()
        there.close()

    def test_many_threads_append_in_the_order_of_acknowledgement(self, stream: Stream) -> None:
        answers: list[tuple[int, bytes]] = []

        def produce(name: bytes) -> None:
            for number in range(25):
                value = b"%s-%d" % (name, number)
                answer = stream.submit(record_batch([value])).result(_TIMEOUT_S)
                answers.append((answer.base_offset, value))

        threads = [threading.Thread(target=produce, args=(b"t%d" % n,)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert values_of(read_all(stream)) == sorted(answers)
        assert [offset for offset, _ in sorted(answers)] == list(range(150))

    def test_closing_finishes_what_was_submitted(self, tmp_path: Path, clock: ManualClock) -> None:
        stream = self.open_stream(tmp_path, clock, 1)
        futures = [stream.submit(record_batch([b"%d" % number])) for number in range(50)]
        stream.close()
        done, _ = wait(futures, timeout=_TIMEOUT_S)
        assert sorted(future.result().base_offset for future in done) == list(range(50))
        with pytest.raises(UnavailableError):
            stream.submit(record_batch([b"late"])).result(_TIMEOUT_S)
        stream = self.open_stream(tmp_path, clock, 1)
        assert stream.bounds(0).end == 50
        stream.close()

    def test_a_chunk_outlives_the_stream(self, tmp_path: Path, clock: ManualClock) -> None:
        stream = self.open_stream(tmp_path, clock, 1)
        stream.submit(record_batch([b"kept"] * 100)).result(_TIMEOUT_S)
        chunks = list(stream.read(0, 0))
        stream.close()
        assert {value for _, value in values_of(chunks)} == {b"kept"}
