"""SQL expressions that turn a column into its JSON or CSV text, inside DuckDB.

The rules (docs/formats/query-results.md): integers beyond ±2^53 and decimals of more than 15 digits
are JSON strings, so that no reader rounds them; NaN and infinities are the strings ``NaN``,
``Infinity``, ``-Infinity``; times are ISO 8601 with microseconds, ``Z`` where they are instants;
binary is Base64; structs are objects, maps are objects, lists are arrays, by the same rules.
"""

from __future__ import annotations

from typing import Any

from madang.query.types import literal, quoted

_SMALL = frozenset(
    ["boolean", "tinyint", "smallint", "integer", "utinyint", "usmallint", "uinteger"]
)
_LARGE = frozenset(["bigint", "ubigint", "hugeint", "uhugeint", "bignum"])
_TEXT_SAFE = frozenset(
    ["date", "time", "time_ns", "time with time zone", "interval", "uuid", "bit"]
)
_TIMESTAMPS = {
    "timestamp with time zone": ("timezone('UTC', {0})", "%Y-%m-%dT%H:%M:%S.%fZ"),
    "timestamp": ("{0}", "%Y-%m-%dT%H:%M:%S.%f"),
    "timestamp_s": ("{0}", "%Y-%m-%dT%H:%M:%S.%f"),
    "timestamp_ms": ("{0}", "%Y-%m-%dT%H:%M:%S.%f"),
    "timestamp_ns": ("{0}", "%Y-%m-%dT%H:%M:%S.%n"),
}
_EXACT = 2**53


def json_text(column: str, type_: Any) -> str:  # noqa: ANN401 - DuckDBPyType
    """An expression of the JSON text of ``column``; ``null`` for NULL, never NULL itself."""
    return f"coalesce({_json(column, type_, 0)}, 'null')"


def csv_text(column: str, type_: Any) -> str:  # noqa: ANN401
    """An expression of the CSV field of ``column``: empty for NULL, ``""`` for an empty text."""
    plain, safe = _plain(column, type_)
    if safe:
        return f"coalesce({plain}, '')"
    return (
        f"CASE WHEN {column} IS NULL THEN '' WHEN {plain} = '' OR regexp_matches({plain},"
        f""" '[",\\r\\n]') THEN '"' || replace({plain}, '"', '""') || '"' ELSE {plain} END"""
    )


def _plain(column: str, type_: Any) -> tuple[str, bool]:  # noqa: ANN401
    """The text of a column, and whether it never needs quotes."""
    kind = str(type_.id)
    if kind == "decimal":
        return _decimal(column, type_), True
    if kind in _SMALL | _LARGE | {"float", "double"} | _TEXT_SAFE:
        return f"{column}::VARCHAR", True
    if kind in _TIMESTAMPS:
        return _timestamp(column, kind), True
    if kind in ("blob", "binary"):
        return f"base64({column})", True
    if kind in ("struct", "list", "array", "map", "union", "variant"):
        return _json(column, type_, 0), False
    return f"{column}::VARCHAR", False


def _decimal(column: str, type_: Any) -> str:  # noqa: ANN401
    parts = dict(type_.children)
    if parts["precision"] == parts["scale"]:
        # DuckDB writes ``.5``, which is no JSON.
        return f"regexp_replace({column}::VARCHAR, '^(-?)[.]', '\\10.')"
    return f"{column}::VARCHAR"


def _timestamp(column: str, kind: str) -> str:
    source, pattern = _TIMESTAMPS[kind]
    return (
        f"CASE WHEN isfinite({column}) THEN strftime({source.format(column)}, '{pattern}')"
        f" ELSE {column}::VARCHAR END"
    )


def _json(column: str, type_: Any, depth: int) -> str:  # noqa: ANN401
    kind = str(type_.id)
    if kind in _SMALL:
        return f"{column}::VARCHAR"
    if kind in _LARGE:
        low = "0" if kind.startswith("u") else f"-{_EXACT}"
        return (
            f"CASE WHEN {column} BETWEEN {low}::{kind} AND {_EXACT}::{kind} THEN {column}::VARCHAR"
            f" ELSE '\"' || {column}::VARCHAR || '\"' END"
        )
    if kind in ("float", "double"):
        return (
            f"CASE WHEN isfinite({column}) THEN {column}::VARCHAR"
            f" WHEN isnan({column}) THEN '\"NaN\"' WHEN {column} > 0 THEN '\"Infinity\"'"
            f" WHEN {column} < 0 THEN '\"-Infinity\"' END"
        )
    if kind == "decimal":
        digits, text = dict(type_.children)["precision"], _decimal(column, type_)
        return text if digits <= 15 else f"'\"' || {text} || '\"'"
    if kind in _TIMESTAMPS or kind in _TEXT_SAFE or kind in ("blob", "binary"):
        return f"'\"' || {_plain(column, type_)[0]} || '\"'"
    if str(type_) == "JSON":
        return f"json({column})::VARCHAR"
    if kind in ("struct", "list", "array", "map"):
        return f"to_json({_nested(column, type_, depth)})::VARCHAR"
    if kind in ("union", "variant"):
        return f"to_json({column}::VARCHAR)::VARCHAR"
    return f"to_json({column}::VARCHAR)::VARCHAR"


def _nested(column: str, type_: Any, depth: int) -> str:  # noqa: ANN401
    """A value whose ``to_json`` follows the rules at every level."""
    if not _needs_rules(type_):
        return column
    kind, inner = str(type_.id), f"_e{depth}"
    if kind == "struct":
        fields = ", ".join(
            f"{literal(name)}: {_member(f'{column}.{quoted(name)}', child, depth)}"
            for name, child in type_.children
        )
        return f"CASE WHEN {column} IS NOT NULL THEN {{{fields}}} END"
    if kind == "map":
        value = dict(type_.children)["value"]
        return (
            f"map_from_entries(list_transform(map_entries({column}), lambda {inner}:"
            f" {{'k': {inner}.key::VARCHAR, 'v': {_member(f'{inner}.value', value, depth)}}}))"
        )
    child = dict(type_.children)["child"]
    source = f"{column}::{child}[]" if kind == "array" else column
    return f"list_transform({source}, lambda {inner}: {_member(inner, child, depth)})"


def _member(value: str, type_: Any, depth: int) -> str:  # noqa: ANN401
    if str(type_.id) in ("struct", "list", "array", "map"):
        return f"to_json({_nested(value, type_, depth + 1)})"
    return f"({_json(value, type_, depth + 1)})::JSON" if _needs_rules(type_) else value


def _needs_rules(type_: Any) -> bool:  # noqa: ANN401
    kind = str(type_.id)
    if kind in ("struct", "list", "array", "map"):
        return any(_needs_rules(child) for _, child in type_.children if hasattr(child, "id"))
    return (
        kind in _LARGE
        or kind in _TIMESTAMPS
        or kind in ("float", "double", "decimal", "blob", "binary", "union", "variant")
    )
