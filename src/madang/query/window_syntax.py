"""The windows of a statement that may run over something shorter than what they are written over.

Only plain SELECTs from one table or subquery, whose windows are all over the same columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from madang.query.rewrite import Rewritten
from madang.query.syntax import Node, position_of, walk
from madang.query.types import quoted

FEWEST = 2
"""Fewer text columns, beside those that the SELECT shows anyway, are as short as the key."""
_MOST = 16
_WITHOUT = ("group_expressions", "group_sets", "having", "sample")
_TABLE_WITHOUT = ("sample", "column_name_alias", "at_clause")
_READ_ABOVE = ("select_list", "qualify", "modifiers")
"""What a SELECT computes from its windows' rows; WHERE has passed before."""


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows of one SELECT, all over ``columns``.

    ``lists`` (where each says so) and ``source`` (what is read from) are byte ranges of the user's
    text, ``behind`` closes two SELECTs around the latter; ``hidden`` are the columns that nothing
    else in the SELECT reads.
    """

    columns: tuple[str, ...]
    hidden: frozenset[str]
    lists: tuple[tuple[int, int], ...]
    source: tuple[int, int]
    behind: str


def windows_of(root: Node, text: Rewritten) -> Iterator[Windows]:
    """The windows of each SELECT in ``root`` that may run otherwise than they are written."""
    for node in walk(root):
        if node.get("type") == "SELECT_NODE" and (windows := _of_select(node, text)):
            yield windows


def _of_select(node: Node, text: Rewritten) -> Windows | None:
    """The windows of a plain SELECT from one source, if all are over the same columns."""
    table = node.get("from_table", {})
    source = _range(table, text)
    if (
        source is None
        or table.get("type") not in ("BASE_TABLE", "SUBQUERY")
        or node.get("aggregate_handling") != "STANDARD_HANDLING"
        or any(node.get(part) for part in _WITHOUT)
        or any(table.get(part) for part in _TABLE_WITHOUT)
    ):
        return None
    windows, shown = _windows_and_columns([node.get(part) for part in _READ_ABOVE])
    lists = [one["partitions"] for one in windows if one.get("partitions")]
    names = {tuple(_name(column) for column in listed) for listed in lists}
    if len(names) != 1 or None in (only := names.pop()) or not 0 < len(only) <= _MOST:
        return None
    if shown is None or _is_ambiguous(node, only) or _shows_rows(node, table, shown):
        return None
    columns = tuple(_written(column, text) for column in lists[0])
    hidden = frozenset(
        column for column, name in zip(columns, only, strict=True) if name not in shown
    )
    ranges = {_joined(_range(one[0], text), _range(one[-1], text)) for one in lists}
    if len(hidden) < FEWEST or None in ranges:
        return None
    found = tuple(sorted(filter(None, ranges)))
    return Windows(columns, hidden, found, source, _behind(table))


def _behind(table: Node) -> str:
    """What closes ``(SELECT … FROM (SELECT … FROM`` a table; its name holds within and outside."""
    alias = table.get("alias")
    if table["type"] == "BASE_TABLE":
        return f")) AS {quoted(str(alias or table['qualified_name']['path'][-1]))}"
    return f" AS {quoted(str(alias))}))" if alias else "))"


def _windows_and_columns(parts: list[Any]) -> tuple[list[Node], set[str | None] | None]:
    """The windows within ``parts`` and the columns that are read outside of PARTITION BY.

    No columns (None) where they cannot be told: a star, a subquery.
    """
    windows: list[Node] = []
    shown: set[str | None] = set()
    stack: list[Any] = [*parts]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack.extend(item)
        elif isinstance(item, dict):
            if item.get("class") in ("STAR", "SUBQUERY") or "from_table" in item:
                return windows, None
            if item.get("class") == "COLUMN_REF":
                shown.add(_name(item))
            if item.get("class") == "WINDOW":
                windows.append(item)
                item = {**item, "partitions": None}
            stack.extend(item.values())
    return windows, shown


def _name(node: Node) -> str | None:
    """The column that ``node`` is, by its last name, else None."""
    if node.get("class") != "COLUMN_REF" or not (names := node.get("column_names")):
        return None
    return str(names[-1]).lower()


def _shows_rows(node: Node, table: Node, shown: set[str | None]) -> bool:
    """Whether a row is read as a whole, by the name of its table: the key would be in it."""
    path = table.get("qualified_name", {}).get("path") or ["unnamed_subquery"]
    below = {_name(one) for one in walk(node.get("where_clause"))}
    return str(table.get("alias") or path[-1]).lower() in shown | below


def _is_ambiguous(node: Node, names: Sequence[str | None]) -> bool:
    """Whether two of ``names`` are one, or the SELECT gives one of them to something else."""
    given = {
        str(one["alias"]).lower()
        for one in node.get("select_list", ())
        if one.get("alias") and _name(one) != str(one["alias"]).lower()
    }
    return len(set(names)) != len(names) or not given.isdisjoint(names)


def _range(node: Node, text: Rewritten) -> tuple[int, int] | None:
    """Where ``node`` stands in the user's text."""
    start, length = position_of(node), node.get("query_location_length")
    if start is None or not length:
        return None
    return text.back(start), text.back(start + int(length))


def _joined(first: tuple[int, int] | None, last: tuple[int, int] | None) -> tuple[int, int] | None:
    return (first[0], last[1]) if first and last else None


def _written(node: Node, text: Rewritten) -> str:
    start, length = position_of(node), int(node.get("query_location_length", 0))
    assert start is not None
    return text.text[start : start + length].decode()
