from __future__ import annotations

import json

import pyarrow as pa
import pytest

from madang.core.errors import DeadlineError, InvalidInputError, NotFoundError
from madang.query import Control, Identity, QueryRequest, ResultFormat
from unit.query.conftest import House, order_rows


def test_a_table_and_what_its_stream_holds_beyond_it_are_one(house: House) -> None:
    house.append(*(b'{"item":"old","amount":%d}' % n for n in range(10)))
    house.deliver(order_rows(0, 10), reached=10)
    house.append(b'{"item":"new","amount":10}', b'{"item":"new","amount":11,"colour":"red"}')
    found = house.rows("SELECT amount, _offset, colour FROM orders ORDER BY _offset")
    assert [row["amount"] for row in found] == list(range(12))
    assert [row["_offset"] for row in found] == list(range(12))
    assert [row["colour"] for row in found] == [None] * 11 + ["red"]


def test_the_fresh_part_is_left_out_on_request(house: House) -> None:
    house.append(b'{"amount":0}', b'{"amount":1}')
    house.deliver(order_rows(0, 1), reached=1)
    assert house.rows("SELECT count(*) AS n FROM orders") == [{"n": 2}]
    assert house.rows("SELECT count(*) AS n FROM orders", fresh=False) == [{"n": 1}]


def test_the_kept_fresh_part_grows_with_the_stream(house: House) -> None:
    house.deliver(order_rows(0, 0), reached=0)
    for count in range(1, 5):
        house.append(b'{"amount":1,"note":"n"}')
        assert house.rows("SELECT sum(amount)::INT AS n, count(note) c FROM orders") == [
            {"n": count, "c": count}
        ]
    house.append(b'{"amount":1,"note":5}')  # the new column changes its type: decoded anew
    assert house.rows("SELECT sum(amount)::INT AS n FROM orders") == [{"n": 5}]


def test_a_stream_without_a_table_reads_as_one(house: House) -> None:
    assert house.rows("FROM lake.empty") == []
    house.append(b'{"amount":7}')
    assert house.rows("SELECT amount FROM lake.orders") == [{"amount": 7}]


def test_time_travel_by_snapshot_and_by_time(house: House) -> None:
    first = house.deliver(order_rows(0, 3), reached=3)
    at = house.lake.table("lake.orders").pin().at_us
    assert at is not None
    second = house.deliver(order_rows(3, 4), reached=7)
    house.append(*[b'{"amount":1}'] * 9)
    both = f"""
        SELECT (SELECT count(*) FROM orders FOR SYSTEM_VERSION AS OF {first}) AS a,
               (SELECT count(*) FROM lake.orders AT (VERSION => {second})) AS b,
               (SELECT count(*) FROM orders) AS c"""
    assert house.rows(both) == [{"a": 3, "b": 7, "c": 9}]
    joined = f"""
        SELECT count(*) AS n FROM orders FOR SYSTEM_VERSION AS OF {first} AS old
        JOIN orders FOR SYSTEM_VERSION AS OF $new AS now USING (_offset)"""
    assert house.rows(joined, params={"new": second}) == [{"n": 3}]
    by_time = "SELECT count(*) AS n FROM orders FOR SYSTEM_TIME AS OF make_timestamptz(?) o"
    assert house.rows(by_time, params=[at]) == [{"n": 3}]
    with pytest.raises(NotFoundError, match="no state at 1999") as caught:
        house.rows("FROM orders FOR SYSTEM_TIME AS OF TIMESTAMP '2000-01-01 00:00:00'")
    assert str(caught.value.where) == "sql:1:6"
    with pytest.raises(NotFoundError, match="no snapshot 5"):
        house.rows("FROM orders FOR SYSTEM_VERSION AS OF 5")


