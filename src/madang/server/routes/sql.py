"""Queries: run, watched, cancelled. The answer's bytes come from a worker and are passed on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from madang.core.errors import CancelledError, MadangError
from madang.core.ids import new_id
from madang.core.names import unknown
from madang.operate.accounts import Identity, Permission
from madang.query import Identity as QueryIdentity
from madang.query import QueryRequest, ResultFormat
from madang.server.asker import Asker, query_identity
from madang.server.auth import MayRead
from madang.server.context import RunningQuery, ServerContext
from madang.server.errors import error_response
from madang.server.models.sql import (
    CancelAnswer,
    CatalogAnswer,
    QueriesAnswer,
    QueryRow,
    SqlAnswer,
    SqlRequest,
)
from madang.server.query_history import ended_queries
from madang.server.routes.answers import (
    BODY_ERRORS,
    BUSY_ERRORS,
    ERRORS,
    NAMED_ERRORS,
    errors,
)

router = APIRouter(prefix="/api", tags=["sql"])
QUERY_ID_HEADER = "X-Madang-Query-Id"
_ACCEPTED = {
    "application/json": ResultFormat.JSON,
    "application/x-ndjson": ResultFormat.NDJSON,
    "text/csv": ResultFormat.CSV,
    "application/vnd.apache.parquet": ResultFormat.PARQUET,
    "application/vnd.apache.arrow.stream": ResultFormat.ARROW,
}
_FILES = {ResultFormat.CSV: "csv", ResultFormat.PARQUET: "parquet", ResultFormat.ARROW: "arrows"}


@router.post(
    "/sql",
    response_model=SqlAnswer,
    responses={
        200: {
            "description": "The result; `X-Madang-Query-Id` names the query.",
            "content": {kind: {} for kind in _ACCEPTED if kind != "application/json"},
        },
        **BODY_ERRORS,
        **NAMED_ERRORS,
        **BUSY_ERRORS,
        **errors(s408="It took longer than its time-out.", s499="It was cancelled."),
    },
)
async def run_sql(
    request: Request,
    body: SqlRequest,
    identity: MayRead,
    format_: Annotated[
        ResultFormat | None,
        Query(alias="format", description="Format of the answer; default: by Accept, else json."),
    ] = None,
) -> Response:
    """Run a query and stream its result; a client that leaves cancels it."""
    context: ServerContext = request.app.state.context
    asked = QueryRequest(
        sql=body.sql,
        identity=_asker(request, identity),
        params=body.params,
        format=format_ or _accepted(request.headers.get("accept", "")),
        fresh=body.fresh,
        max_rows=body.max_rows,
        timeout_s=body.timeout_s,
        query_id=body.query_id or new_id(),
    )
    try:
        result = await _unless_client_leaves(request, context, asked)
    except MadangError as error:
        response = error_response(error)
        response.headers[QUERY_ID_HEADER] = asked.query_id
        return response
    headers = {QUERY_ID_HEADER: asked.query_id, "Cache-Control": "no-store"}
    suffix = _FILES.get(asked.format)
    if suffix:
        headers["Content-Disposition"] = f'attachment; filename="{asked.query_id}.{suffix}"'
    return StreamingResponse(_relay(result), media_type=result.meta.content_type, headers=headers)


@router.get("/queries", responses=ERRORS)
async def list_queries(
    request: Request,
    identity: MayRead,
    limit: Annotated[int, Query(ge=1, le=1000, description="At most so many.")] = 100,
    mine: Annotated[
        bool,
        Query(description="Only one's own and one's tokens'; `false` takes an admin."),
    ] = True,
) -> QueriesAnswer:
    """Queries that run, then those that ended, newest first."""
    context: ServerContext = request.app.state.context
    asker = Asker.of(identity) if mine or not identity.may(Permission.ADMIN) else None
    statuses = context.queries.statuses()
    known = [_row(status) for status in statuses if asker is None or asker.asked(status)]
    running = [row for row in known if row.state in ("queued", "running")]
    history = await anyio.to_thread.run_sync(ended_queries, context, limit, asker)
    ended = {row.query_id: row for row in history}
    # What ended this moment may not be in the history yet.
    for row in known:
        if row.state not in ("queued", "running"):
            ended.setdefault(row.query_id, row)
    newest_first = sorted(ended.values(), key=lambda row: row.started_at, reverse=True)
    return QueriesAnswer(queries=[*running, *newest_first][:limit])


@router.get("/queries/{query_id}", responses=NAMED_ERRORS)
async def get_query(request: Request, query_id: str, identity: MayRead) -> QueryRow:
    """How a query is doing, or did."""
    context: ServerContext = request.app.state.context
    asker = None if identity.may(Permission.ADMIN) else Asker.of(identity)
    status = context.queries.status(query_id)
    if status is not None and (asker is None or asker.asked(status)):
        return _row(status)
    for row in await anyio.to_thread.run_sync(ended_queries, context, 5000, asker):
        if row.query_id == query_id:
            return row
    raise unknown("query", query_id, ())


@router.delete("/queries/{query_id}", status_code=202, responses=NAMED_ERRORS)
async def cancel_query(request: Request, query_id: str, identity: MayRead) -> CancelAnswer:
    """End a query; one's own, or as an admin anybody's."""
    context: ServerContext = request.app.state.context
    status = context.queries.status(query_id)
    mine = status is not None and Asker.of(identity).asked(status)
    if not (mine or identity.may(Permission.ADMIN)) or not context.queries.cancel(query_id):
        raise unknown("running query", query_id, ())
    return CancelAnswer(query_id=query_id)


@router.get("/catalog", responses={**ERRORS, **BUSY_ERRORS})
async def catalog(request: Request, identity: MayRead) -> CatalogAnswer:
    """What may be named in SQL, for completion."""
    context: ServerContext = request.app.state.context
    found = await request.app.state.catalog.get(_asker(request, identity), context)
    return CatalogAnswer.model_validate(msgspec.to_builtins(found))


def _asker(request: Request, identity: Identity) -> QueryIdentity:
    return query_identity(identity, request.headers.get("user-agent", ""))


def _accepted(accept: str) -> ResultFormat:
    for part in accept.split(","):
        kind = part.partition(";")[0].strip().lower()
        if kind in _ACCEPTED:
            return _ACCEPTED[kind]
    return ResultFormat.JSON


async def _unless_client_leaves(
    request: Request, context: ServerContext, asked: QueryRequest
) -> RunningQuery:
    running = asyncio.ensure_future(context.queries.run(asked))
    leaving = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({running, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            context.queries.cancel(asked.query_id)
            raise CancelledError("the client left before the answer began")
        return running.result()
    finally:
        leaving.cancel()
        if not running.done():
            running.cancel()
            running.add_done_callback(_close_unwanted)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _close_unwanted(running: asyncio.Future[RunningQuery]) -> None:
    if not running.cancelled() and running.exception() is None:
        # Held by the loop until it is done; nobody else waits for it.
        task = asyncio.ensure_future(running.result().aclose())
        _closing.add(task)
        task.add_done_callback(_closing.discard)


_closing: set[asyncio.Future[None]] = set()


async def _relay(result: RunningQuery) -> AsyncIterator[bytes]:
    try:
        async for piece in result:
            if piece:
                yield piece
    finally:
        with anyio.CancelScope(shield=True):
            await result.aclose()


def _row(status: Any) -> QueryRow:  # noqa: ANN401 -- QueryStatus
    return QueryRow.model_validate(msgspec.to_builtins(status))
