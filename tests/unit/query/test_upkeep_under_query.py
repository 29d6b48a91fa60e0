"""A query that takes longer than old files live: they stay until it is through."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import nullcontext, suppress

import pyarrow as pa
import pytest

from madang.core.clock import ManualClock
from madang.core.errors import MadangError
from madang.lake import Lake, Readers, Reading, Upkeep
from madang.project import CompactionSpec, TableSpec
from madang.query import Identity, QueryRequest, ResultFormat
from unit.query.conftest import House, order_rows

FILES, ROWS = 24, 20_000
SPEC = TableSpec(name="lake.orders", compaction=CompactionSpec(min_files=2), keep_snapshots=1)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(time.time_ns() // 1000)


@pytest.fixture
def filled(house: House, clock: ManualClock) -> House:
    house.reading = Reading(house.data.readers, clock)
    for number in range(FILES):
        rows = order_rows(number * ROWS, ROWS)
        # Long texts that do not shrink: DuckDB must not have read it all with the first bytes.
        text = [f"{hash((number, row)):x}" * 8 for row in range(ROWS)]
        rows = rows.set_column(rows.schema.get_field_index("item"), "item", pa.array(text))
        house.deliver(rows, reached=(number + 1) * ROWS)
    return house


def tidy(house: House, clock: ManualClock, *, lock: bool) -> list[str]:
    """Hours and days of upkeep; the names of what it did."""
    lake = Lake(house.data, clock=clock)
    oldest = Readers(house.data.readers).oldest_s if lock else lambda: None
    upkeep = Upkeep(lake, spec_of=lambda _: SPEC, reading_since_s=oldest)
    done = []
    for _ in range(12):
        clock.advance(7200)
        while (report := upkeep.poll().report) is not None:
            done.append(type(report).__name__)
    lake.close()
    assert upkeep.state.errors == {}
    return done


def parquet_files(house: House) -> int:
    return len(list(house.data.lake.rglob("*.parquet")))


def slow_count(house: House, clock: ManualClock, *, lock: bool) -> tuple[int, int]:
    """Rows of a query in whose midst compaction, expiry and the sweep of orphans run.

    Also how many files are left while it runs.
    """
    request = QueryRequest(
        sql="SELECT * FROM orders", identity=Identity("kim"), format=ResultFormat.NDJSON
    )
    with house.door.answer(request) as answer:
        pieces: Iterator[object] = iter(answer.pieces)
        found = bytes(next(pieces)).count(b"\n")  # type: ignore[call-overload]
        assert found < FILES * ROWS / 2
        done = tidy(house, clock, lock=lock)
        assert {"CompactionReport", "ExpiryReport", "OrphanReport"} <= set(done)
        left = parquet_files(house)
        # Files that DuckDB had opened can be read although they are gone; how many, it decides.
        with nullcontext() if lock else suppress(MadangError):
            found += sum(bytes(piece).count(b"\n") for piece in pieces)  # type: ignore[call-overload]
    return found, left


def test_files_stay_under_a_slow_query_and_go_after_it(filled: House, clock: ManualClock) -> None:
    assert slow_count(filled, clock, lock=True) == (FILES * ROWS, FILES + 1)
    tidy(filled, clock, lock=True)
    assert parquet_files(filled) == 1
    assert filled.rows("SELECT count(*) AS n FROM orders") == [{"n": FILES * ROWS}]


def test_without_that_they_would_go(filled: House, clock: ManualClock) -> None:
    _, left = slow_count(filled, clock, lock=False)
    assert left == 1
