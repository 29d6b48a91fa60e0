"""From a query's text to its tree: promql-parser parses, the positions are found beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, TypeAlias, TypeVar

import promql_parser as pp

from madang.core.errors import InvalidInputError, Place
from madang.core.samples import METRIC_NAME
from madang.metrics.matcher import Matcher, MatchKind
from madang.metrics.promql.errors import BadQueryError
from madang.metrics.promql.syntax import (
    Aggregate,
    Anchor,
    Binary,
    Call,
    Kind,
    Matching,
    Negation,
    Node,
    Number,
    RangeSelector,
    Selector,
    Shift,
    String,
    Subquery,
)
from madang.metrics.promql.tokens import Reader, tokens_of, unquoted

_EXPERIMENTAL_AGGREGATIONS = frozenset({"limitk", "limit_ratio"})
_EXPERIMENTAL = frozenset(
    {
        "double_exponential_smoothing",
        "end",
        "first_over_time",
        "histogram_quantiles",
        "info",
        "mad_over_time",
        "max_of",
        "min_of",
        "range",
        "sort_by_label",
        "sort_by_label_desc",
        "start",
        "step",
        "ts_of_first_over_time",
        "ts_of_last_over_time",
        "ts_of_max_over_time",
        "ts_of_min_over_time",
    }
)
_MATCH_WORDS = ("on", "ignoring", "group_left", "group_right", "fill", "fill_left", "fill_right")
_MATCH_KINDS = (
    (pp.MatchOp.Equal, MatchKind.EQUAL),
    (pp.MatchOp.NotEqual, MatchKind.NOT_EQUAL),
    (pp.MatchOp.Re, MatchKind.REGEX),
    (pp.MatchOp.NotRe, MatchKind.NOT_REGEX),
)
_KINDS = (
    (pp.ValueType.Vector, Kind.VECTOR),
    (pp.ValueType.Matrix, Kind.MATRIX),
    (pp.ValueType.String, Kind.STRING),
    (pp.ValueType.Scalar, Kind.SCALAR),
)
_Tree: TypeAlias = Any
"""A node of the parser's tree; its classes say too little of themselves to be told apart."""
_UNITS = "smhdwy"
_T = TypeVar("_T")
_OPERATORS = frozenset("+-*/%^<>([") | {"==", "!=", "<=", ">="}
_WORD_OPERATORS = frozenset({"and", "or", "unless", "atan2"})
_TYPE_WORDS = {"vector": "instant vector", "matrix": "range vector"}
_TYPE = re.compile(r"(?:(?<=expected type )|(?<=, got )|(?<=, got: ))(?:vector|matrix)\b")
"""Where the parser writes a type as its sources call it."""
_MAX_OPERATORS = 1000
_MAX_TIME_MS = 1 << 53
_MAX_QUERY_CHARS = 1 << 20


def parse(query: str, *, experimental: bool = False) -> Node:
    """The tree of a query.

    Args:
        query: PromQL.
        experimental: Whether experimental functions are switched on.

    Raises:
        BadQueryError: the text is not PromQL, or uses what is switched off.
    """
    tree = parsed(query)
    try:
        return _Converter(query, experimental).node(tree)
    except (ValueError, OverflowError) as error:  # a duration beyond all time
        raise BadQueryError(str(error), where=Place("query")) from error
    except RecursionError:
        raise BadQueryError("the query nests too deep") from None


def parsed(query: str) -> _Tree:
    """The tree of promql-parser, of a query that is neither too long nor too deep for it.

    Raises:
        BadQueryError: the text is not PromQL.
    """
    if len(query) > _MAX_QUERY_CHARS:
        raise BadQueryError(f"the query has {len(query):,} characters, over {_MAX_QUERY_CHARS:,}")
    _refuse_depth(query)
    try:
        return pp.parse(query)
    except (ValueError, OverflowError) as error:
        # Types by the words of Prometheus's messages and docs.
        said = _TYPE.sub(lambda found: _TYPE_WORDS[found[0]], str(error))
        raise BadQueryError(said, where=Place("query")) from error
    except BaseException as error:
        # The parser panics at durations beyond all time, ``up[1e999]``; a panic is no Exception.
        if type(error).__name__ != "PanicException":
            raise
        raise BadQueryError(f"cannot be parsed: {error}", where=Place("query")) from None


