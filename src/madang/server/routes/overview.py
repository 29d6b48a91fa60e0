"""How everything flows, and how the platform is."""

from __future__ import annotations

from fastapi import APIRouter, Request

from madang.operate.tallies import read_time_fallbacks
from madang.server.auth import MayRead
from madang.server.context import ServerContext
from madang.server.health_view import health_fields, project_view
from madang.server.models.base import instant
from madang.server.models.overview import OverviewAnswer, StatusAnswer
from madang.server.routes.answers import ERRORS
from madang.server.sampler import Sampler
from madang.server.table_view import TableViews
from madang.server.time_fallback_view import by_stream

router = APIRouter(prefix="/api", tags=["overview"])


@router.get("/overview", responses=ERRORS)
def overview(request: Request, _identity: MayRead) -> OverviewAnswer:
    """Everything that the first page shows; asking keeps the rates sampled every two seconds."""
    context: ServerContext = request.app.state.context
    sampler: Sampler = request.app.state.sampler
    tables: TableViews = request.app.state.tables
    request.app.state.ask_sampler()
    streams = context.project().streams
    return OverviewAnswer(
        at=instant(context.clock.now_us()),
        streams=[sampler.flow(name, streams[name]) for name in sorted(streams)],
        tables=[table.flow() for table in tables.all()],
        **health_fields(context.health()),
    )


@router.get("/status", responses=ERRORS)
def status(request: Request, _identity: MayRead) -> StatusAnswer:
    """Health, problems, disk, roles, the project, and streams without readable times."""
    context: ServerContext = request.app.state.context
    return StatusAnswer(
        project=project_view(context),
        time_fallbacks=by_stream(read_time_fallbacks(context.data)),
        **health_fields(context.health()),
    )
