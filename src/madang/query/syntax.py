"""DuckDB's own syntax tree of a statement: the one authority on what a text means.

The tree is ``json_serialize_sql``'s, which only takes SELECT statements (WITH, VALUES, FROM-first,
DESCRIBE, SUMMARIZE, static PIVOT among them). Positions are byte offsets.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import orjson

from madang.core.errors import InvalidInputError
from madang.query.rewrite import Rewritten, place
from madang.query.types import literal

Node = dict[str, Any]
MAX_SQL_BYTES = 2**20
_SELECT: Node = {
    "type": "SELECT_NODE",
    "cte_map": {},
    "from_table": {"type": "EMPTY"},
    "aggregate_handling": "STANDARD_HANDLING",
}
_UNKNOWN = 2**64 - 1


class Parser:
    """DuckDB's parser. Not thread-safe; holds an empty in-memory database of its own."""

    def __init__(self, time_zone: str = "UTC") -> None:
        self._connection = duckdb.connect(":memory:", config={"threads": 1})
        self._connection.execute(f"SET TimeZone = {literal(time_zone)}")
        self._connection.execute("SET enable_external_access=false")
        self._connection.execute("SET lock_configuration=true")

    def parse(self, sql: Rewritten) -> Node:
        """The tree of the one SELECT statement that ``sql`` is.

        Raises:
            InvalidInputError: It does not parse, is several statements, or something else than a
                SELECT; ``where`` is in the original text.
        """
        text = sql.text.decode()
        try:
            answer = self._connection.execute(
                "SELECT json_serialize_sql(?, skip_null := true, skip_empty := true)", [text]
            ).fetchone()
        except duckdb.Error as error:
            message = str(error).split("\n", 1)[0]
            raise InvalidInputError(f"the SQL cannot be read: {message}") from error
        assert answer is not None
        try:
            tree = orjson.loads(answer[0])
        except orjson.JSONDecodeError as error:
            raise InvalidInputError("the SQL is nested too deeply") from error
        if tree["error"]:
            raise _syntax_error(tree, sql)
        statements = tree.get("statements", [])
        if not statements:
            raise InvalidInputError("the SQL is empty", where=place(sql.original, None))
        if len(statements) > 1:
            at = first_position(statements[1])
            raise InvalidInputError(
                f"one statement at a time; this text has {len(statements)}",
                where=place(sql.original, None if at is None else sql.back(at)),
            )
        root: Node = statements[0]["node"]
        return root

    def close(self) -> None:
        """Free the parser's database."""
        self._connection.close()

    def text_of(self, expression: Node) -> str:
        """An expression of a tree as SQL."""
        node = {**_SELECT, "select_list": [expression]}
        tree = orjson.dumps({"error": False, "statements": [{"node": node}]}).decode()
        row = self._connection.execute("SELECT json_deserialize_sql(?::JSON)", [tree]).fetchone()
        assert row is not None
        return str(row[0]).removeprefix("SELECT ")

    def evaluate(self, expression: str, params: dict[str, Any]) -> Any:  # noqa: ANN401
        """The value of a constant expression that was guarded before."""
        row = self._connection.execute(f"SELECT {expression}", params or None).fetchone()
        assert row is not None
        return row[0]


def _syntax_error(tree: Node, sql: Rewritten) -> InvalidInputError:
    message = str(tree.get("error_message", "syntax error"))
    if "Only SELECT statements" in message:
        return InvalidInputError(
            "only reading statements pass: SELECT, WITH, FROM, VALUES, DESCRIBE, SUMMARIZE,"
            " SHOW TABLES, EXPLAIN",
            hint="PIVOT needs its values named: PIVOT t ON column IN (a, b)"
            if b"pivot" in sql.text.lower()
            else None,
            where=place(sql.original, 0),
        )
    position = tree.get("position")
    where = place(sql.original, None if position is None else sql.back(int(position)))
    return InvalidInputError(message.split("\n", 1)[0], where=where)


def position_of(node: Node) -> int | None:
    """The byte position of a node, if it has one."""
    position = node.get("query_location")
    return None if position is None or position >= _UNKNOWN else int(position)


def first_position(tree: Any) -> int | None:  # noqa: ANN401
    """The smallest position within ``tree``."""
    found = (position_of(node) for node in walk(tree))
    return min((position for position in found if position is not None), default=None)


def walk(tree: Any) -> Iterator[Node]:  # noqa: ANN401
    """Every object of ``tree``, without recursion."""
    stack = [tree]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            yield item
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)


def params_of(tree: Any) -> frozenset[str]:  # noqa: ANN401
    """The names of the parameters within ``tree``."""
    return frozenset(
        str(node["identifier"]) for node in walk(tree) if node.get("class") == "PARAMETER"
    )
