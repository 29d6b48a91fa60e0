"""Time travel: finds ``FOR SYSTEM_TIME AS OF …`` and its kin and takes them out of the text.

What stays parses as plain SQL; the clauses are handed back with their positions. Taken:
``FOR SYSTEM_TIME AS OF <expression>``, ``FOR SYSTEM_VERSION AS OF <id>`` (also ``FOR TIMESTAMP``
and ``FOR VERSION``), DuckDB's ``AT (TIMESTAMP => …)`` and ``AT (VERSION => …)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from madang.core.errors import InvalidInputError
from madang.query.lexer import Token
from madang.query.rewrite import place


@dataclass(frozen=True, slots=True)
class TravelClause:
    """A clause at the bytes ``start`` to ``end``; ``expression`` says when, or which snapshot."""

    start: int
    end: int
    by_version: bool
    expression: str
    expression_start: int


def travel_clauses(sql: bytes, tokens: Sequence[Token]) -> list[TravelClause]:
    """The time-travel clauses of ``sql``, in order.

    Raises:
        InvalidInputError: A clause is cut short.
    """
    found: list[TravelClause] = []
    index = 0
    while index < len(tokens):
        clause = _sql_standard(sql, tokens, index) or _duckdb(sql, tokens, index)
        if clause:
            found.append(clause)
            while index < len(tokens) and tokens[index].start < clause.end:
                index += 1
        else:
            index += 1
    return found


def _sql_standard(sql: bytes, tokens: Sequence[Token], index: int) -> TravelClause | None:
    head = tokens[index : index + 4]
    if len(head) < 4 or not (
        head[0].is_word("FOR")
        and head[1].is_word("SYSTEM_TIME", "SYSTEM_VERSION", "TIMESTAMP", "VERSION")
        and head[2].is_word("AS")
        and head[3].is_word("OF")
    ):
        return None
    by_version = head[1].is_word("SYSTEM_VERSION", "VERSION")
    end = _expression_end(tokens, index + 4)
    if end is None:
        what = "a snapshot id" if by_version else "a time"
        raise InvalidInputError(
            f"{what} is missing behind FOR {head[1].text.upper()} AS OF",
            hint="FOR SYSTEM_TIME AS OF TIMESTAMP '2026-01-31 12:00:00' or"
            " FOR SYSTEM_VERSION AS OF 123",
            where=place(sql, head[3].end),
        )
    return _clause(sql, head[0].start, tokens[end - 1].end, tokens[index + 4 : end], by_version)


def _duckdb(sql: bytes, tokens: Sequence[Token], index: int) -> TravelClause | None:
    head = tokens[index : index + 4]
    if len(head) < 4 or not (
        head[0].is_word("AT")
        and head[1].text == "("
        and head[2].is_word("VERSION", "TIMESTAMP")
        and head[3].text == "=>"
    ):
        return None
    close = closing(tokens, index + 1)
    if close is None or close == index + 4:
        raise InvalidInputError(
            "AT (…) is cut short",
            hint="AT (VERSION => 123) or AT (TIMESTAMP => …)",
            where=place(sql, head[0].start),
        )
    by_version = head[2].is_word("VERSION")
    return _clause(sql, head[0].start, tokens[close].end, tokens[index + 4 : close], by_version)


def _clause(
    sql: bytes, start: int, end: int, tokens: Sequence[Token], by_version: bool
) -> TravelClause:
    first, last = tokens[0], tokens[-1]
    expression = sql[first.start : last.end].decode("utf-8", "replace")
    return TravelClause(start, end, by_version, expression, first.start)


def closing(tokens: Sequence[Token], index: int) -> int | None:
    """The index of the parenthesis that closes the one at ``index``."""
    depth = 0
    for at in range(index, len(tokens)):
        if tokens[at].kind == "symbol":
            depth += {"(": 1, ")": -1}.get(tokens[at].text, 0)
            if depth == 0:
                return at
    return None


def _expression_end(tokens: Sequence[Token], index: int) -> int | None:
    """The index behind ``operand (+|- operand)*`` that begins at ``index``, or None."""
    end = _operand_end(tokens, index)
    while end is not None and end < len(tokens) and tokens[end].text in ("+", "-"):
        end = _operand_end(tokens, end + 1)
    return end


def _operand_end(tokens: Sequence[Token], index: int) -> int | None:
    if index >= len(tokens):
        return None
    token, following = tokens[index], tokens[index + 1 : index + 2]
    end: int | None = None
    if token.text == "(":
        close = closing(tokens, index)
        end = None if close is None else close + 1
    elif token.kind in ("string", "number", "param"):
        end = index + 1
    elif token.is_word("INTERVAL") and following:
        end = _operand_end(tokens, index + 1)
        if end is not None and end < len(tokens) and _is_unit(tokens[end]):
            end += 1
    elif token.is_word("TIMESTAMP", "TIMESTAMPTZ", "DATE") and following:
        end = index + 2 if following[0].kind == "string" else None
    elif token.kind == "word" and following and following[0].text == "(":
        close = closing(tokens, index + 1)
        end = None if close is None else close + 1
    elif token.is_name and not token.is_word("WHERE", "JOIN", "GROUP", "ORDER", "LIMIT", "AS"):
        # CURRENT_TIMESTAMP; a column is refused when it is evaluated, with a better message.
        end = index + 1
    while end is not None and end + 1 < len(tokens) and tokens[end].text == "::":
        end += 2
    return end


def _is_unit(token: Token) -> bool:
    return token.kind == "word" and token.text.lower().rstrip("s") in {
        "microsecond", "millisecond", "second", "minute", "hour", "day", "week", "month",
        "quarter", "year",
    }  # fmt: skip
