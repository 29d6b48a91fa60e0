"""Where a statement calls ``metrics(…)``, the table function that a view stands in for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from madang.core.errors import DeniedError, InvalidInputError
from madang.query.constants import is_constant
from madang.query.lexer import Token
from madang.query.rewrite import Rewritten, place
from madang.query.syntax import Node, params_of, position_of, walk
from madang.query.travel import TravelClause, closing

METRICS = "metrics"
MADE_FUNCTIONS = frozenset([METRICS])
"""Table functions that DuckDB does not have: a view is written in their place."""
_PARAMETERS = ("selector", "start", "end")
_WRITTEN = "metrics('<selector>', <start>, <end>)"


@dataclass(frozen=True, slots=True)
class TableCall:
    """A call at the bytes ``start`` to ``end`` of the user's text; its arguments by name."""

    start: int
    end: int
    arguments: dict[str, Node]

    @property
    def params(self) -> frozenset[str]:
        """The parameters of the query that its arguments use."""
        return params_of(list(self.arguments.values()))


def table_calls(
    root: Node, plain: Rewritten, tokens: Sequence[Token], clauses: Sequence[TravelClause]
) -> tuple[TableCall, ...]:
    """The calls of a statement, in order.

    Args:
        root: The tree of ``plain``.
        plain: What was parsed.
        tokens: Of the user's text.
        clauses: Of time travel, which a call does not take.

    Raises:
        InvalidInputError: An argument is missing, too many or not constant.
        DeniedError: A function of another schema, or with an addition that it does not take.
    """
    index_at = {token.start: index for index, token in enumerate(tokens)}
    found: dict[int, TableCall] = {}
    for node in walk(root):
        if not _is_call(node):
            continue
        position = position_of(node)
        at = None if position is None else plain.back(position)
        where = place(plain.original, at)
        index = index_at.get(-1 if at is None else at)
        close = None if index is None else closing(tokens, index + 1)
        written = node["function"].get("qualified_name", {}).get("path", ())
        if at is None or close is None or len(written) != 1:
            raise DeniedError(f"write {_WRITTEN} behind FROM", where=where)
        if node.get("with_ordinality") == "WITH_ORDINALITY":
            raise DeniedError("metrics(…) takes no WITH ORDINALITY", where=where)
        behind = tokens[close].end
        for clause in clauses:
            if not plain.original[behind : clause.start].strip():
                raise InvalidInputError(
                    "metrics(…) takes no time travel",
                    hint=f"a sample is not changed; its time is an argument: {_WRITTEN}",
                    where=place(plain.original, clause.start),
                )
        found[at] = TableCall(at, behind, _arguments(node["function"], plain, at))
    return tuple(found[at] for at in sorted(found))


def _is_call(node: Node) -> bool:
    function = node.get("function")
    return (
        node.get("type") == "TABLE_FUNCTION"
        and isinstance(function, dict)
        and str(function.get("function_name", "")).lower() == METRICS
    )


def _arguments(function: Node, plain: Rewritten, at: int) -> dict[str, Node]:
    found: dict[str, Node] = {}
    for number, argument in enumerate(function.get("arguments", ())):
        # DuckDB keeps an argument's name as an alias too, which would be written behind it.
        node = {**argument["expression"], "alias": ""}
        position = position_of(node)
        where = place(plain.original, at if position is None else plain.back(position))
        name = argument.get("name")
        if name is None and number < len(_PARAMETERS):
            name = _PARAMETERS[number]
        name = str(name).lower()
        if name not in _PARAMETERS or name in found or number >= len(_PARAMETERS):
            raise InvalidInputError(
                "metrics(…) takes a selector, a start and an end", hint=_WRITTEN, where=where
            )
        if not is_constant(node, grows=True):
            raise InvalidInputError(
                f"the {name} of metrics(…) is a constant or a parameter",
                hint="conditions on columns belong into WHERE",
                where=where,
            )
        found[name] = node
    if "selector" not in found:
        raise InvalidInputError(
            "metrics(…) needs a selector", hint=_WRITTEN, where=place(plain.original, at)
        )
    return found