@pytest.mark.parametrize(
    ("sql", "message", "where"),
    [
        ("SELECT amuont FROM orders", 'column "amuont" not found', "sql:1:8"),
        ("SELECT amount\nFROM ordrs", "no table 'ordrs'", "sql:2:6"),
        ("SELECT\n  '한글', amount + 'x'::INT FROM orders", "'x' to INT32", "sql:2:21"),
        ("SELECT * FROM system.nope", "no table 'system.nope'", "sql:1:15"),
        ("SELECT foo(1)", "no function 'foo'", "sql:1:8"),
        ("SELECT 1 +", "syntax error", "sql:1:10"),
        ("SELECT $a", "no value was given for $a", "sql:1:8"),
        ("SELECT ?", "no value was given for $1", "sql:1:8"),
        ("SELECT 1; SELECT 2", "one statement at a time", "sql:1:18"),
        ("SELECT 1 FOR SYSTEM_TIME AS OF now()", "time travel belongs", "sql:1:10"),
        ("FROM orders FOR SYSTEM_TIME AS OF", "a time is missing", "sql:1:34"),
        ("FROM orders FOR SYSTEM_TIME AS OF 'x'", "'x' is not a time", "sql:1:35"),
        ("FROM orders FOR SYSTEM_VERSION AS OF 'x'", "not a snapshot id", "sql:1:38"),
        ("", "the SQL is empty", None),
        (" -- nothing", "the SQL is empty", None),
    ],
)
def test_errors_say_where(house: House, sql: str, message: str, where: str | None) -> None:
    house.deliver(order_rows(0, 3), reached=3)
    with pytest.raises((InvalidInputError, NotFoundError)) as caught:
        house.ask(sql)
    assert message in caught.value.message
    assert (str(caught.value.where) if caught.value.where else None) == where


@pytest.mark.parametrize("shift", range(3))
def test_an_error_that_quotes_half_a_korean_character_is_told(house: House, shift: int) -> None:
    house.deliver(order_rows(0, 3), reached=3)
    text = "x" * shift + "가나다 로그 메시지 " * 40
    with pytest.raises(InvalidInputError, match="Malformed JSON"):
        house.ask(f"SELECT json_extract('{text}' || amount, '$.a') FROM orders")


def test_a_near_match_is_offered(house: House) -> None:
    house.deliver(order_rows(0, 3), reached=3)
    with pytest.raises(NotFoundError) as caught:
        house.ask("FROM ordrs")
    assert caught.value.hint == "did you mean 'orders'?"
    with pytest.raises(InvalidInputError) as wrong:
        house.ask("SELECT amuont FROM orders")
    assert wrong.value.hint is not None
    assert "amount" in wrong.value.hint


def test_common_table_expressions_shadow_tables(house: House) -> None:
    house.deliver(order_rows(0, 3), reached=3)
    assert house.rows("WITH orders AS (SELECT 5 AS x) FROM orders") == [{"x": 5}]
    assert house.rows("WITH orders AS (FROM lake.orders) SELECT count(*) n FROM orders") == [
        {"n": 3}
    ]
    assert house.rows("WITH orders AS (FROM orders) SELECT count(*) n FROM orders") == [{"n": 3}]


def test_statements_about_tables(house: House) -> None:
    house.deliver(order_rows(0, 3), reached=3)
    assert house.rows("SHOW TABLES") == [
        {"name": "lake.empty"}, {"name": "lake.orders"}, {"name": "system.query_history"}
    ]  # fmt: skip
    names = [row["column_name"] for row in house.rows("DESCRIBE orders;")]
    assert names == ORDERS_COLUMNS
    assert len(house.rows("SUMMARIZE lake.orders")) == len(ORDERS_COLUMNS)
    assert house.rows("EXPLAIN SELECT * FROM orders")[0]["plan"]
    assert house.rows("EXPLAIN ANALYZE SELECT $a", params={"a": 1})[0]["plan"]
    assert len(house.rows("DESCRIBE system.query_history")) == 4


ORDERS_COLUMNS = ["_time", "_partition", "_offset", "item", "amount", "price", "_rest"]


def test_parameters_are_values_never_text(house: House) -> None:
    hostile = "x' OR 1=1; --"
    assert house.rows("SELECT $v AS v", params={"v": hostile}) == [{"v": hostile}]
    assert house.rows("SELECT ? || '?' AS v, ? AS w", params=["a", 2]) == [{"v": "a?", "w": 2}]
    with pytest.raises(InvalidInputError, match=r"does not use the parameter \$b"):
        house.ask("SELECT $a", params={"a": 1, "b": 2})
    with pytest.raises(InvalidInputError, match="does not use the parameters"):
        house.ask("SELECT 1", params=[1, 2])