def _refuse_depth(query: str) -> None:
    # The parser recurses in native code, where too deep a query ends the process.
    operators = sum(
        token.text in _OPERATORS or token.text.lower() in _WORD_OPERATORS
        for token in tokens_of(query)
        if token.kind in {"sign", "word"}
    )
    if operators > _MAX_OPERATORS:
        raise BadQueryError(
            f"the query has {operators:,} operators and brackets, over {_MAX_OPERATORS:,}"
        )


def milliseconds(duration: timedelta) -> int:
    """A duration of the parser's tree."""
    return duration // timedelta(milliseconds=1)


class _Converter:
    """Walks the parser's tree and the words of the query side by side."""

    def __init__(self, query: str, experimental: bool) -> None:
        self._query = query
        self._words = Reader(query)
        self._experimental = experimental

    def node(self, tree: _Tree) -> Node:
        if not isinstance(tree, pp.UnaryExpr):
            while self._words.take("+"):
                pass
        pos = self._words.peek().pos
        match tree:
            case pp.NumberLiteral():
                while self._words.take("-") or self._words.take("+"):
                    pass
                self._words.next()
                return Number(pos, tree.val)
            case pp.StringLiteral():
                return String(pos, unquoted(self._words.next().text))
            case pp.ParenExpr():
                self._words.take("(")
                inner = self.node(tree.expr)
                self._words.take(")")
                return inner
            case pp.UnaryExpr():
                negative = self._words.next().text == "-"
                inner = self.node(tree.expr)
                return Negation(pos, inner) if negative else inner
            case pp.VectorSelector():
                return self._selector(tree, pos)
            case pp.MatrixSelector():
                selector = self._selector(tree.vector_selector, pos, ranged=True)
                return RangeSelector(pos, selector, milliseconds(tree.range))
            case pp.SubqueryExpr():
                return self._subquery(tree, pos)
            case pp.Call():
                return self._call(tree, pos)
            case pp.AggregateExpr():
                return self._aggregate(tree, pos)
            case pp.BinaryExpr():
                return self._binary(tree, pos)
        raise BadQueryError(f"cannot evaluate {type(tree).__name__}")

    def _selector(self, tree: _Tree, pos: int, *, ranged: bool = False) -> Selector:
        if self._words.peek().text != "{":
            self._words.next()
        self._words.skip_brackets("{")
        if ranged:
            self._words.skip_brackets("[")
        shift = self._shift(tree.offset)
        try:
            if tree.matchers.or_matchers:
                groups = [_matchers(tree.name, group) for group in tree.matchers.or_matchers]
            else:
                groups = [_matchers(tree.name, tree.matchers.matchers)]
        except InvalidInputError as error:
            raise BadQueryError(error.message, where=place(self._query, pos)) from error
        return Selector(pos, tuple(groups), shift)

    def _shift(self, offset: timedelta | None) -> Shift:
        at: int | Anchor | None = None
        while True:
            if self._words.take("offset"):
                while self._words.take("-") or self._words.take("+"):
                    pass
                self._words.next()
            elif self._words.take("@"):
                at = self._at_time()
            else:
                return Shift(milliseconds(offset) if offset else 0, at)

    def _at_time(self) -> int | Anchor:
        # Read from the text: the parser's binding cannot give times before 1970.
        for anchor in Anchor:
            if self._words.take(anchor.value):
                self._words.skip_brackets("(")
                return anchor
        sign = 1
        while self._words.peek().text in {"-", "+"}:
            sign = -sign if self._words.next().text == "-" else sign
        word = self._words.next()
        try:
            if word.text[-1:] in _UNITS:
                at_ms = milliseconds(pp.parse_duration(word.text))
            else:
                at_ms = round(float(word.text) * 1000)
        except (ValueError, OverflowError):
            at_ms = _MAX_TIME_MS
        if at_ms < _MAX_TIME_MS:
            return sign * at_ms
        raise BadQueryError(
            f"timestamp out of bounds for @ modifier: {word.text}",
            where=place(self._query, word.pos),
        )

    def _subquery(self, tree: _Tree, pos: int) -> Subquery:
        inner = self.node(tree.expr)
        self._words.skip_brackets("[")
        shift = self._shift(tree.offset)
        step_ms = milliseconds(tree.step) if tree.step else None
        return Subquery(pos, inner, milliseconds(tree.range), step_ms, shift)

    def _call(self, tree: _Tree, pos: int) -> Call:
        name = tree.func.name
        if not self._experimental and (tree.func.experimental or name in _EXPERIMENTAL):
            raise BadQueryError(
                f"function {name!r} is not enabled",
                hint="it is experimental: metrics.query.experimental in madang.yml enables it",
                where=place(self._query, pos),
            )
        self._words.next()
        self._words.take("(")
        args = []
        for arg in tree.args:
            args.append(self.node(arg))
            self._words.take(",")
        self._words.take(")")
        return Call(pos, name, tuple(args), _named(tree.func.return_type, _KINDS))

    def _aggregate(self, tree: _Tree, pos: int) -> Aggregate:
        op = str(tree.op).lower()
        if op in _EXPERIMENTAL_AGGREGATIONS and not self._experimental:
            raise BadQueryError(
                f"{op}() is experimental and must be enabled", where=place(self._query, pos)
            )
        self._words.next()
        self._grouping()
        self._words.take("(")
        param = None
        if tree.param is not None:
            param = self.node(tree.param)
            self._words.take(",")
        inner = self.node(tree.expr)
        self._words.take(",")
        self._words.take(")")
        self._grouping()
        modifier = tree.modifier
        without = modifier is not None and modifier.type == pp.AggModifierType.Without
        labels = frozenset(modifier.labels) if modifier is not None else frozenset()
        return Aggregate(pos, op, inner, param, labels, without)

    def _grouping(self) -> None:
        if self._words.take("by") or self._words.take("without"):
            self._words.skip_brackets("(")

    def _binary(self, tree: _Tree, pos: int) -> Binary:
        left = self.node(tree.lhs)
        self._words.next()
        while True:
            if any(self._words.take(word) for word in _MATCH_WORDS):
                self._words.skip_brackets("(")
            elif not self._words.take("bool"):
                break
        right = self.node(tree.rhs)
        modifier = tree.modifier
        returns_bool = modifier is not None and modifier.return_bool
        return Binary(pos, str(tree.op).lower(), left, right, _matching(modifier), returns_bool)


