"""From what a statement calls a table to the table: names, time travel, rights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

import duckdb

from madang.core.clock import from_us
from madang.core.errors import DeniedError, InvalidInputError, NotFoundError
from madang.core.names import DEFAULT_NAMESPACE, SYSTEM_NAMESPACE, unknown
from madang.query.guard import table_refs
from madang.query.lexer import Token, tokenize
from madang.query.rewrite import Rewritten, place
from madang.query.statement import NamedTable, Statement
from madang.query.syntax import Parser
from madang.query.travel import TravelClause


@dataclass(frozen=True, slots=True)
class Target:
    """A table at a moment: ``as_of`` is a snapshot id, a time, or None for now."""

    table: str
    as_of: int | datetime | None


def resolve(named: NamedTable, known: Sequence[str], sql: bytes) -> str:
    """The full name of a table: unqualified names mean ``lake.``, then ``system.``.

    Raises:
        NotFoundError: There is none; the hint has the near match.
    """
    parts = [part.lower() for part in named.path]
    candidates = (
        [f"{DEFAULT_NAMESPACE}.{parts[0]}", f"{SYSTEM_NAMESPACE}.{parts[0]}"]
        if len(parts) == 1
        else [".".join(parts)]
    )
    tables = set(known)
    for candidate in candidates:
        if candidate in tables:
            return candidate
    written = ".".join(named.path)
    if _is_file(parts[-1]):
        raise NotFoundError(
            f"there is no table {written!r}",
            hint="files are not read by name; collect them into a stream first",
            where=place(sql, named.start),
        )
    missing = unknown(
        "table",
        written,
        [*known, *(name.split(".", 1)[1] for name in known)] if len(parts) == 1 else known,
        otherwise=_otherwise(parts),
    )
    raise NotFoundError(missing.message, hint=missing.hint, where=place(sql, named.start))


def _is_file(name: str) -> bool:
    return "." in name or "/" in name


def _otherwise(parts: Sequence[str]) -> str:
    if parts[0] in ("information_schema", "pg_catalog") or parts[0].startswith("duckdb"):
        return "SHOW TABLES lists tables, DESCRIBE <table> their columns"
    return "SHOW TABLES lists the tables"


def moment(
    travel: TravelClause, parser: Parser, values: Mapping[str, Any], sql: bytes
) -> int | datetime:
    """The snapshot id or the time that a time-travel clause means.

    Raises:
        InvalidInputError: It is neither, or not constant.
    """
    where = place(sql, travel.expression_start)
    kind = "BIGINT" if travel.by_version else "TIMESTAMPTZ"
    written = travel.expression if travel.by_version else _with_zones(travel.expression)
    text = f"({written}\n)::{kind}"
    expression = text if travel.by_version else f"epoch_us({text})"
    try:
        tree = parser.parse(Rewritten(f"SELECT {expression}".encode()))
    except InvalidInputError as error:
        raise InvalidInputError(error.message, where=where) from None
    if table_refs(tree, Rewritten(sql)):
        raise DeniedError("the moment of time travel must be a constant", where=where)
    used = {name: value for name, value in values.items() if _uses(travel.expression, name)}
    try:
        value = parser.evaluate(expression, used)
    except duckdb.Error as error:
        message = str(error).split("\n", 1)[0]
        raise InvalidInputError(
            f"{travel.expression} is not a {'snapshot id' if travel.by_version else 'time'}"
            f" ({message})",
            hint="TIMESTAMP '2026-01-31 12:00:00' or a snapshot id, both shown with the table",
            where=where,
        ) from None
    if value is None:
        raise InvalidInputError("the moment of time travel is NULL", where=where)
    try:
        return int(value) if travel.by_version else from_us(value)
    except (OverflowError, ValueError):
        raise InvalidInputError(
            f"{travel.expression} is out of the range of times", where=where
        ) from None


def _with_zones(expression: str) -> str:
    """``expression``, where ``TIMESTAMP '…Z'`` and other offsets mean what they say.

    SQL's ``TIMESTAMP`` drops it, so that a time pasted from an answer would be taken for one in the
    project's zone. As ``TIMESTAMPTZ`` it counts, and a time without one means the same as before.
    """
    tokens = tokenize(expression.encode())
    if any(one.is_word("AT") and two.is_word("TIME") for one, two in pairwise(tokens)):
        return expression  # The zone is said.
    found = bytearray(expression.encode())
    for at in reversed(range(len(tokens))):
        if tokens[at].is_word("TIMESTAMP", "DATETIME") and _is_of_text(tokens, at):
            found[tokens[at].start : tokens[at].end] = b"TIMESTAMPTZ"
    return found.decode()


def _is_of_text(tokens: Sequence[Token], at: int) -> bool:
    """Whether the type at ``at`` is that of a text: ``T '…'``, ``'…'::T`` or ``CAST('…' AS T)``."""
    if tokens[at + 1 : at + 2] and tokens[at + 1].kind == "string":
        return True
    before = tokens[max(0, at - 2) : at]
    return (
        len(before) == 2
        and before[0].kind == "string"
        and (before[1].text == "::" or before[1].is_word("AS"))
    )


def _uses(expression: str, name: str) -> bool:
    return any(
        token.kind == "param" and token.text == f"${name}"
        for token in tokenize(expression.encode())
    )


def targets(
    statement: Statement, known: Sequence[str], parser: Parser, values: Mapping[str, Any]
) -> list[tuple[NamedTable, Target]]:
    """Each table of the statement with what it means.

    Raises:
        NotFoundError: A table does not exist.
        InvalidInputError: A moment is not one.
    """
    found = []
    for named in statement.tables:
        table = resolve(named, known, statement.sql)
        as_of = moment(named.travel, parser, values, statement.sql) if named.travel else None
        found.append((named, Target(table, as_of)))
    return found
