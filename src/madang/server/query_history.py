"""Queries that ended: from ``system.query_history`` itself, so that a restart forgets none."""

from __future__ import annotations

from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from madang.core.clock import from_us
from madang.project.system import QUERY_HISTORY
from madang.server.asker import Asker
from madang.server.context import ServerContext
from madang.server.models.base import ErrorDetail
from madang.server.models.sql import QueryRow
from madang.server.sampler import opened

_READ_BYTES = 4 * 2**20
_MOST_SCANNED = 20_000
_STEP = 500


def ended_queries(context: ServerContext, limit: int, asker: Asker | None) -> list[QueryRow]:
    """The last ``limit`` SQL queries that ended (of an asker), newest first; of 20,000 of all."""
    stream = opened(context, QUERY_HISTORY)
    if stream is None or not stream.bounds(0).end:
        return []
    bounds = stream.bounds(0)
    found: list[QueryRow] = []
    end = bounds.end
    oldest = max(bounds.earliest, bounds.end - _MOST_SCANNED)
    while end > oldest and len(found) < limit:
        start = max(oldest, end - _STEP)
        rows: list[dict[str, Any]] = []
        offset = start
        while offset < end:
            chunks = stream.read(0, offset, max_bytes=_READ_BYTES)
            if not chunks:
                break
            for chunk in chunks:
                rows += _of_sql(chunk.batch.slice(0, max(0, end - chunk.base_offset))).to_pylist()
                offset = chunk.end_offset
        found += [_row(row) for row in reversed(rows) if asker is None or asker.asked_row(row)]
        end = start
    return found[:limit]


def _of_sql(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Without what dashboards ask in PromQL, every few seconds."""
    if "language" not in batch.schema.names:
        return batch
    return batch.filter(pc.is_null(batch.column("language")))


def _row(row: dict[str, Any]) -> QueryRow:
    error = None
    if row["error"] is not None:
        error = ErrorDetail(code=row["error_code"] or "error", message=row["error"])
    return QueryRow(
        query_id=row["query_id"],
        state=row["state"],
        user=row["user"] or "",
        token=row.get("token"),
        token_name=row.get("token_name"),
        sql=row["sql"] or "",
        started_at=row["started_at"] or row["ts"] or from_us(0),
        duration_s=row["duration_s"] or 0.0,
        rows=row["rows"] or 0,
        bytes_read=row["bytes_read"] or 0,
        truncated=bool(row["truncated"]),
        error=error,
        fresh_rows=row["fresh_rows"] or 0,
        fresh_incomplete=row.get("fresh_incomplete") or [],
        params=_params(row["params"]),
    )


def _params(text: str | None) -> dict[str, Any] | list[Any] | None:
    try:
        value = orjson.loads(text or "null")
    except orjson.JSONDecodeError:  # cut for its length
        return None
    return value if isinstance(value, dict | list) else None
