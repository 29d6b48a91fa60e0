"""The engine, and what DuckDB's own errors must not do to it."""

import duckdb
import pyarrow as pa
import pytest

from madang.process.engine import Engine

BREAKS = pa.table({"x": pa.array([2**62], pa.timestamp("s"))})


def test_an_error_inside_duckdb_costs_nobody_else():
    engine = Engine()
    for _ in range(3):
        with pytest.raises(duckdb.Error):
            engine.query("SELECT to_json(x) FROM t", t=BREAKS)
        assert engine.query("SELECT 1 AS a").column("a").to_pylist() == [1]


def test_tables_are_forgotten_when_a_query_fails():
    engine = Engine()
    with pytest.raises(duckdb.Error):
        engine.query("SELECT nonsense FROM t", t=BREAKS)
    with pytest.raises(duckdb.Error, match="does not exist"):
        engine.query("SELECT * FROM t")


def test_an_error_that_quotes_half_a_character_is_an_error_of_duckdb():
    engine = Engine()
    for shift in range(3):
        text = pa.table({"v": ["x" * shift + "가나다 로그 메시지 " * 40]})
        with pytest.raises(duckdb.InvalidInputException):
            engine.query("SELECT json_keys(v) FROM t", t=text)
