"""A query for people and for user interfaces: written out evenly, and as a tree in JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import promql_parser as pp

from madang.metrics.number_text import number_text
from madang.metrics.promql.parse import milliseconds, parse, parsed
from madang.metrics.promql.syntax import Anchor, Selector, Shift, Subquery, walk

_Tree: TypeAlias = Any
"""A node of the parser's tree; its classes say too little of themselves to be told apart."""
_MATCH_SIGNS = (
    (pp.MatchOp.Equal, "="),
    (pp.MatchOp.NotEqual, "!="),
    (pp.MatchOp.Re, "=~"),
    (pp.MatchOp.NotRe, "!~"),
)
_TYPES = (
    (pp.ValueType.Vector, "vector"),
    (pp.ValueType.Matrix, "matrix"),
    (pp.ValueType.String, "string"),
    (pp.ValueType.Scalar, "scalar"),
)
_CARDS = (
    (pp.VectorMatchCardinality.OneToOne, "one-to-one"),
    (pp.VectorMatchCardinality.ManyToOne, "many-to-one"),
    (pp.VectorMatchCardinality.OneToMany, "one-to-many"),
    (pp.VectorMatchCardinality.ManyToMany, "many-to-many"),
)


def pretty(query: str) -> str:
    """The query as Prometheus formats it: on one line if it is short, else one step a line.

    Raises:
        BadQueryError: it is no PromQL.
    """
    text = str(parsed(query).prettify())
    # The parser writes some that it reads otherwise, such as times before 1970.
    return text if tree_of(text) == tree_of(query) else query


def tree_of(query: str) -> dict[str, Any]:
    """The tree as ``/api/v1/parse_query`` answers it: plain dictionaries, lists and texts.

    Raises:
        BadQueryError: it is no PromQL, or too deep.
    """
    nodes = walk(parse(query, experimental=True))
    shifts = (node.shift for node in nodes if isinstance(node, Selector | Subquery))
    return _View(shifts).node(parsed(query))


class _View:
    """Shows the parser's tree, with times from our own: the parser's lacks those before 1970."""

    def __init__(self, shifts: Iterator[Shift]) -> None:
        self._shifts = shifts

    def node(self, tree: _Tree) -> dict[str, Any]:
        match tree:
            case pp.NumberLiteral():
                return {"type": "numberLiteral", "val": number_text(tree.val)}
            case pp.StringLiteral():
                return {"type": "stringLiteral", "val": tree.val}
            case pp.ParenExpr():
                return {"type": "parenExpr", "expr": self.node(tree.expr)}
            case pp.UnaryExpr():
                return {"type": "unaryExpr", "op": "-", "expr": self.node(tree.expr)}
            case pp.VectorSelector():
                return {"type": "vectorSelector", **self._selector(tree)}
            case pp.MatrixSelector():
                times = {"range": milliseconds(tree.range), "rangeExpr": None}
                return {"type": "matrixSelector", **times, **self._selector(tree.vector_selector)}
            case pp.SubqueryExpr():
                return self._subquery(tree)
            case pp.Call():
                return self._call(tree)
            case pp.AggregateExpr():
                return self._aggregation(tree)
            case _:
                return self._binary(tree)

    def _selector(self, selector: _Tree) -> dict[str, Any]:
        groups = selector.matchers.or_matchers or [selector.matchers.matchers]
        name = selector.name or ""
        listed = [[*_matchers(group), *_named(name)] for group in groups]
        return {
            "name": name,
            "matchers": listed[0],
            **({"orMatchers": listed} if len(listed) > 1 else {}),
            **self._shift(),
            "anchored": False,
            "smoothed": False,
        }

    def _shift(self) -> dict[str, Any]:
        shift = next(self._shifts)
        anchor = shift.at if isinstance(shift.at, Anchor) else None
        return {
            "offset": shift.offset_ms,
            "offsetExpr": None,
            "timestamp": None if anchor else shift.at,
            "startOrEnd": anchor.value if anchor else None,
        }

    def _subquery(self, tree: _Tree) -> dict[str, Any]:
        shift = self._shift()
        return {
            "type": "subquery",
            "expr": self.node(tree.expr),
            "range": milliseconds(tree.range),
            "rangeExpr": None,
            "step": milliseconds(tree.step) if tree.step else 0,
            "stepExpr": None,
            **shift,
        }

    def _call(self, tree: _Tree) -> dict[str, Any]:
        return {
            "type": "call",
            "func": {
                "name": tree.func.name,
                "argTypes": [_name_of(one, _TYPES) for one in tree.func.arg_types],
                "variadic": tree.func.variadic,
                "returnType": _name_of(tree.func.return_type, _TYPES),
            },
            "args": [self.node(arg) for arg in tree.args],
        }

    def _aggregation(self, tree: _Tree) -> dict[str, Any]:
        modifier = tree.modifier
        param = self.node(tree.param) if tree.param is not None else None
        return {
            "type": "aggregation",
            "op": str(tree.op),
            "expr": self.node(tree.expr),
            "param": param,
            "grouping": list(modifier.labels) if modifier is not None else [],
            "without": modifier is not None and modifier.type == pp.AggModifierType.Without,
        }

    def _binary(self, tree: _Tree) -> dict[str, Any]:
        modifier = tree.modifier
        scalar = _is_scalar(tree.lhs) or _is_scalar(tree.rhs)
        return {
            "type": "binaryExpr",
            "op": str(tree.op),
            "lhs": self.node(tree.lhs),
            "rhs": self.node(tree.rhs),
            "matching": None if scalar else _matching(modifier),
            "bool": modifier is not None and modifier.return_bool,
        }


def _matchers(matchers: Iterable[_Tree]) -> list[dict[str, str]]:
    return [
        {"name": one.name, "value": one.value, "type": _name_of(one.op, _MATCH_SIGNS)}
        for one in matchers
    ]


def _named(name: str) -> list[dict[str, str]]:
    return [{"name": "__name__", "value": name, "type": "="}] if name else []


def _is_scalar(tree: _Tree) -> bool:
    match tree:
        case pp.NumberLiteral():
            return True
        case pp.ParenExpr() | pp.UnaryExpr():
            return _is_scalar(tree.expr)
        case pp.Call():
            return bool(tree.func.return_type == pp.ValueType.Scalar)
        case pp.BinaryExpr():
            return _is_scalar(tree.lhs) and _is_scalar(tree.rhs)
        case _:
            return False


def _matching(modifier: _Tree) -> dict[str, Any]:
    if modifier is None:
        fills = {"lhs": None, "rhs": None}
        return {"card": "one-to-one", "labels": [], "on": False, "include": [], "fillValues": fills}
    matching, fill = modifier.matching, modifier.fill_values
    return {
        "card": _name_of(modifier.card, _CARDS),
        "labels": list(matching.labels) if matching is not None else [],
        "on": matching is not None and matching.type == pp.LabelModifierType.Include,
        "include": list(modifier.group_labels or ()),
        "fillValues": {"lhs": fill.lhs, "rhs": fill.rhs},
    }


def _name_of(member: _Tree, names: tuple[tuple[Any, str], ...]) -> str:
    # The parser's enums are unhashable, hence no dictionary.
    return next(ours for theirs, ours in names if theirs == member)
