"""What a fresh read promises while records come in and are delivered."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from madang.lake import row_buffer
from madang.lake.decoder import Decoded
from madang.lake.lineage import Source
from madang.lake.widening import widen
from madang.process import StreamDecoder
from madang.project.system import QUERY_HISTORY
from madang.query import QUERY_HISTORY_SCHEMA, lake_catalog
from madang.query.encode import answer_stats
from madang.query.history import history_row
from madang.stream import Chunk, LogStore
from unit.query.conftest import House


def deliver(house: House) -> None:
    """Move what the stream holds into the table, as delivery does."""
    stream = house.store.get("orders")
    exists = house.lake.exists("lake.orders")
    table = house.lake.table("lake.orders") if exists else None
    offset = table.offsets().get("orders/0", 0) if table else 0
    chunks = stream.read(0, offset)
    if not chunks:
        return
    decoder = StreamDecoder(
        house.project.streams["orders"], zone="Asia/Seoul", project_dir=house.project.directory
    )
    rows = decoder.decode(chunks, table.schema if table else None).rows
    house.deliver(rows, reached=chunks[-1].end_offset)


def test_each_acknowledged_record_counts_once_at_every_moment(house: House) -> None:
    house.append(b'{"amount":0}')
    acknowledged = 1
    stop = threading.Event()
    failed: list[Exception] = []

    def keep_delivering() -> None:
        try:
            while not stop.is_set():
                deliver(house)
        except Exception as error:  # noqa: BLE001 - shown below
            failed.append(error)

    def keep_appending() -> None:
        nonlocal acknowledged
        try:
            while not stop.is_set():
                house.append(*[b'{"amount":1}'] * 7)
                acknowledged += 7
        except Exception as error:  # noqa: BLE001 - shown below
            failed.append(error)

    threads = [threading.Thread(target=work) for work in (keep_delivering, keep_appending)]
    for thread in threads:
        thread.start()
    try:
        seen = 0
        for _ in range(25):
            before = acknowledged
            [row] = house.rows("SELECT count(*) AS n, count(DISTINCT _offset) AS d FROM orders")
            n, distinct = int(str(row["n"])), int(str(row["d"]))
            assert n == distinct
            assert n >= before
            assert n >= seen
            seen = n
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failed == []
    assert house.rows("SELECT count(*) AS n FROM orders") == [{"n": acknowledged}]


def test_a_typed_stream_has_all_its_columns_from_the_first_record_on(house: House) -> None:
    stream = house.store.open(QUERY_HISTORY, QUERY_HISTORY_SCHEMA)
    assert house.rows("SELECT error_code, tables FROM system.query_history") == []
    row = {"ts": 1, "query_id": "a", "user": "kim"}
    stream.submit(pa.RecordBatch.from_pylist([row], schema=QUERY_HISTORY_SCHEMA)).result(10)
    sql = "SELECT user, error_code, tables, rows + 1 AS r FROM system.query_history"
    assert house.rows(sql) == [{"user": "kim", "error_code": None, "tables": None, "r": None}]


def test_a_backlog_too_large_for_one_read_is_told(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lake_catalog, "MAX_FRESH_BYTES", 1)
    for _ in range(2):
        house.append(*[b'{"amount":1,"note":"%s"}' % (b"x" * 900_000)] * 10)
    assert house.rows("SELECT count(*) AS n FROM orders") == [{"n": 10}]
    finished = house.finished[-1]
    assert finished.stats.fresh_incomplete == ["lake.orders"]
    assert answer_stats(finished.stats)["fresh_incomplete"] == ["lake.orders"]
    assert history_row(finished)["fresh_incomplete"] == ["lake.orders"]
    deliver(house)
    deliver(house)
    assert house.rows("SELECT count(*) AS n FROM orders") == [{"n": 20}]
    assert "fresh_incomplete" not in answer_stats(house.finished[-1].stats)


def test_a_stream_that_is_not_the_tables_is_left_out_until_it_is_adopted(house: House) -> None:
    rows = pa.table(
        {
            "_time": pa.array([0], pa.timestamp("us", "UTC")),
            "_partition": pa.array([0], pa.int32()),
            "_offset": pa.array([0], pa.int64()),
            "amount": pa.array([7], pa.int64()),
            "_rest": pa.nulls(1, pa.string()),
        }
    )
    house.append(b'{"amount":1}', b'{"amount":2}')
    table = house.lake.create("lake.orders", rows.schema)
    another = {"orders": Source("another", {0: 1})}
    table.commit(rows, expected={}, reached={"orders/0": 1}, sources=another)
    assert house.rows("SELECT amount FROM orders") == [{"amount": 7}]
    assert house.finished[-1].stats.fresh_incomplete == ["lake.orders"]
    house.store.get("orders").take_the_place_of("another", {})
    found = house.rows("SELECT amount FROM orders ORDER BY amount")
    assert found == [{"amount": 1}, {"amount": 2}, {"amount": 7}]
    assert house.finished[-1].stats.fresh_incomplete == []


def test_broken_records_do_not_break_a_query(house: House) -> None:
    house.append(b'{"amount":1}', b"\xff\xfe", b"{", b"", b"[1]", b'{"amount":2}', b"null")
    house.append(b'{"amount":"text now"}', b'{"a":' * 500 + b"1" + b"}" * 500)
    found = house.rows("SELECT amount FROM orders WHERE amount IS NOT NULL ORDER BY amount")
    assert found == [{"amount": 1}, {"amount": 2}]


def test_columns_that_differ_in_case_do_not_break_a_table(house: House) -> None:
    house.append(b'{"Id":1,"id":2,"s":{"x":1,"X":2}}', b'{"ID":3}')
    assert len(house.rows("FROM orders")) == 2
    deliver(house)
    house.append(b'{"iD":4,"select":1,"a b":2,"\\"q\\"":3,"":5}')
    assert len(house.rows("FROM orders")) == 3


def test_a_stream_that_is_made_anew_is_read_anew(house: House, tmp_path: Path) -> None:
    house.append(*[b'{"amount":1}'] * 5)
    assert house.rows("SELECT count(*) AS n FROM orders") == [{"n": 5}]
    other = House(tmp_path / "other")
    other.append(b'{"amount":1}')
    assert other.rows("SELECT count(*) AS n FROM orders") == [{"n": 1}]
    other.close()


def test_a_log_made_anew_that_outgrew_the_old_one_gives_no_old_rows(house: House) -> None:
    house.append(*[b'{"amount":1}'] * 3)
    counted = "SELECT sum(amount)::INT AS s FROM orders"
    assert house.rows(counted) == [{"s": 3}]
    # Made anew with more records than before, while no query looked and the store was closed.
    catalog = house.door.catalog
    assert isinstance(catalog, lake_catalog.LakeCatalog)
    catalog.store.close()
    catalog._store = None
    house.store.close()
    shutil.rmtree(house.data.streams / "orders")
    house.store = LogStore(house.data.streams, min_free_bytes=0)
    house.append(*[b'{"amount":2}'] * 5)
    assert house.rows(counted) == [{"s": 10}]


@pytest.fixture
def fragile(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A decoder that breaks on records that say so; how many records each of its runs had."""
    sizes, decode = [], StreamDecoder.decode

    def breaking(
        decoder: StreamDecoder, chunks: Sequence[Chunk], schema: pa.Schema | None
    ) -> Decoded:
        sizes.append(sum(chunk.batch.num_rows for chunk in chunks))
        for chunk in chunks:
            if any(b"poison" in value.as_py() for value in chunk.batch.column("value")):
                raise ValueError("cannot be decoded")
        return decode(decoder, chunks, schema)

    monkeypatch.setattr(StreamDecoder, "decode", breaking)
    return sizes