@pytest.mark.parametrize("options", [{"max_rows": -1}, {"timeout_s": 0}, {"timeout_s": -1.0}])
def test_senseless_limits_are_refused(house: House, options: dict[str, float]) -> None:
    with pytest.raises(InvalidInputError):
        house.ask("SELECT 1", **options)


def test_a_recorder_that_fails_fails_no_query(house: House) -> None:
    def full(finished: object) -> None:
        raise OSError(28, "No space left on device")

    house.door._record = full
    assert house.rows("SELECT 1 AS a") == [{"a": 1}]


@pytest.mark.parametrize(
    "value",
    [2**63, -(2**70), 2**127, 1.5, "x", None, True, [1, 2], {"a": [1]}, [], {}, "1" * 10**6],
)
def test_any_json_value_may_be_a_parameter(house: House, value: object) -> None:
    assert house.ask("SELECT $v AS v", params={"v": value})


def test_a_parameter_that_sql_cannot_hold_is_refused(house: House) -> None:
    with pytest.raises(InvalidInputError):
        house.ask("SELECT $v", params={"v": 10**400})


def test_results_are_cut_at_max_rows(house: House) -> None:
    answer = json.loads(house.ask("FROM range(10)", max_rows=4))
    assert answer["rows"] == [[0], [1], [2], [3]]
    assert answer["truncated"] is True
    assert json.loads(house.ask("FROM range(4)", max_rows=4))["truncated"] is False


def test_a_query_that_takes_too_long_is_ended(house: House) -> None:
    with pytest.raises(DeadlineError, match=r"longer than 0\.2 s"):
        house.ask("SELECT count(*) FROM range(1000000000000)", timeout_s=0.2)


def test_a_query_is_cancelled_from_another_thread(house: House) -> None:
    control = Control(60)
    request = QueryRequest(
        sql="FROM range(100000000000)", identity=Identity("kim"), format=ResultFormat.CSV
    )
    from madang.core.errors import CancelledError

    with (
        pytest.raises(CancelledError),
        house.door.answer(request, control) as answer,
    ):
        next(answer.pieces)
        control.cancel()
        for _ in answer.pieces:
            pass


def test_every_query_is_recorded(house: House) -> None:
    house.deliver(order_rows(0, 3), reached=3)
    house.append(b'{"amount":3}', b'{"amount":3}', b'{"amount":3}', b'{"amount":3}')
    house.ask("SELECT * FROM orders", query_id="q1")
    with pytest.raises(NotFoundError):
        house.ask("SELECT * FROM nope", query_id="q2")
    good, bad = house.finished
    assert (good.request.query_id, good.error, good.stats.rows) == ("q1", None, 4)
    assert good.stats.tables == ["lake.orders"]
    assert good.stats.fresh_rows == 1
    assert good.stats.bytes_read > 0
    assert good.stats.duration_s > 0
    assert bad.error is not None
    assert bad.error.code == "not_found"


def test_an_old_file_reads_with_the_newer_schema(house: House) -> None:
    house.deliver(order_rows(0, 2), reached=2)
    rows = order_rows(2, 1).append_column("colour", pa.array(["red"]))
    house.deliver(rows, reached=3)
    found = house.rows("SELECT amount, colour FROM orders ORDER BY amount")
    assert [row["colour"] for row in found] == [None, None, "red"]


def test_completion_knows_fresh_columns(house: House) -> None:
    house.deliver(order_rows(0, 1), reached=1)
    house.append(b"{}", b'{"colour":"red"}')
    complete = house.door.complete(Identity("kim"))
    tables = {table.name: [column.name for column in table.columns] for table in complete.tables}
    assert tables["lake.orders"] == [*ORDERS_COLUMNS, "colour"]
    assert tables["lake.empty"] == ["_time", "_partition", "_offset", "_rest"]
    assert "range" in complete.functions
    assert "read_csv" not in complete.functions
