"""Windows over several text columns, partitioned by one number instead.

A window holds every column of its PARTITION BY for every row until the last row is read; of texts
that is most of what it holds, and what it spills once memory is short. So

    SELECT …, lag(at) OVER (PARTITION BY "user", method, body ORDER BY at) FROM logs

runs as the same window over ``PARTITION BY "__madang_key"`` of
``(SELECT *, xor(md5_number(…), …) AS "__madang_key" FROM logs)``: 16 bytes a row.

Two rows have one key where their texts are equal, byte for byte, and NULL where NULL: that is when
PARTITION BY takes them together. The lengths are part of the key, so no two lists of texts are
written alike. That different ones share 128 bits of MD5 is unlikelier, for 10^12 rows, than one in
10^14, and a salt that each query draws keeps anybody from preparing such texts. DuckDB's ``hash``
would not do: it mixes words of 8 bytes so weakly that 8,100 short texts had 256 values.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from madang.query.rewrite import Rewritten, Splice
from madang.query.syntax import Node, Parser, position_of, walk
from madang.query.types import literal, quoted

_KEY = "__madang_key"
_FEWEST = 2
"""Fewer text columns, beside those that the SELECT shows anyway, are as short as the key."""
_MOST = 16
_MOST_SELECTS = 16
"""Each asks DuckDB to bind the whole statement, once or a few times."""
_PACKED = 4
_WITHOUT = ("group_expressions", "group_sets", "having", "sample")
_TABLE_WITHOUT = ("sample", "column_name_alias", "at_clause")
_READ_ABOVE = ("select_list", "qualify", "modifiers")
"""What a SELECT computes from its windows' rows; WHERE has passed before."""


@dataclass(frozen=True, slots=True)
class _Windows:
    """The windows of one SELECT, all over ``columns``.

    ``lists`` (where each says so) and ``source`` (what is read from) are byte ranges of the user's
    text, ``behind`` closes a SELECT around the latter; ``hidden`` are the columns that nothing else
    in the SELECT reads.
    """

    columns: tuple[str, ...]
    hidden: frozenset[str]
    lists: tuple[tuple[int, int], ...]
    source: tuple[int, int]
    behind: str

    def keyed(self, columns: Sequence[str], *, probe: bool = False) -> Iterator[Splice]:
        """What puts a key in the place of ``columns``."""
        begin, end = self.source
        key = _key_of(columns, probe=probe)
        yield Splice(begin, begin, f"(SELECT *, {key} AS {quoted(_KEY)} FROM ".encode())
        yield Splice(end, end, self.behind.encode())
        kept = [column for column in self.columns if column not in columns]
        listed = ", ".join([*kept, quoted(_KEY)]).encode()
        for first, last in self.lists:
            yield Splice(first, last, listed)


def with_short_keys(
    text: Rewritten, parser: Parser, binds: Callable[[Rewritten], bool]
) -> Rewritten:
    """``text`` with a short key in place of the text columns of its windows, where it has such.

    Args:
        text: The statement that is to run.
        parser: Reads it.
        binds: Whether DuckDB takes a statement; tells text columns from others.
    """
    words = text.text.lower()
    if b"partition" not in words or _KEY.encode() in words:
        return text
    for windows in islice(_found(parser.parse(text), text), _MOST_SELECTS):
        if columns := _text_columns(windows, text, binds):
            text = text.spliced(windows.keyed(columns))
    return text


def _text_columns(
    windows: _Windows, text: Rewritten, binds: Callable[[Rewritten], bool]
) -> Sequence[str]:
    """Those of the columns that hold text, if they are enough to gain from it."""

    def are_texts(*columns: str) -> bool:
        return binds(text.spliced(windows.keyed(columns, probe=True)))

    if are_texts(*windows.columns):
        return windows.columns
    texts = [column for column in windows.columns if are_texts(column)]
    enough = len(windows.hidden.intersection(texts)) >= _FEWEST
    return texts if enough and are_texts(*texts) else ()


def _key_of(columns: Sequence[str], *, probe: bool) -> str:
    """The key of text columns, as SQL; as a probe it binds for no other type than text."""
    # What is no text would often become one in silence; a collation is for text only, and texts
    # that PARTITION BY compares by another one do not go together with this.
    suffix = " COLLATE C" if probe else ""
    lengths = [f"coalesce(strlen({column}{suffix}) + 1, 0)" for column in columns]
    spelled = "".join(f"{length}, ',', " for length in lengths[_PACKED:])
    salt = literal(secrets.token_hex(4)) + suffix
    text = f"md5_number(concat({salt}, {spelled}{', '.join(columns)}))"
    return f"xor({text}, {_packed(lengths[:_PACKED])})"


def _packed(lengths: Sequence[str]) -> str:
    """Up to four lengths, of 31 bits each, as one number: cheaper than to spell them."""
    first, second, third, fourth = [*lengths, *["0"] * (_PACKED - len(lengths))]
    high, low = f"{first} * {2**31} + {second}", f"{third} * {2**31} + {fourth}"
    return f"({high})::UHUGEINT * {2**62} + ({low})::UHUGEINT"


def _found(root: Node, text: Rewritten) -> Iterator[_Windows]:
    for node in walk(root):
        if node.get("type") == "SELECT_NODE" and (windows := _of_select(node, text)):
            yield windows


def _of_select(node: Node, text: Rewritten) -> _Windows | None:
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
    if len(hidden) < _FEWEST or None in ranges:
        return None
    found = tuple(sorted(filter(None, ranges)))
    return _Windows(columns, hidden, found, source, _behind(table))


def _behind(table: Node) -> str:
    """What closes ``(SELECT … FROM`` a table; its name has to hold within and outside."""
    alias = table.get("alias")
    if table["type"] == "BASE_TABLE":
        return f") AS {quoted(str(alias or table['qualified_name']['path'][-1]))}"
    return f" AS {quoted(str(alias))})" if alias else ")"


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
