"""Whatever is typed, the answer is rows or a plain error, at a place within the text."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from madang.core.errors import MadangError
from madang.query.lexer import tokenize
from madang.query.rewrite import Rewritten, Splice
from unit.query.conftest import House, order_rows

VOCABULARY = """SELECT FROM WHERE orders lake.orders amount * ( ) , ; 'x' "orders" $$ $a ? 1 1.5
    + - = < AS AT FOR SYSTEM_TIME SYSTEM_VERSION OF (VERSION => now() TIMESTAMP '2026-01-01' WITH x
    JOIN ON true
    UNION ALL GROUP BY ORDER LIMIT -- /* */ EXPLAIN DESCRIBE SUMMARIZE SHOW TABLES PIVOT IN USING
    count(*) [ ] { } : :: e'\\' 한글 😀 \u00a0 \ufeff NULL range(3) unnest([1]) lambda TABLE VALUES
    read_text('/etc/passwd') CASE END EXISTS OVER LATERAL RECURSIVE SELECT FROM orders"""
WORDS = st.sampled_from(VOCABULARY.split(" "))
BEGINNINGS = st.sampled_from(
    ["", "SELECT ", "FROM orders ", "SELECT * FROM orders FOR SYSTEM_TIME AS OF ", "EXPLAIN FROM "]
)
TYPED = (st.tuples(BEGINNINGS, st.lists(WORDS, max_size=14).map(" ".join)).map("".join)) | st.text(
    max_size=40
)
RELAXED = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def stocked(house: House) -> House:
    house.deliver(order_rows(0, 3), reached=3)
    return house


@RELAXED
@given(sql=TYPED)
def test_any_text_gets_rows_or_a_plain_error(stocked: House, sql: str) -> None:
    try:
        stocked.ask(sql, timeout_s=5)
    except MadangError as error:
        assert error.status in (400, 403, 404, 408, 413), sql
        if error.where and error.where.line:
            lines = sql.split("\n")
            assert error.where.line <= len(lines)
            assert error.where.column <= len(lines[error.where.line - 1]) + 1
        assert "root:" not in str(error)


@RELAXED
@given(sql=TYPED.map(str.encode))
def test_tokens_are_parts_of_the_text_in_order(sql: bytes) -> None:
    position = 0
    for token in tokenize(sql):
        assert position <= token.start < token.end <= len(sql)
        assert sql[token.start : token.end].decode("utf-8", "replace") == token.text
        position = token.end


@RELAXED
@given(
    text=st.binary(max_size=30),
    cuts=st.lists(st.tuples(st.integers(0, 30), st.binary(max_size=4)), max_size=4),
)
def test_positions_lead_back(text: bytes, cuts: list[tuple[int, bytes]]) -> None:
    places = sorted({min(at, len(text)) for at, _ in cuts})
    splices = [
        Splice(start, end, new)
        for (start, end), (_, new) in zip(zip(places[::2], places[1::2], strict=False), cuts)  # noqa: B905
    ]
    rewritten = Rewritten(text, splices)
    for position in range(len(rewritten.text)):
        back = rewritten.back(position)
        assert 0 <= back <= len(text)
        within = any(splice.start == back for splice in splices)
        assert within or rewritten.text[position] == text[back]
