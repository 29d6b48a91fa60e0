"""The decoder as a whole: order, offsets, dead letters, formats side by side, threads, forks."""

import os
import threading
from pathlib import Path

import pyarrow as pa
import pytest

from madang.lake.decoder import DEAD_LETTER_SCHEMA
from madang.process import StreamDecoder
from madang.project import StreamSpec
from madang.stream import Chunk
from unit.process.conftest import ARRIVAL_US, chunk_of, plain_rows


@pytest.fixture
def decoder():
    return StreamDecoder(StreamSpec(name="orders"), zone="UTC", project_dir=".")


def test_rows_and_dead_letters_keep_the_order_of_the_chunks(decoder):
    decoded = decoder.decode(
        [
            chunk_of(['{"a":1}', "x"], offset=7, partition=1, source="http"),
            chunk_of(["text", "more"], offset=3, partition=0, format="plain", path="/var/log/x"),
            chunk_of(["y", '{"a":2}'], offset=9, partition=1, source="files"),
        ],
        None,
    )
    assert plain_rows(decoded) == [{"a": 1}, {"message": "text"}, {"message": "more"}, {"a": 2}]
    assert decoded.rows.column("_partition").to_pylist() == [1, 0, 0, 1]
    assert decoded.rows.column("_offset").to_pylist() == [7, 3, 4, 10]
    assert decoded.dead.schema.equals(DEAD_LETTER_SCHEMA)
    assert [
        (e["partition"], e["offset"], e["value"], e["attributes"]) for e in decoded.dead.to_pylist()
    ] == [(1, 8, b"x", [("source", "http")]), (1, 9, b"y", [("source", "files")])]


def test_madang_s_own_columns_frame_the_data(decoder):
    rows = decoder.decode([chunk_of(['{"a":1}'])], None).rows
    assert rows.column_names == ["_time", "_partition", "_offset", "a", "_rest"]
    assert rows.schema.field("_time") == pa.field(
        "_time", pa.timestamp("us", "UTC"), nullable=False
    )
    assert rows.schema.field("_partition").type == pa.int32()
    assert rows.schema.field("_offset").type == pa.int64()


def test_nothing_in_nothing_out(decoder):
    for chunks in ([], [chunk_of([])]):
        decoded = decoder.decode(chunks, None)
        assert (decoded.rows.num_rows, decoded.dead.num_rows) == (0, 0)
        assert decoded.rows.column_names == ["_time", "_partition", "_offset", "_rest"]


def test_only_dead_letters(decoder):
    decoded = decoder.decode([chunk_of(["x", "[]", b"\xff"])], None)
    assert (decoded.rows.num_rows, decoded.dead.num_rows) == (0, 3)


def test_int32_columns_refuse_what_they_cannot_hold(decoder):
    schema = pa.schema([pa.field("n", pa.int32()), pa.field("at", pa.timestamp("us", "UTC"))])
    decoded = decoder.decode(
        [chunk_of(['{"n":1,"at":"2026-01-01T00:00:00Z"}', '{"n":3000000000,"at":"soon"}'])], schema
    )
    rows = plain_rows(decoded)
    assert (rows[0]["n"], str(rows[0]["at"])) == (1, "2026-01-01 00:00:00+00:00")
    assert rows[1] == {"_rest": '{"n":3000000000,"at":"soon"}'}
    assert decoded.rows.schema.field("n").type == pa.int32()


def test_threads_share_a_decoder(decoder):
    chunks = [chunk_of([f'{{"a":{i}}}' for i in range(500)])]
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(decoder.decode(chunks, None)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(result.rows.equals(results[0].rows) for result in results)
    assert len(results) == 4


@pytest.mark.parametrize("used", [False, True])
def test_a_forked_process_makes_its_own_connection(decoder, used):
    if used:
        decoder.decode([chunk_of(['{"a":1}'])], None)
    child = os.fork()
    if child == 0:
        rows = decoder.decode([chunk_of(['{"a":1}'])], None).rows
        os._exit(0 if rows.num_rows == 1 else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert decoder.decode([chunk_of(['{"a":1}'])], None).rows.num_rows == 1


def test_making_a_decoder_leaves_no_thread_behind():
    threads = len(list(Path("/proc/self/task").iterdir()))
    StreamDecoder(
        StreamSpec(
            name="s",
            format="regex",
            pattern="(?P<at>.*)",
            time={"field": "at", "format": "%Y"},
            contract={"schema": {"type": "object"}},
        ),
        zone="UTC",
        project_dir=".",
    )
    assert len(list(Path("/proc/self/task").iterdir())) <= threads


def test_arrival_times_stand_in(decoder):
    times = decoder.decode([chunk_of(['{"a":1}'], arrival_us=ARRIVAL_US + 5)], None).rows
    assert times.column("_time").cast(pa.int64()).to_pylist() == [ARRIVAL_US + 5]


def test_a_typed_stream_may_have_columns_named_as_those_of_a_raw_one():
    schema = pa.schema(
        [
            ("ts", pa.timestamp("us", "UTC")),
            ("key", pa.string()),
            ("headers", pa.map_(pa.string(), pa.string())),
            ("value", pa.int64()),
        ]
    )
    batch = pa.RecordBatch.from_arrays(
        [
            pa.array([ARRIVAL_US], schema.field("ts").type),
            pa.array(["k"]),
            pa.array([[("a", "b")]], schema.field("headers").type),
            pa.array([7]),
        ],
        schema=schema,
    )
    typed = StreamDecoder(StreamSpec(name="t", format="typed"), zone="UTC", project_dir=".")
    found = typed.decode([Chunk(0, 0, batch, ARRIVAL_US, {})], None)
    assert plain_rows(found) == [{"key": "k", "headers": [("a", "b")], "value": 7}]
