"""The tree of a query, as the evaluator walks it. Times and durations are milliseconds.

``pos`` is where in the query's text a node begins, counted in characters from 0.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from madang.metrics.matcher import Matcher


class Kind(enum.Enum):
    """The type of a value."""

    SCALAR = "scalar"
    STRING = "string"
    VECTOR = "vector"
    MATRIX = "matrix"


class Anchor(enum.Enum):
    """A time that ``@`` names relative to the query."""

    START = "start"
    END = "end"


@dataclass(frozen=True, slots=True)
class Node:
    """Any expression."""

    pos: int


@dataclass(frozen=True, slots=True)
class Number(Node):
    """``1``, ``5m`` (300), ``Inf``."""

    value: float


@dataclass(frozen=True, slots=True)
class String(Node):
    """``"text"``."""

    value: str


@dataclass(frozen=True, slots=True)
class Shift:
    """``offset`` and ``@``: which time is read at an evaluation time."""

    offset_ms: int = 0
    at: int | Anchor | None = None


@dataclass(frozen=True, slots=True)
class Selector(Node):
    """``metric{label="value"}``: the newest sample of each series.

    ``groups`` holds alternatives (``or`` between matchers); usually it is one.
    """

    groups: tuple[tuple[Matcher, ...], ...]
    shift: Shift


@dataclass(frozen=True, slots=True)
class RangeSelector(Node):
    """``metric[5m]``."""

    selector: Selector
    range_ms: int


@dataclass(frozen=True, slots=True)
class Subquery(Node):
    """``(expression)[1h:5m]``; ``step_ms`` None is the default step."""

    expr: Node
    range_ms: int
    step_ms: int | None
    shift: Shift


@dataclass(frozen=True, slots=True)
class Call(Node):
    """``function(arguments)``."""

    name: str
    args: tuple[Node, ...]
    kind: Kind


@dataclass(frozen=True, slots=True)
class Aggregate(Node):
    """``sum by (label) (expression)``; ``param`` is the k of ``topk``, and its likes."""

    op: str
    expr: Node
    param: Node | None
    labels: frozenset[str]
    without: bool


@dataclass(frozen=True, slots=True)
class Matching:
    """How the series of two vectors find each other.

    ``many`` is the side that may have several series per match: '', 'left' or 'right'.
    """

    on: bool = False
    labels: frozenset[str] = frozenset()
    many: str = ""
    include: tuple[str, ...] = ()
    fill_left: float | None = None
    fill_right: float | None = None


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """``left + right``."""

    op: str
    left: Node
    right: Node
    matching: Matching
    returns_bool: bool


@dataclass(frozen=True, slots=True)
class Negation(Node):
    """``-expression``."""

    expr: Node


def walk(node: Node) -> Iterator[Node]:
    """A tree's nodes, each before those within it, in the order of the query's text."""
    yield node
    match node:
        case RangeSelector(selector=inner) | Subquery(expr=inner) | Negation(expr=inner):
            yield from walk(inner)
        case Call(args=args):
            for arg in args:
                yield from walk(arg)
        case Aggregate(expr=expr, param=param):
            if param is not None:
                yield from walk(param)
            yield from walk(expr)
        case Binary(left=left, right=right):
            yield from walk(left)
            yield from walk(right)


def kind_of(node: Node) -> Kind:
    """The type of the value of an expression."""
    match node:
        case Number():
            return Kind.SCALAR
        case String():
            return Kind.STRING
        case RangeSelector() | Subquery():
            return Kind.MATRIX
        case Call(kind=kind):
            return kind
        case Negation(expr=expr):
            return kind_of(expr)
        case Binary(left=left, right=right):
            both_scalar = kind_of(left) is Kind.SCALAR and kind_of(right) is Kind.SCALAR
            return Kind.SCALAR if both_scalar else Kind.VECTOR
        case _:
            return Kind.VECTOR
