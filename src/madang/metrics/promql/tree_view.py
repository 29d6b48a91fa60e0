"""A query for people and for user interfaces: written out evenly, and as a tree in JSON."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, TypeAlias

import promql_parser as pp

from madang.metrics.number_text import number_text
from madang.metrics.promql.parse import milliseconds, parsed
from madang.metrics.promql.tokens import tokens_of

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
    return str(parsed(query).prettify())


def tree_of(query: str) -> dict[str, Any]:
    """The tree as ``/api/v1/parse_query`` answers it: plain dictionaries, lists and texts.

    Raises:
        BadQueryError: it is no PromQL, or too deep.
    """
    return _node(parsed(query))


def _node(tree: _Tree) -> dict[str, Any]:
    match tree:
        case pp.NumberLiteral():
            return {"type": "numberLiteral", "val": number_text(tree.val)}
        case pp.StringLiteral():
            return {"type": "stringLiteral", "val": tree.val}
        case pp.ParenExpr():
            return {"type": "parenExpr", "expr": _node(tree.expr)}
        case pp.UnaryExpr():
            return {"type": "unaryExpr", "op": "-", "expr": _node(tree.expr)}
        case pp.VectorSelector():
            return {"type": "vectorSelector", **_selector(tree, tree)}
        case pp.MatrixSelector():
            return {
                "type": "matrixSelector",
                "range": milliseconds(tree.range),
                "rangeExpr": None,
                **_selector(tree.vector_selector, tree),
            }
        case pp.SubqueryExpr():
            return {
                "type": "subquery",
                "expr": _node(tree.expr),
                "range": _milliseconds(tree.range),
                "rangeExpr": None,
                "step": _milliseconds(tree.step),
                "stepExpr": None,
                **_shift(tree, tree.offset, tree.at is not None),
            }
        case pp.Call():
            return _call(tree)
        case pp.AggregateExpr():
            return _aggregation(tree)
        case _:
            return _binary(tree)


def _selector(selector: _Tree, whole: _Tree) -> dict[str, Any]:
    groups = selector.matchers.or_matchers or [selector.matchers.matchers]
    name = selector.name or ""
    listed = [[*_matchers(group), *_named(name)] for group in groups]
    return {
        "name": name,
        "matchers": listed[0],
        **({"orMatchers": listed} if len(listed) > 1 else {}),
        **_shift(whole, selector.offset, selector.at is not None),
        "anchored": False,
        "smoothed": False,
    }


def _matchers(matchers: Iterable[_Tree]) -> list[dict[str, str]]:
    return [
        {"name": one.name, "value": one.value, "type": _name_of(one.op, _MATCH_SIGNS)}
        for one in matchers
    ]


def _named(name: str) -> list[dict[str, str]]:
    return [{"name": "__name__", "value": name, "type": "="}] if name else []


def _shift(tree: _Tree, offset: timedelta | None, anchored: bool) -> dict[str, Any]:
    at_ms, anchor = _at(tree) if anchored else (None, None)
    return {
        "offset": _milliseconds(offset),
        "offsetExpr": None,
        "timestamp": at_ms,
        "startOrEnd": anchor,
    }


def _milliseconds(duration: timedelta | None) -> int:
    return 0 if duration is None else milliseconds(duration)


def _at(tree: _Tree) -> tuple[int | None, str | None]:
    # Read from the text: the parser's binding cannot give times before 1970.
    texts = [token.text for token in tokens_of(tree.prettify())]
    place = len(texts) - texts[::-1].index("@")
    if texts[place] in {"start", "end"}:
        return None, texts[place]
    number = texts[place] + (texts[place + 1] if texts[place] in {"-", "+"} else "")
    return round(float(number) * 1000), None


def _call(tree: _Tree) -> dict[str, Any]:
    return {
        "type": "call",
        "func": {
            "name": tree.func.name,
            "argTypes": [_name_of(one, _TYPES) for one in tree.func.arg_types],
            "variadic": tree.func.variadic,
            "returnType": _name_of(tree.func.return_type, _TYPES),
        },
        "args": list(map(_node, tree.args)),
    }


def _aggregation(tree: _Tree) -> dict[str, Any]:
    modifier = tree.modifier
    return {
        "type": "aggregation",
        "op": str(tree.op),
        "expr": _node(tree.expr),
        "param": _node(tree.param) if tree.param is not None else None,
        "grouping": list(modifier.labels) if modifier is not None else [],
        "without": modifier is not None and modifier.type == pp.AggModifierType.Without,
    }


def _binary(tree: _Tree) -> dict[str, Any]:
    modifier = tree.modifier
    return {
        "type": "binaryExpr",
        "op": str(tree.op),
        "lhs": _node(tree.lhs),
        "rhs": _node(tree.rhs),
        "matching": None if _is_scalar(tree.lhs) or _is_scalar(tree.rhs) else _matching(modifier),
        "bool": modifier is not None and modifier.return_bool,
    }


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
