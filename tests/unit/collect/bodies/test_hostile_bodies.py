"""Small bodies that would take gigabytes: refused with 413 before anything grows."""

from __future__ import annotations

import json
import os
import random
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import numpy as np
import psutil
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang.collect import ContentFormat, split_body
from madang.collect.bodies import ipc_claims, json_body
from madang.collect.bodies.json_body import split_json
from madang.collect.bodies.limits import MAX_RECORDS
from madang.core.errors import InvalidInputError, MadangError, TooLargeError

LIMIT_BYTES = 8 * 2**20
"""Of a body, in these tests."""
ROOM_BYTES = 400 * 2**20


def split(body: bytes, media: ContentFormat = ContentFormat.ARROW, **options: object):
    return split_body(
        body,
        media=media,
        max_record_size_bytes=2**20,
        arrived_at_us=0,
        max_body_bytes=LIMIT_BYTES,
        **options,
    )


@contextmanager
def little_memory() -> Iterator[None]:
    """Fails if this process grows by more than ``ROOM_BYTES`` meanwhile."""
    process, done, peak = psutil.Process(), threading.Event(), [0]
    before = process.memory_info().rss

    def watch() -> None:
        while not done.wait(0.002):
            peak[0] = max(peak[0], process.memory_info().rss)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
    assert peak[0] - before < ROOM_BYTES


def packed(table: pa.Table | pa.RecordBatch, *, file: bool = False, codec: str | None = None):
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=codec)
    make = pa.ipc.new_file if file else pa.ipc.new_stream
    with make(sink, table.schema, options=options) as writer:
        writer.write(table)
    return sink.getvalue().to_pybytes()


def dictionary() -> pa.Table:
    codes = pa.array(np.zeros(1_000_000, np.int8))
    return pa.table({"x": pa.DictionaryArray.from_arrays(codes, ["y" * 100_000])})


def nested_dictionary() -> pa.Table:
    codes = pa.array(np.zeros(1_000_000, np.int8))
    inner = pa.DictionaryArray.from_arrays(codes, ["y" * 1000])
    return pa.table({"x": pa.ListArray.from_arrays(pa.array([0, 1_000_000], pa.int32()), inner)})


def run() -> pa.Table:
    ends = pa.array([2_000_000], pa.int32())
    return pa.table({"x": pa.RunEndEncodedArray.from_arrays(ends, pa.array(["y" * 100_000]))})


def list_of_a_run() -> pa.Table:
    ends = pa.array([2**31 - 1], pa.int32())
    inner = pa.RunEndEncodedArray.from_arrays(ends, pa.array([1]))
    return pa.table({"x": pa.ListArray.from_arrays(pa.array([0, 2**31 - 1], pa.int32()), inner)})


def list_of_nulls() -> pa.Table:
    offsets = pa.array([0, 2**31 - 2], pa.int32())
    return pa.table({"x": pa.ListArray.from_arrays(offsets, pa.nulls(2**31 - 2))})


def fixed_list_of_nulls() -> pa.Table:
    return pa.table({"x": pa.FixedSizeListArray.from_arrays(pa.nulls(2**31 - 2), 2**30 - 1)})


def rows_of_nothing() -> pa.Table:
    return pa.table({"x": pa.nulls(2**31 - 2)})


def bits() -> pa.Table:
    inner = pa.Array.from_buffers(pa.bool_(), 2**25, [None, pa.py_buffer(bytes(2**22))])
    return pa.table({"x": pa.ListArray.from_arrays(pa.array([0, 2**25], pa.int32()), inner)})


def long_names() -> pa.Table:
    return pa.table({"n" * 100_000: pa.nulls(1_000_000, pa.int8())})


def views() -> pa.Table:
    long = b"y" * 100_000
    one = struct.pack("<i4sii", len(long), long[:4], 0, 0)
    buffers = [None, pa.py_buffer(one * 100_000), pa.py_buffer(long)]
    return pa.table({"x": pa.Array.from_buffers(pa.string_view(), 100_000, buffers)})


def list_views() -> pa.Table:
    inner = pa.array(np.zeros(100_000, np.int64))
    offsets, sizes = np.zeros(10_000, np.int32), np.full(10_000, 100_000, np.int32)
    return pa.table({"x": pa.ListViewArray.from_arrays(offsets, sizes, inner)})


def many_columns() -> pa.Table:
    return pa.table({f"c{i}": pa.nulls(1) for i in range(1000)})


BOMBS = [
    dictionary,
    nested_dictionary,
    run,
    list_of_a_run,
    list_of_nulls,
    fixed_list_of_nulls,
    rows_of_nothing,
    bits,
    long_names,
    views,
    list_views,
]


@pytest.mark.parametrize("make", BOMBS, ids=lambda make: make.__name__)
@pytest.mark.parametrize("typed", [False, True])
def test_arrow_bodies_that_say_much_in_few_bytes(make: Callable[[], pa.Table], typed: bool) -> None:
    table = make()
    body = packed(table)
    assert len(body) < LIMIT_BYTES
    options = {"schema": pa.schema([("x", pa.string())])} if typed else {}
    with little_memory(), pytest.raises(TooLargeError) as caught:
        split(body, **options)
    assert "more than" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("codec", ["zstd", "lz4"])
