"""Queries."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from madang.server.models.base import Answer, Asked, ErrorDetail, Instant


class SqlRequest(Asked):
    """A query."""

    sql: str = Field(max_length=1_000_000)
    """One SELECT statement."""
    params: dict[str, Any] | list[Any] | None = None
    """Values for ``$name`` (an object) or ``?`` (an array)."""
    fresh: bool = True
    """Join what streams hold beyond the tables."""
    max_rows: int | None = Field(default=None, ge=1)
    """More rows are cut, and the answer says so."""
    timeout_s: float | None = Field(default=None, gt=0)
    """The platform's is the longest."""
    query_id: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]{8,64}$")
    """To cancel it by, before the answer begins; default: a new one."""


class SqlColumn(Answer):
    """A column of a result."""

    name: str
    """Its name."""
    type: str
    """As DuckDB writes it."""


class SqlStats(Answer):
    """What a query did."""

    duration_s: float
    """From when a worker took it."""
    rows: int
    """Of the result."""
    bytes_read: int
    """Of table files and streams."""
    tables: list[str]
    """What it read."""
    fresh_rows: int
    """Rows that came from streams."""
    fresh_incomplete: list[str] | None = None
    """Tables whose stream held more than a fresh read decodes (256 MiB): their newest records are
    missing here, until delivery has caught up. Left out where the answer is complete."""


class SqlAnswer(Answer):
    """The answer with ``format=json``."""

    query_id: str
    """Names it."""
    columns: list[SqlColumn]
    """In order."""
    rows: list[list[Any]]
    """Integers beyond 2^53 are text."""
    row_count: int
    """How many rows."""
    truncated: bool
    """Whether rows were cut."""
    stats: SqlStats
    """What it did."""


class QueryRow(Answer):
    """A query and how it is doing."""

    query_id: str
    """Names it."""
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    """Where it is on its way."""
    user: str
    """Who asked."""
    sql: str
    """What was asked."""
    started_at: Instant
    """When it came in."""
    duration_s: float
    """So far, or in all."""
    rows: int
    """Of the result."""
    bytes_read: int
    """Of table files and streams."""
    truncated: bool
    """Whether rows were cut."""
    error: ErrorDetail | None
    """Why it failed."""
    fresh_rows: int = 0
    """Rows that came from streams."""
    fresh_incomplete: list[str] = Field(default_factory=list)
    """Tables whose newest records are missing, for their stream held more than a fresh read
    decodes (256 MiB)."""
    params: dict[str, Any] | list[Any] | None = None
    """The values that were bound; null too where the history cut them for their length."""


class QueriesAnswer(Answer):
    """Queries."""

    queries: list[QueryRow]
    """Those that run first, then the others, newest first."""


class CancelAnswer(Answer):
    """A query that is being ended."""

    query_id: str
    """Names it."""


class CatalogTable(Answer):
    """A table for completion."""

    name: str
    """``<namespace>.<table>``."""
    columns: list[SqlColumn]
    """In order."""


class CatalogAnswer(Answer):
    """What may be named in SQL."""

    tables: list[CatalogTable]
    """By name."""
    functions: list[str]
    """By name."""
