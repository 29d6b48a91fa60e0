"""What a user's text asks for: its tables, where they stand, their time travel, its parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from madang.core.errors import InvalidInputError
from madang.query.guard import TableRef, table_refs
from madang.query.lexer import Token, tokenize
from madang.query.rewrite import Rewritten, Splice, place
from madang.query.syntax import MAX_SQL_BYTES, Node, Parser, position_of, walk
from madang.query.table_calls import TableCall, table_calls
from madang.query.travel import TravelClause, travel_clauses

_BEFORE_UNPLACED = ("DESCRIBE", "DESC", "SUMMARIZE", "TABLE", "PIVOT", "UNPIVOT")


@dataclass(frozen=True, slots=True)
class NamedTable:
    """A table where the statement names it: bytes ``start`` to ``end`` of the user's text."""

    path: tuple[str, ...]
    start: int
    end: int
    travel: TravelClause | None


@dataclass(frozen=True, slots=True)
class Statement:
    """A parsed statement.

    ``splices`` make it plain SQL. ``kind`` is ``select``, ``explain`` (``prefix`` then holds
    ``EXPLAIN`` or ``EXPLAIN ANALYZE``) or ``show_tables``. ``root`` is its syntax tree. ``params``
    are those that stay when views have taken the places of ``calls``.
    """

    sql: bytes
    kind: str
    prefix: str
    root: Node
    tables: tuple[NamedTable, ...]
    splices: tuple[Splice, ...]
    params: frozenset[str]
    calls: tuple[TableCall, ...] = ()


def read_statement(text: str, parser: Parser) -> Statement:
    """Parse what a user wrote.

    Raises:
        InvalidInputError: It does not parse, or is not one reading statement.
        DeniedError: It names a function or construct that reaches outside.
    """
    sql = _bytes(text)
    tokens = tokenize(sql)
    while tokens and tokens[-1].text == ";":
        tokens.pop()
    if not tokens:
        raise InvalidInputError("the SQL is empty", hint="write a SELECT")
    splices = [Splice(tokens[-1].end, len(sql), b"")]
    if _is_show_tables(tokens):
        return Statement(sql, "show_tables", "", {}, (), (), frozenset())
    prefix = ""
    if tokens[0].is_word("EXPLAIN"):
        count = 2 if len(tokens) > 1 and tokens[1].is_word("ANALYZE") else 1
        prefix = "EXPLAIN ANALYZE" if count == 2 else "EXPLAIN"
        splices.append(Splice(tokens[0].start, tokens[count - 1].end, b""))
        tokens = tokens[count:]
    splices += _numbered(tokens)
    clauses = [_renumbered(clause, sql, splices) for clause in travel_clauses(sql, tokens)]
    masked = [splice for splice in splices if not _within(splice, clauses)]
    masked += [Splice(clause.start, clause.end, b" ") for clause in clauses]
    plain = Rewritten(sql, masked)
    root = parser.parse(plain)
    refs = table_refs(root, plain)
    calls = table_calls(root, plain, tokens, clauses)
    tables = _named(refs, plain, tokens, clauses)
    params = frozenset(
        str(node["identifier"])
        for node in walk(root)
        if node.get("class") == "PARAMETER" and not _in_a_call(node, plain, calls)
    )
    kind = "explain" if prefix else "select"
    return Statement(sql, kind, prefix, root, tables, tuple(masked), params, calls)


def _bytes(text: str) -> bytes:
    try:
        sql = text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInputError("the SQL is not valid Unicode") from error
    if len(sql) > MAX_SQL_BYTES:
        raise InvalidInputError(
            f"the SQL has {len(sql)} bytes, at most {MAX_SQL_BYTES} are taken",
            hint="pass values as parameters",
        )
    if b"\0" in sql:
        raise InvalidInputError("the SQL holds a NUL byte", where=place(sql, sql.index(b"\0")))
    return sql


def _is_show_tables(tokens: Sequence[Token]) -> bool:
    words = [token.text.upper() for token in tokens if token.kind == "word"]
    return len(words) == len(tokens) and words in (["SHOW", "TABLES"], ["SHOW", "ALL", "TABLES"])


def _numbered(tokens: Sequence[Token]) -> list[Splice]:
    """``?`` becomes ``$1``, ``$2``, …: numbers survive when a part of the text is taken out."""
    marks = [token for token in tokens if token.kind == "param" and token.text == "?"]
    return [
        Splice(token.start, token.end, b"$%d" % number)
        for number, token in enumerate(marks, start=1)
    ]


def _renumbered(clause: TravelClause, sql: bytes, splices: Sequence[Splice]) -> TravelClause:
    start = clause.expression_start
    size = len(clause.expression.encode())
    inside = [
        Splice(splice.start - start, splice.end - start, splice.text)
        for splice in splices
        if start <= splice.start < start + size
    ]
    text = Rewritten(sql[start : start + size], inside).text.decode()
    return replace(clause, expression=text)


