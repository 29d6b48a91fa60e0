"""Reading: by offset and by time, over many small frames, at the end, behind other processes."""

import threading
import time

import pyarrow as pa
import pytest

from madang.core.clock import ManualClock
from madang.core.errors import UnavailableError
from madang.stream import LogStream
from madang.stream.folder import PartitionFolder
from madang.stream.sparse_index import SparseIndex
from madang.testing.records import record_batch, values_of
from madang.testing.stream_contract import read_all


def fill(stream: LogStream, clock: ManualClock, count: int, size: int = 40_000) -> None:
    for number in range(count):
        stream.submit(record_batch([b"%d" % number + b"x" * size])).result(10)
        clock.advance(1)


@pytest.mark.parametrize("index", ["kept", "gone", "broken", "of another file"])
def test_seeking_with_and_without_an_index(open_store, clock: ManualClock, index: str) -> None:
    stream = open_store(segment_size_bytes=2**20).open("s")
    start_us = clock.now_us()
    fill(stream, clock, 60)
    folder = PartitionFolder.of(stream.path, 0)
    paths = [folder.index(base) for base in folder.segments()]
    assert len(paths) >= 3
    assert all(len(SparseIndex.load(path, 2**40)) >= 1 for path in paths)
    if index == "gone":
        for path in paths:
            path.unlink()
    elif index == "broken":
        for path in paths:
            path.write_bytes(path.read_bytes()[:30] + b"\xff" * 20)
    elif index == "of another file":
        content = [path.read_bytes() for path in paths]
        for path, other in zip(paths, content[1:] + content[:1], strict=True):
            path.write_bytes(other)
    reader = open_store().open("s")
    for offset in (0, 1, 29, 30, 59):
        assert reader.read(0, offset, max_bytes=1)[0].base_offset == offset
        assert reader.offset_at(0, start_us + offset * 1_000_000) == offset
        assert reader.offset_at(0, start_us + offset * 1_000_000 - 1) == offset
    assert reader.offset_at(0, 0) == 0
    assert reader.offset_at(0, start_us + 10**12) == 60
    assert not reader.quarantined()


def test_two_writers_share_one_index(open_store, clock: ManualClock) -> None:
    streams = [open_store().open("s") for _ in range(2)]
    for number in range(80):
        streams[number % 3 == 0].submit(record_batch([b"x" * 30_000])).result(10)
    index = SparseIndex.load(PartitionFolder.of(streams[0].path, 0).index(0), 2**40)
    assert 7 <= len(index) <= 11


def test_many_small_frames_are_read_as_few_chunks(open_store) -> None:
    stream = open_store().open("s")
    futures = [
        stream.submit(record_batch([b"%d" % number]), attributes={"half": str(number // 5000)})
        for number in range(10_000)
    ]
    for future in futures:
        future.result(10)
    chunks = stream.read(0, 0, max_bytes=2**30)
    assert [dict(chunk.attributes) for chunk in chunks] == [{"half": "0"}, {"half": "1"}]
    assert values_of(chunks) == [(number, b"%d" % number) for number in range(10_000)]
    assert values_of(stream.read(0, 4321, max_bytes=1)) == [(4321, b"4321")]


@pytest.mark.parametrize(
    ("columns", "values", "chunks"),
    [
        ({"n": pa.int64()}, [[1], [2], [3]], 3),
        ({"n": pa.int64(), "ts": pa.int64()}, [[1, 1], [2, 2], [3, 3]], 3),
        ({"ts": pa.timestamp("s", "UTC")}, [[5], [6], [7]], 1),
        ({"ts": pa.timestamp("s", "UTC")}, [[5], [None], [7]], 3),
    ],
)
def test_records_without_a_time_keep_that_of_their_append(
    open_store, clock: ManualClock, columns, values, chunks
) -> None:
    schema = pa.schema(list(columns.items()))
    stream = open_store().open("s", schema)
    times = []
    for row in values:
        batch = pa.RecordBatch.from_arrays(
            [pa.array([value], kind) for value, kind in zip(row, columns.values(), strict=True)],
            schema=schema,
        )
        futures = [stream.submit(batch), stream.submit(batch)]
        times.append([future.result(10).appended_at_us for future in futures])
        clock.advance(2)
    found = stream.read(0, 0)
    assert len(found) == chunks
    if chunks == 3:
        assert [chunk.appended_at_us for chunk in found] == [first for first, _ in times]


def test_what_was_evicted_can_be_read_again(open_store, clock: ManualClock) -> None:
    stream = open_store(segment_size_bytes=2**20).open("s")
    fill(stream, clock, 100)
    at = 0
    while chunks := stream.read(0, at, max_bytes=200_000):
        at = chunks[-1].end_offset
        stream.evict(0, at)
        stream.evict(0, at + 1)  # no read ended there: nothing happens
    assert at == 100
    assert [offset for offset, _ in values_of(read_all(stream))] == list(range(100))


def test_large_batches_are_not_copied(open_store) -> None:
    stream = open_store().open("s")
    stream.submit(record_batch([b"x" * 1000] * 1000)).result(10)
    before = pa.total_allocated_bytes()
    chunk = stream.read(0, 0)[0]
    assert chunk.batch.nbytes > 1_000_000
    assert pa.total_allocated_bytes() - before < 100_000


def test_an_idle_reader_maps_nothing(open_store) -> None:
    stream = open_store().open("s")
    stream.submit(record_batch([b"a"])).result(10)
    assert read_all(stream)
    assert not stream._parts[0].reader._maps


def test_a_read_behind_damage_up_to_the_end_is_empty_and_goes_on(open_store) -> None:
    stream = open_store().open("s")
    for value in (b"a", b"b"):
        stream.submit(record_batch([value])).result(10)
    path = PartitionFolder.of(stream.path, 0).segment(0)
    data = bytearray(path.read_bytes())
    data[data.rindex(b"MDF1") + 20] ^= 1
    path.write_bytes(data)
    reader = open_store().open("s")
    assert values_of(read_all(reader)) == [(0, b"a")]
    assert list(reader.read(0, 1)) == []
    stream.submit(record_batch([b"c"])).result(10)
    assert values_of(reader.read(0, 1)) == [(2, b"c")]
    assert len(reader.quarantined()) == 1


def test_payloads_that_are_no_batch_are_passed_over(open_store, monkeypatch) -> None:
    stream = open_store().open("s")
    with monkeypatch.context() as broken:
        broken.setattr("madang.stream.pending._message", lambda *_: pa.py_buffer(b"not arrow" * 9))
        for _ in range(3):
            stream.submit(record_batch([b"a"])).result(10)
    stream.submit(record_batch([b"b"])).result(10)
    assert values_of(stream.read(0, 0, max_bytes=1)) == [(3, b"b")]
    assert len(stream.quarantined()) == 3


def test_waiting_for_another_process(open_store) -> None:
    here, there = open_store().open("s"), open_store().open("s")
    assert not there.wait(0, 0, 0.01)
    append = threading.Timer(0.05, lambda: here.submit(record_batch([b"a"])))
    append.start()
    assert there.wait(0, 0, 10)
    assert there.wait(0, 0, 0)
    append.join()
    began = time.monotonic()
    assert not there.wait(0, 1, 30, stop=lambda: True)
    assert time.monotonic() - began < 5


def test_a_reader_in_a_stream_that_is_closed_is_told(open_store) -> None:
    stream = open_store().open("s")
    reader = stream._parts[0].reader
    stream.close()
    with pytest.raises(UnavailableError, match="closed"):
        reader.read(0, 1)
