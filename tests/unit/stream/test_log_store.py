"""Opening streams: names, partitions that grow, schemas that widen."""

import os
import shutil

import pyarrow as pa
import pytest

from madang.core.errors import ConflictError, InvalidInputError, NotFoundError, UnavailableError
from madang.stream import RECORD_SCHEMA, LogStore, Origin
from madang.testing.records import record_batch, values_of
from madang.testing.stream_contract import read_all

NARROW = pa.schema([pa.field("id", pa.int64(), nullable=False), pa.field("name", pa.string())])
WIDE = NARROW.append(pa.field("city", pa.string()))


def test_streams_are_opened_once_and_listed(open_store) -> None:
    store = open_store()
    assert store.names() == []
    stream = store.open("orders")
    assert store.open("orders") is store.get("orders") is stream
    store.open("system.logs")
    store.open("orders.dead")
    assert store.names() == ["orders", "orders.dead", "system.logs"]
    with pytest.raises(NotFoundError, match="did you mean 'orders'"):
        store.get("order")


@pytest.mark.parametrize("name", ["", "../x", "A", "a/b", ".hidden", "a" * 100])
def test_a_bad_name_is_refused(open_store, name: str) -> None:
    store = open_store()
    for use in (store.open, store.get):
        with pytest.raises(InvalidInputError):
            use(name)
    assert store.names() == []


def test_partitions_grow_and_never_shrink(open_store) -> None:
    here, there = open_store(), open_store()
    stream = here.open("s", partitions=2)
    stream.submit(record_batch([b"a"]), partition=1).result(10)
    assert there.open("s").partitions == 2
    assert there.open("s", partitions=4) is there.open("s")
    assert stream.partitions == 2
    assert here.open("s").partitions == 4
    assert stream.submit(record_batch([b"b"]), partition=3).result(10).base_offset == 0
    with pytest.raises(InvalidInputError, match="has 4 partitions, 2 were asked"):
        here.open("s", partitions=2)
    with pytest.raises(InvalidInputError):
        here.open("s", partitions=0)


def test_a_schema_may_widen(open_store) -> None:
    here, there = open_store(), open_store()
    stream, other = here.open("t", NARROW), there.open("t")
    old = pa.RecordBatch.from_pydict({"id": [1], "name": ["a"]}, schema=NARROW)
    new = pa.RecordBatch.from_pydict({"id": [2], "name": ["b"], "city": ["x"]}, schema=WIDE)
    stream.submit(old).result(10)
    with pytest.raises(InvalidInputError, match="city"):
        stream.submit(new).result(10)
    assert here.open("t", WIDE).schema.equals(WIDE)
    stream.submit(new).result(10)
    # Who has not heard of it yet appends to the wider segment, and reads it.
    other.submit(old).result(10)
    stream.submit(old).result(10)
    assert len(list((stream.path / "p0000").glob("*.seg"))) == 2
    rows = [row for chunk in read_all(stream) for row in chunk.batch.to_pylist()]
    assert rows == [
        {"id": 1, "name": "a", "city": None},
        {"id": 2, "name": "b", "city": "x"},
        {"id": 1, "name": "a", "city": None},
        {"id": 1, "name": "a", "city": None},
    ]
    assert [row["id"] for chunk in read_all(other) for row in chunk.batch.to_pylist()] == [
        1,
        2,
        1,
        1,
    ]
    assert there.open("t", NARROW).schema.equals(WIDE)


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (pa.schema([pa.field("id", pa.int64(), nullable=False)]), None),
        (NARROW.set(1, pa.field("name", pa.int64())), "name: string → int64"),
        (WIDE.set(2, pa.field("city", pa.string(), nullable=False)), "new and not null city"),
        (pa.schema([pa.field("name", pa.string()), pa.field("x", pa.int8())]), "missing id"),
    ],
)
def test_another_schema_conflicts(open_store, schema: pa.Schema, message: str | None) -> None:
    store = open_store()
    store.open("t", NARROW)
    if message is None:
        assert store.open("t", schema).schema.equals(NARROW)
        return
    with pytest.raises(ConflictError, match=message):
        store.open("t", schema)


