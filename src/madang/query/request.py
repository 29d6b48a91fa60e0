"""What goes through the door and what comes out: requests, descriptions of results, statistics."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from madang.core.ids import new_id


class ResultFormat(StrEnum):
    """How a result is written."""

    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"
    PARQUET = "parquet"
    ARROW = "arrow"

    @property
    def content_type(self) -> str:
        """The media type of the format."""
        return _CONTENT_TYPES[self]


_CONTENT_TYPES = {
    ResultFormat.JSON: "application/json",
    ResultFormat.NDJSON: "application/x-ndjson",
    ResultFormat.CSV: "text/csv; charset=utf-8",
    ResultFormat.PARQUET: "application/vnd.apache.parquet",
    ResultFormat.ARROW: "application/vnd.apache.arrow.stream",
}


class Identity(msgspec.Struct, frozen=True):
    """Who asks.

    ``user`` is a user's name, the owner's where a token asks: nobody can pick another's. Who is the
    same is told by ``user_id`` and ``token``; ``token_name`` is what the owner calls it.
    """

    user: str
    role: str = "viewer"
    """``admin``, ``editor`` or ``viewer``."""
    scope: str = "read"
    """Scope of the token or session: ``read`` or ``admin``; ``ingest`` reads nothing."""
    client: str = ""
    """What they ask with: ``ui``, ``api``, ``cli``."""
    user_id: int | None = None
    """The user's id, never given out again; None where no accounts are asked."""
    token: str | None = None
    """The id of the token that asks; None: a session."""
    token_name: str | None = None


class QueryRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One query.

    ``params`` are values for ``$name`` (a dict) or ``?`` (a list); JSON scalars, lists and objects.
    ``fresh``: join what the streams hold beyond the tables' snapshots. ``max_rows`` and
    ``timeout_s`` default to the platform's; a larger time-out than the platform's is cut to it.
    """

    sql: str
    identity: Identity
    params: dict[str, Any] | list[Any] | None = None
    format: ResultFormat = ResultFormat.JSON
    fresh: bool = True
    max_rows: int | None = None
    timeout_s: float | None = None
    query_id: str = msgspec.field(default_factory=new_id)
    queued_s: float = 0.0
    """Seconds that it waited for a worker, as measured by the pool."""


class ColumnInfo(msgspec.Struct, frozen=True):
    """A column of a result: its name and its SQL type, as DuckDB writes it."""

    name: str
    type: str


class QueryMeta(msgspec.Struct, frozen=True):
    """What is known of a result before its first byte."""

    query_id: str
    columns: list[ColumnInfo]
    format: ResultFormat
    content_type: str


class QueryStats(msgspec.Struct):
    """What a query did. ``bytes_read``: of table files and streams."""

    rows: int = 0
    bytes_read: int = 0
    fresh_rows: int = 0
    truncated: bool = False
    tables: list[str] = msgspec.field(default_factory=list)
    duration_s: float = 0.0
    result_bytes: int = 0
    fresh_incomplete: list[str] = msgspec.field(default_factory=list)
    """Tables whose stream held more than a fresh read takes; the newest records are missing."""