@pytest.mark.parametrize("file", [False, True])
def test_compressed_arrow_bombs(codec: str, file: bool) -> None:
    table = pa.table({"x": pa.array(np.zeros(5_000_000, np.int64))})
    body = packed(table.slice(0, 2_000_000), file=file, codec=codec)
    many = packed(table, file=file, codec=codec)
    with little_memory():
        with pytest.raises(TooLargeError, match="rows"):
            split(many)
        with pytest.raises(TooLargeError, match="in memory"):
            split(body)


@pytest.mark.parametrize("codec", [None, "zstd", "lz4"])
@pytest.mark.parametrize("file", [False, True])
def test_honest_arrow_bodies_come_through(codec: str | None, file: bool) -> None:
    words = pa.array(["a", "b", None] * 1000).dictionary_encode()
    table = pa.table({"n": range(3000), "s": words, "l": [[1, 2]] * 3000})
    found = split(packed(table, file=file, codec=codec))
    assert found.batch.num_rows == 3000
    assert found.batch.column("value")[2999].as_py() == b'{"n":2999,"s":null,"l":[1,2]}'


def test_texts_that_escapes_make_six_times_as_long() -> None:
    # Just within the limit as they are.
    table = pa.table({"x": ["\x01" * 3000] * 10_000})
    with little_memory(), pytest.raises(TooLargeError, match="as JSON"):
        split(packed(table, codec="zstd"))
    assert split(packed(table.slice(0, 1000))).batch.num_rows == 1000


def test_a_claim_that_lies_allocates_nothing() -> None:
    body = bytearray(packed(pa.table({"x": np.zeros(1000, np.int64)}), codec="zstd"))
    at = body.index(struct.pack("<q", 8000))
    for claim in (2**62, 2**40, 2**33):
        body[at : at + 8] = struct.pack("<q", claim)
        with little_memory(), pytest.raises(TooLargeError):
            split(bytes(body))
    body[at : at + 8] = struct.pack("<q", 7000)
    with pytest.raises(InvalidInputError, match="not Arrow IPC"):
        split(bytes(body))


def test_offsets_beyond_64_bits_are_damage() -> None:
    body = packed(pa.table({"x": np.zeros(1000, np.int64)}), codec="zstd")
    for at in range(len(body) - 7):
        with suppress(MadangError):
            split(body[:at] + struct.pack("<q", 2**63 - 1) + body[at + 8 :])


def test_a_batch_that_a_file_names_a_thousand_times_counts_a_thousand_times() -> None:
    body = packed(pa.table({"x": np.zeros(10_000, np.int64)}), file=True, codec="zstd")
    with little_memory(), pytest.raises(TooLargeError):
        split(_naming_often(body, 2000))


