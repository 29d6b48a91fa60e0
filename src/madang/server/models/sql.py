"""Queries."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from madang.server.models.base import Answer, Asked, ErrorDetail, Instant


class SqlRequest(Asked):
    """A query."""

    sql: str = Field(max_length=1_000_000)
    """One statement that reads: ``SELECT``, ``WITH``, ``VALUES``, ``DESCRIBE``, …"""
    params: dict[str, Any] | list[Any] | None = None
    """Values for ``$name`` (an object) or ``?`` (an array)."""
    fresh: bool = True
    """Whether records that are not in their table yet are read too, from the stream."""
    max_rows: int | None = Field(default=None, ge=1)
    """Rows of the answer; further ones are cut, and ``truncated`` says so. Default:
    ``query.max_rows``."""
    timeout_s: float | None = Field(default=None, gt=0)
    """Seconds that it may run; at most, and by default, ``query.timeout``."""
    query_id: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]{8,64}$")
    """A name of one's own, by which the query can be cancelled before its answer begins."""


class SqlColumn(Answer):
    """A column of a result."""

    name: str
    """The column's name."""
    type: str
    """Its type as DuckDB writes it, such as ``BIGINT`` or ``TIMESTAMP WITH TIME ZONE``."""


class SqlStats(Answer):
    """What a query did."""

    duration_s: float
    """Seconds from when a worker took the query."""
    rows: int
    """Rows of the result."""
    bytes_read: int
    """Bytes read of table files and streams."""
    tables: list[str]
    """The tables that were read, with their namespace."""
    fresh_rows: int
    """Rows read that came from streams, since they were not in their table yet."""
    fresh_incomplete: list[str] | None = None
    """Tables whose newest records are missing: their stream held more than a fresh read decodes
    (256 MiB), or is not the one that they were filled from. Left out where the answer is
    complete."""


class SqlAnswer(Answer):
    """The answer with ``format=json``."""

    query_id: str
    """The id of the query, for ``/api/queries``."""
    columns: list[SqlColumn]
    """The columns, in the order of the values."""
    rows: list[list[Any]]
    """The rows, each a list of values. Integers beyond ±2^53 and decimals are text."""
    row_count: int
    """Rows in this answer."""
    truncated: bool
    """Whether there were more rows than ``max_rows``."""
    stats: SqlStats
    """What the query read, and how long it took."""


class QueryRow(Answer):
    """A query and how it is doing."""

    query_id: str
    """The id of the query."""
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    """Where it is on its way."""
    user: str
    """Who asked: a user, or the owner of the token that did. Queries of before there was ``token``
    have ``token:<name>``."""
    token: str | None = None
    """The id of the token that asked; null: somebody signed in."""
    token_name: str | None = None
    """What the token's owner calls it. Tokens of different people may have the same name."""
    sql: str
    """What was asked."""
    started_at: Instant
    """When the query came in."""
    duration_s: float
    """Seconds it runs, or ran in all."""
    rows: int
    """Rows of the result."""
    bytes_read: int
    """Bytes read of table files and streams."""
    truncated: bool
    """Whether the result was cut at ``max_rows``."""
    error: ErrorDetail | None
    """Why it failed; null: it did not."""
    fresh_rows: int = 0
    """Rows read that came from streams."""
    fresh_incomplete: list[str] = Field(default_factory=list)
    """Tables whose newest records are missing: their stream held more than a fresh read decodes
    (256 MiB), or is not the one that they were filled from."""
    params: dict[str, Any] | list[Any] | None = None
    """The values that were bound; null too where the history cut them for their length."""


class QueriesAnswer(Answer):
    """Queries."""

    queries: list[QueryRow]
    """Those that run first, then the others, newest first."""


class CancelAnswer(Answer):
    """A query that is being ended."""

    query_id: str
    """The id of the query; ``GET /api/queries/{query_id}`` tells when it has ended."""


class CatalogTable(Answer):
    """A table for completion."""

    name: str
    """``<namespace>.<table>``."""
    columns: list[SqlColumn]
    """Its columns, in order."""


class CatalogAnswer(Answer):
    """What may be named in SQL."""

    tables: list[CatalogTable]
    """Tables that may be read, by name."""
    functions: list[str]
    """Functions that may be called, by name."""
