"""Keys to partitions: stable for ever, and the same again for a batch that is sent again."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang.core.errors import InvalidInputError
from madang.stream import LogStream, Origin, append_partitioned, partition_of
from madang.stream.partitioning import hash_keys
from madang.testing.records import record_batch, values_of
from madang.testing.stream_contract import read_all

_M = 0x9E3779B97F4A7C15


def hash_by_the_book(key: bytes) -> int:
    total = sum((byte + 1) * pow(_M, at + 1, 2**64) for at, byte in enumerate(key)) % 2**64
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        total = (total ^ total >> shift) * factor % 2**64
    return total ^ total >> 31


@given(keys=st.lists(st.none() | st.binary(max_size=20)), skip=st.integers(0, 3))
def test_the_hash_is_the_documented_one(keys: list[bytes | None], skip: int) -> None:
    hashed = hash_keys(pa.array(keys, pa.binary()).slice(skip))
    for key, found in zip(keys[skip:], hashed.tolist(), strict=True):
        assert key is None or found == hash_by_the_book(key)


def test_the_hash_never_changes() -> None:
    # Where keys lie is on disk: a change here breaks the order of records in every stream.
    keys = (b"", b"a", b"user-1", "사용자".encode())
    assert [partition_of(key, 64) for key in keys] == [hash_by_the_book(key) % 64 for key in keys]
    assert hash_keys(pa.array(["a"])).tolist() == [17189161910051005891]


def batch_of(count: int, users: int = 40) -> tuple[pa.RecordBatch, pa.Array]:
    keys = [b"user-%d" % (number % users) for number in range(count)]
    batch = record_batch([b"%d" % number for number in range(count)], keys=keys)
    return batch, batch.column("key")


def append(stream: LogStream, batch: pa.RecordBatch, keys: pa.Array | None, origin=None):
    futures = append_partitioned(stream, batch, keys, origin=origin)
    return [future.result(10) for future in futures]


def test_records_of_one_key_stay_together_and_in_order(open_store) -> None:
    stream = open_store().open("s", partitions=4)
    batch, keys = batch_of(400)
    answers = append(stream, batch, keys)
    assert [answer.partition for answer in answers] == [0, 1, 2, 3]
    assert sum(answer.count for answer in answers) == 400
    for partition in range(4):
        values = [int(value) for _, value in values_of(read_all(stream, partition))]
        assert values == sorted(values)
        assert {partition_of(b"user-%d" % (value % 40), 4) for value in values} == {partition}


def test_a_batch_sent_again_after_partitions_were_added(open_store) -> None:
    store = open_store()
    stream = store.open("s", partitions=2)
    batch, keys = batch_of(100)
    origin = Origin("key:one", 1)
    first = append(stream, batch, keys, origin)
    store.open("s", partitions=5)
    again = append(stream, batch, keys, origin)
    assert all(answer.duplicate for answer in again)
    assert [(a.partition, a.base_offset, a.count) for a in again] == [
        (a.partition, a.base_offset, a.count) for a in first
    ]
    assert sum(stream.bounds(number).end for number in range(5)) == 100
    fresh = append(stream, batch, keys, Origin("key:two", 1))
    assert len(fresh) == 5


def test_a_batch_that_was_appended_in_part_is_completed(open_store) -> None:
    store = open_store()
    stream = store.open("s", partitions=3)
    batch, keys = batch_of(90)
    origin = Origin("key:one", 1)
    first = append(stream, batch, keys, origin)[0]
    # As if the process had died before the other parts were written.
    other = store.open("other", partitions=3)
    part = stream.read(first.partition, 0)[0].batch
    other.submit(part, partition=first.partition, origin=origin, split=3).result(10)
    store.open("other", partitions=8)
    answers = append(other, batch, keys, origin)
    assert [answer.duplicate for answer in answers] == [True, False, False]
    assert sum(other.bounds(number).end for number in range(8)) == 90


def test_without_keys_a_batch_stays_together(open_store) -> None:
    stream = open_store().open("s", partitions=3)
    batch = record_batch([b"a", b"b"])
    turns = [append(stream, batch, None)[0].partition for _ in range(6)]
    assert sorted(turns) == [0, 0, 1, 1, 2, 2]
    named = {append(stream, batch, None, Origin("file:a", n))[0].partition for n in (1, 2, 3)}
    assert len(named) == 1


def test_records_without_a_key_go_with_the_producer(open_store) -> None:
    stream = open_store().open("s", partitions=4)
    batch = record_batch([b"a", b"b", b"c"], keys=[None, b"k", None])
    origin = Origin("key:x", 1)
    append(stream, batch, batch.column("key"), origin)
    home = partition_of(b"key:x", 4)
    assert b"a" in {value for _, value in values_of(read_all(stream, home))}
    assert append(stream, batch, batch.column("key"), origin)[0].duplicate


def test_keys_that_do_not_match_the_records(open_store) -> None:
    stream = open_store().open("s", partitions=2)
    with pytest.raises(InvalidInputError, match="1 keys were given for 2 records"):
        append(stream, record_batch([b"a", b"b"]), pa.array([b"k"]))