@pytest.mark.parametrize(("columns", "named", "most"), [(1000, 5000, 1100), (1, 70_000, 2**16 + 1)])
def test_claims_are_read_only_until_they_are_too_many(
    monkeypatch: pytest.MonkeyPatch, columns: int, named: int, most: int
) -> None:
    looked_at, batch = [0], ipc_claims._batch

    def counted(*args: memoryview) -> ipc_claims.Claims | None:
        looked_at[0] += 1
        return batch(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(ipc_claims, "_batch", counted)
    batch_of_many = pa.record_batch({f"c{i}": pa.nulls(0, pa.int8()) for i in range(columns)})
    body = packed(batch_of_many, file=True)
    with little_memory(), pytest.raises(TooLargeError, match=r"columns in all|batches"):
        split(_naming_often(body, named))
    assert 0 < looked_at[0] <= most


def test_very_many_empty_batches() -> None:
    empty = pa.record_batch({"x": pa.array([], pa.int8())})
    one, two = (_batches(empty, count) for count in (1, 2))
    message = two[len(one) - 8 : -8]
    crafted = one[:-8] + message * 70_000 + one[-8:]
    with little_memory(), pytest.raises(TooLargeError, match="65,536 batches"):
        split(crafted)
    assert split(_batches(pa.record_batch({"x": [1]}), 2000)).batch.num_rows == 2000


def _batches(batch: pa.RecordBatch, count: int) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        for _ in range(count):
            writer.write(batch)
    return sink.getvalue().to_pybytes()


def _naming_often(body: bytes, times: int) -> bytes:
    """The IPC file ``body``, its footer naming its only batch ``times``."""
    size = struct.unpack("<i", body[-10:-6])[0]
    footer = bytearray(body[-10 - size : -10])
    view = memoryview(bytes(footer))
    slot = ipc_claims._field(view, ipc_claims._root(view), 3)
    (block,) = _blocks(bytes(footer))
    # A new vector behind all the rest, 8-byte aligned behind its length.
    footer += bytes(-(len(footer) + 4) % 8)
    struct.pack_into("<I", footer, slot, len(footer) - slot)
    footer += struct.pack("<I", times) + block * times
    return body[: -10 - size] + bytes(footer) + struct.pack("<i", len(footer)) + b"ARROW1"


def _blocks(footer: bytes) -> list[bytes]:
    """The record batches of a footer: a vector of 24-byte structs, found by its first offsets."""
    view = memoryview(footer)
    at = ipc_claims._vector(view, ipc_claims._field(view, ipc_claims._root(view), 3))
    count = ipc_claims._int(view, at)
    return [footer[at + 4 + 24 * i : at + 28 + 24 * i] for i in range(count)]


def test_many_small_batches_of_many_columns() -> None:
    sink = pa.BufferOutputStream()
    table = many_columns()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        for _ in range(1100):
            writer.write(table)
    with little_memory(), pytest.raises(TooLargeError, match="columns in all batches"):
        split(sink.getvalue().to_pybytes())


@pytest.mark.parametrize("element", [b"1", b"{}", b'""', b"[]"])
def test_json_arrays_of_very_many_elements(element: bytes) -> None:
    count = LIMIT_BYTES * 4 // (len(element) + 1)
    with little_memory(), pytest.raises(TooLargeError, match="2,097,152 elements"):
        split(b"[" + (element + b",") * count + element + b"]", ContentFormat.JSON)


def test_commas_inside_of_elements_are_no_elements() -> None:
    inner = b'{"a":[' + b"1," * 1_500_000 + b'1],"s":"\\"' + b"," * 1_000_000 + b'"}'
    assert len(split_json(b"[" + inner + b"," + inner + b"]")) == 2


@pytest.mark.parametrize("media", [ContentFormat.NDJSON, ContentFormat.PLAIN, ContentFormat.CSV])
def test_very_many_lines(media: ContentFormat) -> None:
    with little_memory(), pytest.raises(TooLargeError, match="2,097,152 lines"):
        split(b"1\n" * (MAX_RECORDS + 2), media)
    assert split(b"1\n" * 100_000, media).batch.num_rows >= 99_999


def test_empty_records_of_a_wide_typed_stream() -> None:
    schema = pa.schema([(f"c{i}", pa.int64()) for i in range(1000)])
    with little_memory(), pytest.raises(TooLargeError, match="in memory"):
        split(b"{}\n" * 1_000_000, ContentFormat.NDJSON, schema=schema)


def test_a_time_that_duckdb_cannot_say_costs_only_its_body() -> None:
    for _ in range(3):
        with pytest.raises(InvalidInputError):
            split(packed(pa.table({"t": pa.array([2**62], pa.timestamp("s"))})))
        assert split(packed(pa.table({"a": [1]}))).batch.num_rows == 1


json_values = st.recursive(
    st.none() | st.integers(0, 9) | st.text(alphabet='",[]{}\\a', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=8,
)


@given(elements=st.lists(json_values, min_size=1, max_size=12), block=st.integers(1, 40))
def test_elements_are_counted_block_by_block_property(elements: list[object], block: int) -> None:
    text = json.dumps(elements).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_body, "_BLOCK_BYTES", block)
        assert json_body._elements_up_to(text, 10**9) == len(elements)


def mutated(body: bytes, seed: int) -> bytes:
    chance = random.Random(seed)
    damaged = bytearray(body)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(damaged))
        kind = chance.random()
        if kind < 0.5:
            damaged[at] = chance.randrange(256)
        elif kind < 0.8:
            value = chance.choice([0, 1, -1, 2**31 - 1, -(2**31), 2**62, 7, 255])
            damaged[at : at + 8] = struct.pack("<q", value)[: len(damaged[at : at + 8])]
        else:
            del damaged[at : at + chance.randint(1, 64)]
            damaged = damaged or bytearray(1)
    return bytes(damaged)


SEEDS = [
    (pa.table({"x": list(range(50)), "s": ["ab", None] * 25}), False, None),
    (pa.table({"x": list(range(50)), "s": ["ab", None] * 25}), True, "zstd"),
    (
        pa.table({"d": pa.array(["a", "b"] * 20).dictionary_encode(), "l": [[1], None] * 20}),
        False,
        "lz4",
    ),
    (
        pa.table({"m": [{"a": {"b": 1}}, None], "t": pa.array([1, 2], pa.timestamp("ns"))}),
        True,
        None,
    ),
]


@pytest.mark.hypothesis
@pytest.mark.parametrize("which", range(len(SEEDS)))
def test_fuzz_damaged_arrow_bodies(which: int) -> None:
    table, file, codec = SEEDS[which]
    body = packed(table, file=file, codec=codec)
    more = int(os.environ.get("MADANG_FUZZ", "1"))
    end = time.monotonic() + 1.5 * more
    with little_memory():
        for seed in range(2000 * more):
            with suppress(MadangError):
                split(mutated(body, seed))
            if time.monotonic() > end:
                break
