"""Decides on the syntax tree whether a text may run: only known functions, only granted tables.

It is asked twice: on the user's statement, where the answer names the position, and on the very
text that runs, with the names of the views that were made for it, so that no rewriting on the way
can smuggle anything in. Node types that are not listed here are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from madang.core.errors import DeniedError, InvalidInputError, MadangError
from madang.core.names import near_match
from madang.query.rewrite import Rewritten, place
from madang.query.syntax import Node, position_of
from madang.query.table_calls import MADE_FUNCTIONS

TABLE_FUNCTIONS = MADE_FUNCTIONS | frozenset(
    [
        "range",
        "generate_series",
        "unnest",
        "repeat",
        "repeat_row",
        "json_each",
        "json_tree",
        "pg_timezone_names",
    ]
)
"""Table functions that read nothing but their arguments."""
_TABLE_NODES = frozenset(
    [
        "BASE_TABLE",
        "SUBQUERY",
        "JOIN",
        "TABLE_FUNCTION",
        "EXPRESSION_LIST",
        "EMPTY",
        "PIVOT",
        "SHOW_REF",
    ]
)
_QUERY_NODES = frozenset(["SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"])


@cache
def scalar_functions() -> frozenset[str]:
    """Functions that compute from their arguments alone (reviewed; ``functions.txt``)."""
    text = files("madang.query").joinpath("functions.txt").read_text("utf-8")
    return frozenset(line for line in text.split("\n") if line and not line.startswith("## "))


@dataclass(frozen=True, slots=True)
class TableRef:
    """A table that a statement names: one to three parts, and where it stands (bytes)."""

    path: tuple[str, ...]
    start: int | None
    end: int | None
    alias: str | None


def table_refs(root: Node, sql: Rewritten) -> list[TableRef]:
    """The tables that a statement reads, names of common table expressions left out.

    Raises:
        DeniedError: A function or a construct that reaches outside.
        InvalidInputError: A function that does not exist.
    """
    return [_table_ref(node) for node in _checked(root, sql) if node.get("type") == "BASE_TABLE"]


def check_runs_on(root: Node, sql: Rewritten, granted: Callable[[tuple[str, ...]], bool]) -> None:
    """Check the text that runs: every table must be granted.

    Raises:
        DeniedError: otherwise.
    """
    for ref in table_refs(root, sql):
        if not granted(ref.path):
            raise DeniedError(
                f"the table {'.'.join(ref.path)!r} is out of reach",
                where=place(sql.original, None if ref.start is None else sql.back(ref.start)),
            )


def _table_ref(node: Node) -> TableRef:
    path = tuple(node.get("qualified_name", {}).get("path") or (node.get("table_name", ""),))
    start = position_of(node)
    length = int(node.get("query_location_length", 0))
    return TableRef(path, start, None if start is None else start + length, node.get("alias"))


def _checked(root: Node, sql: Rewritten) -> Iterator[Node]:
    """Every node whose names are not shadowed; refuses what is not known to be harmless."""
    stack: list[tuple[Any, frozenset[str]]] = [(root, frozenset())]
    while stack:
        item, shadows = stack.pop()
        if isinstance(item, list):
            stack.extend((child, shadows) for child in item)
            continue
        if not isinstance(item, dict):
            continue
        if _is_shadowed(item, shadows):
            continue
        _check_node(item, sql)
        yield item
        shadows = _push_ctes(item, shadows, stack)
        stack.extend((value, shadows) for key, value in item.items() if key != "cte_map")


def _push_ctes(
    node: Node, shadows: frozenset[str], stack: list[tuple[Any, frozenset[str]]]
) -> frozenset[str]:
    """Put the common table expressions of ``node`` on the stack; the names that hold within it."""
    for entry in (node.get("cte_map") or {}).get("map", ()):
        name, value = str(entry["key"]).lower(), entry["value"]
        query = value.get("query_node") or value.get("query") or {}
        recursive = "RECURSIVE" in str(query.get("type", "")) or "query_node" not in value
        stack.append((value, shadows | {name} if recursive else shadows))
        shadows |= {name}
    return shadows


def _is_shadowed(node: Node, shadows: frozenset[str]) -> bool:
    if node.get("type") != "BASE_TABLE":
        return False
    path = node.get("qualified_name", {}).get("path") or [node.get("table_name", "")]
    return len(path) == 1 and str(path[0]).lower() in shadows and "at_clause" not in node


def _check_node(node: Node, sql: Rewritten) -> None:
    kind, class_ = str(node.get("type", "")), node.get("class")
    if "from_table" in node or "select_list" in node:
        if kind not in _QUERY_NODES:
            raise _denied(f"{kind} is not supported", node, sql)
        if (origin := node.get("from_table")) and origin.get("type") not in _TABLE_NODES:
            raise _denied(f"reading from {origin.get('type')} is not supported", node, sql)
    for side in ("left", "right", "source"):
        child = node.get(side)
        if kind in ("JOIN", "PIVOT") and child and child.get("type") not in _TABLE_NODES:
            raise _denied(f"reading from {child.get('type')} is not supported", child, sql)
    if kind == "SHOW_REF" and node.get("show_type") not in ("DESCRIBE", "SUMMARY"):
        raise _denied("only SHOW TABLES is supported", node, sql, "DESCRIBE <table> shows columns")
    if kind == "BASE_TABLE" and "at_clause" in node:
        raise _denied("time travel belongs behind a table's name", node, sql)
    if kind == "TABLE_FUNCTION":
        name = str(node["function"].get("function_name", ""))
        if name.lower() not in TABLE_FUNCTIONS:
            raise _denied(
                f"the table function {name!r} is not available",
                node,
                sql,
                "tables of the lake are read by name: FROM lake.<table>",
            )
    elif "function_name" in node and not _is_table_function(node):
        _check_function(node, sql)
    elif class_ == "TYPE" or "type_expr" in node:
        _check_type(node, sql)


def _is_table_function(node: Node) -> bool:
    # Inside a TABLE_FUNCTION, and checked there: those names are in the scalar list too or not.
    return node.get("class") == "FUNCTION" and str(node["function_name"]).lower() in TABLE_FUNCTIONS


def _check_function(node: Node, sql: Rewritten) -> None:
    name = str(node["function_name"])
    known = scalar_functions()
    if name in known or name.lower() in known:
        return
    near = near_match(name, known)
    where = _place(node, sql)
    if name.lower() in forbidden_functions():
        raise DeniedError(
            f"the function {name!r} reaches outside of the query and is not available", where=where
        )
    raise InvalidInputError(
        f"there is no function {name!r}",
        hint=f"did you mean {near!r}?" if near else None,
        where=where,
    )


@cache
def forbidden_functions() -> frozenset[str]:
    """Functions that reach outside of the query, named so that the error can say it."""
    text = files("madang.query").joinpath("functions.txt").read_text("utf-8")
    return frozenset(line[3:] for line in text.split("\n") if line.startswith("## "))


def _check_type(node: Node, sql: Rewritten) -> None:
    path = (node.get("qualified_name") or {}).get("path") or ()
    if len(path) > 1:
        raise _denied(f"the type {'.'.join(path)!r} does not exist", node, sql)


def _place(node: Node, sql: Rewritten) -> Any:  # noqa: ANN401
    position = position_of(node)
    return place(sql.original, None if position is None else sql.back(position))


def _denied(message: str, node: Node, sql: Rewritten, hint: str | None = None) -> MadangError:
    return DeniedError(message, hint=hint, where=_place(node, sql))
