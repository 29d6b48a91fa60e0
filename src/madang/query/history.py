"""``system.query_history``: who read what, how much, and how long it took."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from typing import Any

import orjson
import pyarrow as pa

from madang.core.errors import CancelledError, MadangError
from madang.query.answer import Finished
from madang.stream import Stream

QUERY_HISTORY_SCHEMA = pa.schema(
    [
        pa.field("ts", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("query_id", pa.string(), nullable=False),
        pa.field("user", pa.string()),
        pa.field("client", pa.string()),
        pa.field("sql", pa.string()),
        pa.field("params", pa.string()),
        pa.field("format", pa.string()),
        pa.field("state", pa.string()),
        pa.field("error_code", pa.string()),
        pa.field("error", pa.string()),
        pa.field("tables", pa.list_(pa.string())),
        pa.field("rows", pa.int64()),
        pa.field("bytes_read", pa.int64()),
        pa.field("result_bytes", pa.int64()),
        pa.field("fresh_rows", pa.int64()),
        pa.field("truncated", pa.bool_()),
        pa.field("started_at", pa.timestamp("us", "UTC")),
        pa.field("duration_s", pa.float64()),
        pa.field("queued_s", pa.float64()),
        pa.field("fresh_incomplete", pa.list_(pa.string())),
        pa.field("user_id", pa.int64()),
        pa.field("token", pa.string()),
        pa.field("token_name", pa.string()),
        pa.field("language", pa.string()),
        pa.field("samples_read", pa.int64()),
    ]
)
"""``ts`` is when the query ended; ``state`` is ``done``, ``failed`` or ``cancelled``; ``params`` is
JSON; ``started_at`` is when a worker took it, ``queued_s`` how long it had waited before;
``fresh_incomplete`` names tables whose newest records were not read, null if there are none.
``user`` is who asked, or the owner of the token that did, ``user_id`` their id, ``token`` the
token's id, null for a session, ``token_name`` what its owner calls it. Rows from before there were
``user_id`` and ``token`` have ``token:<name>`` as the ``user`` where a token asked. ``language`` is
null for SQL; with ``promql`` the text under ``sql`` is PromQL, ``rows`` are series and
``samples_read`` the samples that were read for them."""
PROMQL = "promql"
_SQL_CHARACTERS = 100_000
_PARAMS_CHARACTERS = 10_000
_WAITING = 10_000


def state_of(error: MadangError | None) -> str:
    """``done``, ``cancelled`` or ``failed``."""
    if error is None:
        return "done"
    return "cancelled" if isinstance(error, CancelledError) else "failed"


def history_row(finished: Finished) -> dict[str, Any]:
    """A finished query as a row of ``QUERY_HISTORY_SCHEMA``; long texts are cut."""
    request, stats, error = finished.request, finished.stats, finished.error
    return {
        "ts": finished.started_at_us + round(stats.duration_s * 1_000_000),
        "query_id": request.query_id,
        "user": request.identity.user,
        "client": request.identity.client,
        "sql": shown_text(request.sql),
        "params": params_text(request.params),
        "format": request.format.value,
        "state": state_of(error),
        "error_code": error.code if error else None,
        "error": str(error) if error else None,
        "tables": stats.tables,
        "rows": stats.rows,
        "bytes_read": stats.bytes_read,
        "result_bytes": stats.result_bytes,
        "fresh_rows": stats.fresh_rows,
        "truncated": stats.truncated,
        "started_at": finished.started_at_us,
        "duration_s": stats.duration_s,
        "queued_s": request.queued_s,
        "fresh_incomplete": stats.fresh_incomplete or None,
        "user_id": request.identity.user_id,
        "token": request.identity.token,
        "token_name": request.identity.token_name,
    }


def shown_text(text: str) -> str:
    """A query's text as the history keeps it."""
    return text.encode("utf-8", "replace").decode()[:_SQL_CHARACTERS]


def params_text(params: object) -> str | None:
    """Parameters as JSON, or null where there are none."""
    if params is None:
        return None
    try:
        return orjson.dumps(params).decode()[:_PARAMS_CHARACTERS]
    except (TypeError, ValueError):
        return str(params)[:_PARAMS_CHARACTERS]


class HistoryWriter:
    """Appends finished queries to the stream from a thread of its own.

    The answer never waits for it. When the stream refuses (a full disk), rows are kept up to a
    bound and then the oldest are dropped; ``dropped`` counts them.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._queue: queue.Queue[dict[str, Any] | None] = queue.Queue(_WAITING)
        self.dropped = 0
        self._thread = threading.Thread(target=self._write, name="query-history", daemon=True)
        self._thread.start()

    def record(self, finished: Finished) -> None:
        """Queue one finished query; returns at once."""
        self.put(history_row(finished))

    def put(self, row: dict[str, Any]) -> None:
        """Queue one row of the schema; columns that it lacks are null. Returns at once."""
        try:
            self._queue.put_nowait(row)
        except queue.Full:
            self.dropped += 1

    def close(self, timeout_s: float = 5.0) -> None:
        """Write what waits, then stop."""
        try:
            self._queue.put(None, timeout=timeout_s)
        except queue.Full:
            return
        self._thread.join(timeout_s)

    def _write(self) -> None:
        while (row := self._queue.get()) is not None:
            rows = [row]
            ended = False
            while not self._queue.empty() and len(rows) < 1000:
                more = self._queue.get()
                if more is None:
                    ended = True
                    break
                rows.append(more)
            self._append(rows)
            if ended:
                return

    def _append(self, rows: Sequence[dict[str, Any]]) -> None:
        try:
            batch = pa.RecordBatch.from_pylist(list(rows), schema=QUERY_HISTORY_SCHEMA)
            self._stream.submit(batch).result(timeout=30)
        except (MadangError, pa.ArrowException, TimeoutError, OSError):
            self.dropped += len(rows)