def test_a_schema_that_no_single_batch_holds_is_refused(open_store) -> None:
    dictionary = pa.dictionary(pa.int32(), pa.string())
    for kind in (dictionary, pa.list_(dictionary)):
        with pytest.raises(InvalidInputError, match="dictionary"):
            open_store().open("t", pa.schema([pa.field("a", kind)]))


def test_metadata_of_a_batch_does_not_matter(open_store) -> None:
    stream = open_store().open("s")
    batch = record_batch([b"a"]).replace_schema_metadata({"pandas": "…"})
    for _ in range(3):
        stream.submit(batch).result(10)
    assert len(list((stream.path / "p0000").glob("*.seg"))) == 1
    assert stream.read(0, 0)[0].batch.schema.equals(RECORD_SCHEMA, check_metadata=True)


def test_a_closed_store_and_a_closed_stream(open_store) -> None:
    store = open_store()
    stream = store.open("s")
    stream.close()
    assert store.get("s") is not stream
    assert store.open("s").submit(record_batch([b"a"])).result(10).base_offset == 0
    store.close()
    with pytest.raises(UnavailableError):
        store.open("s")
    with pytest.raises(UnavailableError):
        stream.read(0, 0)


def test_a_forked_child_is_told_to_open_its_own(open_store) -> None:
    store = open_store()
    stream = store.open("s")
    stream.submit(record_batch([b"a"])).result(10)
    child = os.fork()
    if child == 0:
        error = stream.submit(record_batch([b"b"])).exception(5)
        os._exit(0 if isinstance(error, UnavailableError) and "fork" in str(error) else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert stream.bounds(0).end == 1


@pytest.mark.parametrize("codec", ["lz4", "zstd"])
def test_bodies_may_be_compressed(open_store, codec: str) -> None:
    stream = open_store(compression=codec).open("s")
    stream.submit(record_batch([b"x" * 1000] * 100), origin=Origin("key:a", 1)).result(10)
    assert stream.bounds(0).size_bytes < 50_000
    assert [value for _, value in values_of(read_all(open_store().open("s")))] == [
        b"x" * 1000
    ] * 100


def test_lag_and_groups(open_store) -> None:
    stream = open_store().open("s", partitions=2)
    stream.submit(record_batch([b"a"] * 5), partition=0).result(10)
    stream.submit(record_batch([b"a"] * 3), partition=1).result(10)
    assert (stream.lag("lake"), stream.groups()) == (8, [])
    stream.commit("lake", {0: 4, 1: 99})
    assert (stream.lag("lake"), stream.groups()) == (1, ["lake"])


@pytest.mark.parametrize("content", [None, b"", b"{", b'{"name": "t"}', b"\xff" * 50])
def test_a_lost_description_is_taken_from_the_segments(
    open_store, caplog: pytest.LogCaptureFixture, content: bytes | None
) -> None:
    store = open_store()
    stream = store.open("t", NARROW, partitions=3)
    row = pa.RecordBatch.from_pydict({"id": [1], "name": ["a"]}, schema=NARROW)
    stream.submit(row, partition=1).result(10)
    path = stream.path / "stream.json"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    store = open_store()
    assert store.names() == ["t"]
    assert not store.recover().quarantined
    stream = store.get("t")
    assert (stream.partitions, stream.schema) == (3, NARROW)
    assert "taken from the segments" in caplog.text
    assert store.open("t", NARROW, partitions=4).partitions == 4
    assert open_store().open("t").partitions == 4
    assert stream.read(1, 0)[0].batch.to_pylist() == [{"id": 1, "name": "a"}]


def test_a_folder_that_is_removed_under_a_running_platform(open_store, monkeypatch) -> None:
    monkeypatch.setattr("madang.stream.log_stream._LOOK_EVERY_S", 0.0)
    store = open_store()
    stream = store.open("s")
    stream.submit(record_batch([b"a"])).result(10)
    shutil.rmtree(stream.path)
    with pytest.raises(UnavailableError, match="was removed or replaced while Madang runs"):
        stream.submit(record_batch([b"b"])).result(10)
    with LogStore(store.root, min_free_bytes=0) as other:
        other.open("s").submit(record_batch([b"c"])).result(10)
    with pytest.raises(UnavailableError, match="was removed or replaced"):
        stream.submit(record_batch([b"d"])).result(10)
