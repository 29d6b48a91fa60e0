"""Which files of a table a statement cannot need, from its WHERE and the files' bounds.

Correctness first: a comparison counts only where it must hold for every row that the statement
takes from the table, between a column and a constant of the same kind. Everything else keeps all
files. Doubles never count: Parquet's bounds leave NaN out, which SQL puts above every number.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb
import pyarrow as pa

from madang.query.catalog_port import PinnedTable
from madang.query.constants import is_constant
from madang.query.rewrite import Rewritten
from madang.query.statement import Statement
from madang.query.syntax import Node, Parser, position_of, walk

_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "="}
_COMPARISONS = {
    "COMPARE_EQUAL": "=",
    "COMPARE_LESSTHAN": "<",
    "COMPARE_LESSTHANOREQUALTO": "<=",
    "COMPARE_GREATERTHAN": ">",
    "COMPARE_GREATERTHANOREQUALTO": ">=",
}
_FROM_BELOW = (">", ">=")
"""What only grows between planning and running bounds from below alone."""
_PLAN_AT_LEAST = 2


@dataclass(frozen=True, slots=True)
class Comparison:
    """``column operator any of values``; the constants are syntax trees."""

    column: str
    operator: str
    constants: tuple[Node, ...]


def comparisons(statement: Statement) -> dict[int, list[Comparison]]:
    """What must hold for every row of the tables, by where they stand in the user's text."""
    plain = Rewritten(statement.sql, statement.splices)
    found: dict[int, list[Comparison]] = {}
    for node in walk(statement.root):
        if node.get("type") != "SELECT_NODE" or "where_clause" not in node:
            continue
        tables = list(_tables_of(node.get("from_table", {})))
        alone = len(tables) == 1 and node["from_table"] is tables[0]
        for table in tables:
            position = position_of(table)
            if position is None or "sample" in table or "column_name_alias" in table:
                continue
            name = _called(table)
            if sum(_called(other) == name for other in tables) > 1:
                continue
            held = list(_held(node["where_clause"], name, alone=alone))
            found.setdefault(plain.back(position), []).extend(held)
    return found


def needed(
    table: PinnedTable, held: Sequence[Comparison], parser: Parser, params: Mapping[str, Any]
) -> PinnedTable:
    """``table`` without the files that no row can come from."""
    if len(table.files) < _PLAN_AT_LEAST:
        return table
    tests = [test for one in held if (test := _test(table, one, parser, params)) is not None]
    if not tests:
        return table
    kept = [
        position
        for position in range(len(table.files))
        if all(test(*table.bounds(position, column)) for column, test in tests)
    ]
    if len(kept) == len(table.files):
        return table
    return replace(
        table,
        files=tuple(table.files[position] for position in kept),
        bounds=lambda position, column: table.bounds(kept[position], column),
    )


def _called(table: Node) -> str:
    return str(table.get("alias") or table["table_name"]).lower()


def _tables_of(source: Node) -> Iterator[Node]:
    """Tables whose every row passes the node's WHERE: not those that an outer join fills up."""
    if source.get("type") == "BASE_TABLE":
        yield source
    elif source.get("type") == "JOIN":
        kind = source.get("join_type")
        if kind in ("INNER", "LEFT", "SEMI", "ANTI") and source.get("ref_type") in (
            "REGULAR",
            "CROSS",
        ):
            yield from _tables_of(source["left"])
        if kind == "INNER" and source.get("ref_type") in ("REGULAR", "CROSS"):
            yield from _tables_of(source["right"])


def _held(condition: Node, table: str, *, alone: bool) -> Iterator[Comparison]:
    kind = condition.get("type")
    if kind == "CONJUNCTION_AND":
        for child in condition["children"]:
            yield from _held(child, table, alone=alone)
    elif kind in _COMPARISONS:
        sign = _COMPARISONS[kind]
        left, right = condition["left"], condition["right"]
        if (column := _column(left, table, alone)) and is_constant(
            right, grows=sign in _FROM_BELOW
        ):
            yield Comparison(column, sign, (right,))
        elif (column := _column(right, table, alone)) and is_constant(
            left, grows=_MIRRORED[sign] in _FROM_BELOW
        ):
            yield Comparison(column, _MIRRORED[sign], (left,))
    elif kind == "COMPARE_BETWEEN" and (column := _column(condition["input"], table, alone)):
        if is_constant(condition["lower"], grows=True):
            yield Comparison(column, ">=", (condition["lower"],))
        if is_constant(condition["upper"], grows=False):
            yield Comparison(column, "<=", (condition["upper"],))
    elif kind == "COMPARE_IN":
        first, *rest = condition["children"]
        if (column := _column(first, table, alone)) and all(
            is_constant(one, grows=False) for one in rest
        ):
            yield Comparison(column, "=", tuple(rest))


def _column(node: Node, table: str, alone: bool) -> str | None:
    if node.get("class") != "COLUMN_REF":
        return None
    names = [str(name) for name in node.get("column_names", ())]
    if len(names) == 1 and alone:
        return names[0]
    if len(names) == 2 and names[0].lower() == table:
        return names[1]
    return None


Test = Callable[[Any, Any], bool]


def _test(
    table: PinnedTable, held: Comparison, parser: Parser, params: Mapping[str, Any]
) -> tuple[str, Test] | None:
    found = [one for one in table.columns if one.name.lower() == held.column.lower()]
    if len(found) != 1:
        return None
    column = found[0]
    values = [_value(node, column.type, parser, params) for node in held.constants]
    if any(value is None for value in values):
        return None
    return column.name, _bounds_test(held.operator, values)


def _bounds_test(sign: str, values: Sequence[Any]) -> Test:
    def equal(low: Any, high: Any) -> bool:  # noqa: ANN401
        return any(
            (low is None or low <= value) and (high is None or value <= high) for value in values
        )

    def above(low: Any, high: Any) -> bool:  # noqa: ANN401
        compare = operator.gt if sign == ">" else operator.ge
        return high is None or bool(compare(high, values[0]))

    def below(low: Any, high: Any) -> bool:  # noqa: ANN401
        compare = operator.lt if sign == "<" else operator.le
        return low is None or bool(compare(low, values[0]))

    return {"=": equal, ">": above, ">=": above}.get(sign, below)


def _value(
    node: Node, type_: pa.DataType, parser: Parser, params: Mapping[str, Any]
) -> int | str | None:
    """The constant as the bounds of a column of ``type_`` are written, or None."""
    text = parser.text_of(node)
    kinds: tuple[str, ...] = ()
    if pa.types.is_timestamp(type_):
        kind = "TIMESTAMPTZ" if type_.tz else "TIMESTAMP"
        expression = f"epoch_us(({text})::{kind})"
    elif pa.types.is_integer(type_):
        expression, kinds = f"({text})", ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
    elif pa.types.is_string(type_):
        expression, kinds = f"({text})", ("VARCHAR",)
    else:
        return None
    used = {
        name: params[name]
        for part in walk(node)
        if part.get("class") == "PARAMETER" and (name := str(part["identifier"])) in params
    }
    try:
        if kinds and parser.evaluate(f"typeof({text})", used) not in kinds:
            return None
        value = parser.evaluate(expression, used)
    except duckdb.Error:
        return None
    return value if isinstance(value, int | str) else None
