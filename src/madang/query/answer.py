"""A query on its way out, and what is known of it when it is over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from madang.core.errors import MadangError
from madang.query.encode import Piece
from madang.query.request import QueryMeta, QueryRequest, QueryStats


@dataclass(frozen=True, slots=True)
class Finished:
    """What is known of a query when it is over; ``error`` is None where it went well."""

    request: QueryRequest
    stats: QueryStats
    started_at_us: int
    error: MadangError | None


@dataclass(frozen=True, slots=True)
class Answer:
    """A query on its way: what it will answer, and the bytes as they are made."""

    meta: QueryMeta
    stats: QueryStats
    pieces: Iterator[Piece]