def _matching(modifier: _Tree) -> Matching:
    if modifier is None:
        return Matching()
    on, labels = False, frozenset[str]()
    if modifier.matching is not None:
        on = modifier.matching.type == pp.LabelModifierType.Include
        labels = frozenset(modifier.matching.labels)
    many = ""
    if modifier.card == pp.VectorMatchCardinality.ManyToOne:
        many = "left"
    elif modifier.card == pp.VectorMatchCardinality.OneToMany:
        many = "right"
    fill = modifier.fill_values
    return Matching(on, labels, many, tuple(modifier.group_labels or ()), fill.lhs, fill.rhs)


def _matchers(name: str | None, matchers: Iterable[Any]) -> tuple[Matcher, ...]:
    named = (Matcher(METRIC_NAME, MatchKind.EQUAL, name),) if name else ()
    return named + tuple(Matcher(m.name, _named(m.op, _MATCH_KINDS), m.value) for m in matchers)


def _named(member: _Tree, names: tuple[tuple[Any, _T], ...]) -> _T:
    # The parser's enums are unhashable, hence no dictionary.
    return next(ours for theirs, ours in names if theirs == member)


def place(query: str, pos: int) -> Place:
    """A position in a query, as errors and annotations name it."""
    line = query.count("\n", 0, pos) + 1
    return Place("query", line, pos - (query.rfind("\n", 0, pos) + 1) + 1)
