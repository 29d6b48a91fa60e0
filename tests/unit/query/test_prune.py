from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from madang.query import Column, PinnedTable
from madang.query.prune import comparisons, needed
from madang.query.statement import read_statement
from madang.query.syntax import Parser
from unit.query.conftest import NOON_US, House, order_rows

DAYS = 4


def files_read(house: House, sql: str, params: dict[str, object] | None = None) -> int:
    """How many of the table's files the plan of ``sql`` needs."""
    parser = Parser("Asia/Seoul")
    statement = read_statement(sql, parser)
    pinned = house.door.catalog.pin("lake.orders")
    held = comparisons(statement).get(statement.tables[0].start, [])
    return len(needed(pinned, held, parser, params or {}).files)


@pytest.fixture
def days(house: House) -> House:
    for day in range(DAYS):
        house.deliver(order_rows(day * 10, 10, day=day), reached=(day + 1) * 10)
    return house


@pytest.mark.parametrize(
    ("condition", "files"),
    [
        ("_time >= TIMESTAMPTZ '2026-01-03 00:00:00+00'", 2),
        ("_time >= TIMESTAMP '2026-01-02 00:00:00'", 3),
        ("_time >= '2026-01-03'", 2),
        ("_time BETWEEN DATE '2026-01-02' AND DATE '2026-01-03'", 1),
        ("TIMESTAMPTZ '2026-01-02 00:00:00+00' > o._time", 1),
        ("_time > now() - INTERVAL '1 hour'", 0),
        ("_time < now()", DAYS),
        ("amount = 25", 1),
        ("amount IN (1, 2, 35)", 2),
        ("amount < 10 AND item = 'item 3'", 1),
        ("amount < 10 OR item = 'item 3'", DAYS),
        ("amount < 9.5", DAYS),
        ("amount = '25'", DAYS),
        ("price > 1000", DAYS),
        ("item > 'k'", 0),
        ("item = 'item 3'", DAYS),
        ("amount + 1 = 25", DAYS),
        ("NOT amount = 25", DAYS),
        ("amount = (SELECT 25)", DAYS),
        ("amount = random()", DAYS),
        ("other.amount = 25", DAYS),
        ("amount = $n", 1),
        ("amount = NULL", DAYS),
        ("nothing = 5", DAYS),
    ],
)
def test_files_that_no_row_can_come_from_are_left_out(
    days: House, condition: str, files: int
) -> None:
    params: dict[str, object] = {"n": 25} if "$n" in condition else {}
    assert files_read(days, f"SELECT * FROM orders o WHERE {condition}", params) == files


@pytest.mark.parametrize(
    ("sql", "files"),
    [
        ("FROM orders o JOIN range(3) r ON true WHERE o.amount = 5", 1),
        ("FROM orders o JOIN range(3) r ON true WHERE amount = 5", DAYS),
        ("FROM range(3) r LEFT JOIN orders o ON true WHERE o.amount = 5", DAYS),
        ("FROM orders o LEFT JOIN range(3) r ON true WHERE o.amount = 5", 1),
        ("FROM orders o FULL JOIN range(3) r ON true WHERE o.amount = 5", DAYS),
        ("SELECT * FROM (FROM orders) WHERE amount = 5", DAYS),
        ("SELECT * FROM (FROM orders WHERE amount = 5)", 1),
        ("WITH x AS (FROM orders WHERE amount = 5) FROM x, x AS y", 1),
        ("SELECT (SELECT max(item) FROM orders WHERE amount = 5)", 1),
        ("FROM orders TABLESAMPLE 10% WHERE amount = 5", DAYS),
        ("FROM orders o(amount, x) WHERE amount = 5", DAYS),
    ],
)
def test_only_conditions_that_every_row_passes_count(days: House, sql: str, files: int) -> None:
    assert files_read(days, sql) == files


def test_a_table_that_is_read_twice_keeps_its_files(days: House) -> None:
    sql = "SELECT (SELECT count(*) FROM orders WHERE amount = 5) a, (SELECT count(*) FROM orders) b"
    assert days.rows(sql) == [{"a": 1, "b": 40}]
    assert days.rows("SELECT sum(amount)::INT s FROM orders WHERE amount > 38") == [{"s": 39}]
    later = NOON_US + 2 * 86_400_000_000
    sql = "SELECT count(*) n FROM orders WHERE _time >= make_timestamptz($t)"
    assert days.rows(sql, params={"t": later}) == [{"n": 20}]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    bounds=st.lists(st.tuples(st.integers(-5, 5), st.integers(0, 4)), min_size=2, max_size=5),
    sign=st.sampled_from(["=", "<", "<=", ">", ">="]),
    value=st.integers(-7, 12),
    mirrored=st.booleans(),
)
def test_no_file_with_a_matching_row_is_left_out(
    parser: Parser, bounds: list[tuple[int, int]], sign: str, value: int, mirrored: bool
) -> None:
    files = [(low, low + width) for low, width in bounds]
    table = PinnedTable(
        "lake.t",
        (Column("a", pa.int64(), 1),),
        tuple(str(number) for number in range(len(files))),
        pa.schema([]),
        bounds=lambda position, column: files[position],
    )
    condition = f"{value} {sign} a" if mirrored else f"a {sign} {value}"
    statement = read_statement(f"FROM t WHERE {condition}", parser)
    held = comparisons(statement)[statement.tables[0].start]
    kept = set(needed(table, held, parser, {}).files)
    python = condition.replace(" = ", " == ")
    for number, (low, high) in enumerate(files):
        matches = any(eval(python, {"a": a}) for a in range(low, high + 1))
        assert (str(number) in kept) or not matches


@pytest.fixture(scope="module")
def parser() -> Parser:
    return Parser()
