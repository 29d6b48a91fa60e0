"""The endpoints that look at a query's text: written out evenly, taken apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from madang.core.errors import InvalidInputError
from madang.metrics.api.answers import Answer, told
from madang.metrics.api.params import Params, invalid
from madang.metrics.promql.errors import BadQueryError
from madang.metrics.promql.tree_view import pretty, tree_of

_T = TypeVar("_T")


def format_query(params: Params) -> Answer:
    """The answer of ``format_query``. Raises InvalidInputError."""
    return told(_read(params, pretty))


def parse_query(params: Params) -> Answer:
    """The answer of ``parse_query``. Raises InvalidInputError."""
    return told(_read(params, tree_of))


def _read(params: Params, read: Callable[[str], _T]) -> _T:
    try:
        return read(query_text(params))
    except BadQueryError as error:
        raise named(error) from None
    except RecursionError:
        raise invalid("query", "the query nests too deep") from None


def query_text(params: Params) -> str:
    """The parameter ``query``. Raises InvalidInputError."""
    text = params.text("query")
    if not text:
        raise invalid("query", "unknown position: parse error: no expression found in input")
    return text


def named(error: BadQueryError) -> InvalidInputError:
    """The error with the parameter that it is about, as Prometheus words it."""
    message = f'invalid parameter "query": {error.message}'
    return BadQueryError(message, hint=error.hint, where=error.where)