def _within(splice: Splice, clauses: Sequence[TravelClause]) -> bool:
    return any(clause.start <= splice.start < clause.end for clause in clauses)


def _named(
    refs: Sequence[TableRef],
    plain: Rewritten,
    tokens: Sequence[Token],
    clauses: Sequence[TravelClause],
) -> tuple[NamedTable, ...]:
    index_at = {token.start: index for index, token in enumerate(tokens)}
    placed: list[tuple[TableRef, int]] = []
    for ref in refs:
        if ref.start is not None:
            at = plain.back(ref.start)
            if at not in index_at:
                raise InvalidInputError(
                    f"the table {'.'.join(ref.path)!r} is written in a way that is not understood",
                    hint="write it plainly, or in double quotes",
                    where=place(plain.original, at),
                )
            placed.append((ref, index_at[at]))
        else:
            placed += [(ref, index) for index in _unplaced(ref, tokens)]
    found: dict[int, NamedTable] = {}
    left = list(clauses)
    for ref, index in placed:
        last = index + 2 * (len(ref.path) - 1)
        clause = _clause_behind(tokens, last, left)
        if clause:
            left.remove(clause)
        start = tokens[index].start
        found.setdefault(start, NamedTable(ref.path, start, tokens[last].end, clause))
    if left:
        raise InvalidInputError(
            "time travel belongs directly behind the name of a table",
            hint="FROM lake.orders FOR SYSTEM_TIME AS OF TIMESTAMP '2026-01-31 12:00:00'",
            where=place(plain.original, left[0].start),
        )
    return tuple(found[start] for start in sorted(found))


def _unplaced(ref: TableRef, tokens: Sequence[Token]) -> list[int]:
    """Where a table stands whose node carries no position, as behind DESCRIBE."""
    length = 2 * len(ref.path) - 1
    found = []
    for index, (before, _) in enumerate(pairwise(tokens), start=1):
        parts = tokens[index : index + length]
        if (
            before.is_word(*_BEFORE_UNPLACED)
            and len(parts) == length
            and all(part.is_name for part in parts[::2])
            and all(part.text == "." for part in parts[1::2])
            and tuple(part.name for part in parts[::2]) == ref.path
        ):
            found.append(index)
    if not found:
        raise InvalidInputError(f"write the table {'.'.join(ref.path)!r} behind FROM")
    return found


def _clause_behind(
    tokens: Sequence[Token], last: int, clauses: Sequence[TravelClause]
) -> TravelClause | None:
    """The clause that follows the name ending at token ``last``, an alias in between or not."""
    starts = {clause.start: clause for clause in clauses}
    position = last + 1
    for _ in range(3):
        if position >= len(tokens):
            return None
        if clause := starts.get(tokens[position].start):
            return clause
        if not tokens[position].is_name or tokens[position].is_word("JOIN", "WHERE", "ON"):
            return None
        position += 1
    return None


def bound_params(
    statement: Statement, given: Mapping[str, Any] | Sequence[Any] | None
) -> dict[str, Any]:
    """The values by parameter name; lists are named ``1``, ``2``, ….

    Raises:
        InvalidInputError: A value is missing, or one is not used anywhere.
    """
    values = (
        dict(given)
        if isinstance(given, Mapping)
        else {str(number): value for number, value in enumerate(given or (), start=1)}
    )
    travelling = {
        token.text[1:]
        for named in statement.tables
        if named.travel
        for token in tokenize(named.travel.expression.encode())
        if token.kind == "param" and token.text != "?"
    }
    wanted = statement.params.union(travelling, *(call.params for call in statement.calls))
    if missing := sorted(wanted - values.keys()):
        names = ", ".join(f"${name}" for name in missing)
        raise InvalidInputError(
            f"no value was given for {names}",
            hint='"params": {"name": value} for $name, [value, …] for ?',
            where=place(statement.sql, _param_position(statement.sql, missing[0])),
        )
    if extra := sorted(values.keys() - wanted):
        used = ", ".join(f"${name}" for name in sorted(wanted)) or "none"
        raise InvalidInputError(
            f"the SQL does not use the parameter{'s' if len(extra) > 1 else ''} "
            + ", ".join(f"${name}" for name in extra),
            hint=f"it uses {used}",
        )
    return values


def _in_a_call(node: Node, plain: Rewritten, calls: Sequence[TableCall]) -> bool:
    position = position_of(node)
    at = -1 if position is None else plain.back(position)
    return any(call.start <= at < call.end for call in calls)


def _param_position(sql: bytes, name: str) -> int | None:
    marks = [token for token in tokenize(sql) if token.kind == "param"]
    for number, token in enumerate(marks, start=1):
        if token.text == f"${name}" or (token.text == "?" and str(number) == name):
            return token.start
    return None