def test_a_record_that_breaks_the_decoder_is_left_out_and_told(
    house: House, fragile: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    house.append(*[b'{"amount":1}'] * 5, b"poison", *[b'{"amount":2}'] * 5)
    counted = "SELECT count(*) AS n, sum(amount)::INT AS s FROM orders"
    assert house.rows(counted) == [{"n": 10, "s": 15}]
    assert house.finished[-1].stats.fresh_incomplete == ["lake.orders"]
    assert "offset 5 of orders/0" in caplog.text
    # Still so when its neighbours are taken as they were decoded, and others follow.
    house.append(b'{"amount":3}')
    fragile.clear()
    assert house.rows(counted) == [{"n": 11, "s": 18}]
    assert house.finished[-1].stats.fresh_incomplete == ["lake.orders"]
    assert fragile == [1]


def test_a_broken_decoder_fails_the_query(house: House, fragile: list[int]) -> None:
    house.append(*[b"poison"] * 9)
    with pytest.raises(ValueError, match="cannot be decoded"):
        house.rows("SELECT count(*) AS n FROM orders")


def test_a_large_fresh_part_is_decoded_in_runs_with_one_schema(
    house: House, fragile: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_buffer, "_RUN_RECORDS", 4)
    first = [b'{"a":1,"o":{"x":%d}}' % n for n in range(6)]
    second = [b'{"b":"t","o":{"y":%d}}' % n for n in range(6)]
    house.append(*first, *second)
    sql = "SELECT a, b, o.x AS x, o.y AS y FROM orders ORDER BY _offset"
    expected = [{"a": 1, "b": None, "x": n, "y": None} for n in range(6)]
    expected += [{"a": None, "b": "t", "x": None, "y": n} for n in range(6)]
    assert house.rows(sql) == expected
    assert max(fragile) <= 4
    assert house.finished[-1].stats.fresh_incomplete == []
    # What comes later finds a field of its own in the struct, too.
    house.append(b'{"o":{"x":7,"z":8}}')
    assert house.rows("SELECT o.z AS z FROM orders WHERE o.x = 7") == [{"z": 8}]
    assert house.rows(sql)[:12] == expected


@pytest.mark.parametrize("large", [False, True])
def test_fractions_in_a_column_of_whole_numbers_as_delivery_will_have_them(
    house: House, large: bool
) -> None:
    house.append(b'{"amount":%d}' % (2**53 + 1 if large else 2))
    deliver(house)
    house.append(b'{"amount":0.25}', b'{"amount":4}')
    house.append(b'{"amount":0.5}')
    rows = house.rows("SELECT amount, typeof(amount) AS t, _rest FROM orders ORDER BY _offset")
    if large:
        assert [row["amount"] for row in rows][1:] == [None, 4, None]
        assert rows[1]["_rest"] == '{"amount":0.25}'
    else:
        assert [row["amount"] for row in rows] == [2.0, 0.25, 4.0, 0.5]
        assert {row["t"] for row in rows} == {"DOUBLE"}
        assert {row["_rest"] for row in rows} == {None}
    house.append(b'{"amount":0.75}')  # behind rows that were kept
    [row] = house.rows("SELECT count(amount) AS n FROM orders WHERE amount < 1")
    assert row["n"] == (0 if large else 3)


@pytest.mark.parametrize("seen", [True, False])
def test_fractions_behind_numbers_that_no_double_holds_do_not_fail_a_fresh_read(
    house: House, seen: bool
) -> None:
    house.append(b'{"amount":2}')
    deliver(house)
    house.append(b'{"amount":%d}' % (2**53 + 1))
    if seen:  # and kept for the next query
        found = house.rows("SELECT amount FROM orders ORDER BY _offset")
        assert [row["amount"] for row in found] == [2, 2**53 + 1]
    house.append(b'{"amount":0.25}')
    rows = house.rows("SELECT amount, _rest FROM orders ORDER BY _offset")
    assert [row["amount"] for row in rows] == [2, 2**53 + 1, None]
    assert rows[2]["_rest"] == '{"amount":0.25}'


@pytest.mark.parametrize("kept", [True, False])
def test_fractions_behind_whole_numbers_of_a_column_that_the_table_does_not_have(
    house: House, kept: bool
) -> None:
    house.append(b'{"other":1}')
    deliver(house)
    house.append(b'{"amount":2}', b'{"amount":3}')
    if kept:
        house.rows("SELECT amount FROM orders")
    house.append(b'{"amount":0.25}')
    rows = house.rows("SELECT amount, typeof(amount) AS t FROM orders ORDER BY _offset")
    assert [row["amount"] for row in rows] == [None, 2.0, 3.0, 0.25]
    assert {row["t"] for row in rows} == {"DOUBLE"}


def test_a_widening_between_pin_and_read(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.append(b'{"amount":2}')
    deliver(house)
    house.append(b'{"amount":0.25}')
    catalog = house.door.catalog
    pin = catalog.pin

    def pin_and_widen(name: str, *args: object) -> object:
        pinned = pin(name, *args)
        table = house.lake.table(name)
        widen(table, {"amount"}, expected=table.offsets())
        return pinned

    monkeypatch.setattr(catalog, "pin", pin_and_widen)
    rows = house.rows("SELECT amount FROM orders ORDER BY _offset")
    assert [row["amount"] for row in rows] == [2.0, 0.25]
