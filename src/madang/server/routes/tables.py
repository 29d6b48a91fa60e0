"""Tables of the lake."""

from __future__ import annotations

import logging

from fastapi import APIRouter, Request

from madang.core.errors import ConflictError
from madang.core.names import is_own
from madang.server.auth import MayAdmin, MayRead
from madang.server.context import ServerContext
from madang.server.models.tables import DroppedTable, TableAnswer, TablesAnswer
from madang.server.routes.answers import ERRORS, NAMED_ERRORS, errors
from madang.server.table_view import TableViews

router = APIRouter(prefix="/api/tables", tags=["tables"])
_log = logging.getLogger(__name__)


@router.get("", responses=ERRORS)
def list_tables(request: Request, _identity: MayRead) -> TablesAnswer:
    """All tables with their sizes."""
    tables: TableViews = request.app.state.tables
    return TablesAnswer(tables=[table.row() for table in tables.all()])


@router.get("/{name}", responses=NAMED_ERRORS)
def get_table(request: Request, name: str, _identity: MayRead) -> TableAnswer:
    """A table with its columns, history, days and files."""
    tables: TableViews = request.app.state.tables
    return tables.full(name)


@router.delete(
    "/{name}", responses={**NAMED_ERRORS, **errors(s409="A stream is still delivered to it.")}
)
def drop_table(request: Request, name: str, identity: MayAdmin) -> DroppedTable:
    """Remove a table with its history and its files; a query that reads it meanwhile fails.

    Streams stay as they are, and so does what `tables/*.yml` says of it.
    """
    context: ServerContext = request.app.state.context
    context.lake.table(name)  # of two reasons to refuse, the nearer one
    if is_own(name):
        raise ConflictError(f"{name} is filled by Madang itself", hint="it is one of Madang's own")
    for stream, spec in sorted(context.project().streams.items()):
        if spec.table == name:
            hint = (
                f"remove streams/{stream}.yml, or deliver it to another table "
                "(deliver: {table: …}), and drop the table then"
            )
            raise ConflictError(f"the stream {stream!r} is delivered to {name}", hint=hint)
    dropped = context.lake.drop(name)
    _log.info("%s dropped %s: %d rows", identity, name, dropped.rows)
    return DroppedTable(name=name, rows=dropped.rows, size_bytes=dropped.size_bytes)
