"""Tables of the lake."""

from __future__ import annotations

from fastapi import APIRouter, Request

from madang.server.auth import MayRead
from madang.server.models.tables import TableAnswer, TablesAnswer
from madang.server.routes.answers import ERRORS, NAMED_ERRORS
from madang.server.table_view import TableViews

router = APIRouter(prefix="/api/tables", tags=["tables"])


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
