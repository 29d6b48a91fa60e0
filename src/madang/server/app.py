"""The application: routes, errors, authentication and the gate around them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import anyio.to_thread
from fastapi import FastAPI
from starlette.routing import Route

from madang import __version__
from madang.collect.families_file import PUSHED
from madang.collect.pushed_families import PushedFamilies
from madang.core.names import SAMPLES
from madang.server.access_log import AccessLog
from madang.server.auth import Authenticator
from madang.server.catalog_cache import CatalogCache
from madang.server.context import ServerContext
from madang.server.errors import add_error_handlers
from madang.server.flight import Flight
from madang.server.gate import Gate
from madang.server.ingest import Ingest
from madang.server.openapi_document import add_openapi
from madang.server.own_ports import OwnPorts
from madang.server.protocols import SampleWriter, prometheus
from madang.server.protocols.mounted import push_routes
from madang.server.protocols.prometheus import PrometheusRoutes
from madang.server.protocols.push import PushDoor
from madang.server.protocols.pushgateway import PushgatewayRoutes
from madang.server.routes import (
    dead_letters,
    health,
    ingest,
    overview,
    project,
    session,
    sql,
    streams,
    tables,
    tokens,
    ui,
    users,
)
from madang.server.sampler import Sampler
from madang.server.series_names import SeriesNames
from madang.server.static import WebUi
from madang.server.table_view import TableViews
from madang.server.tail import Tails

_log = logging.getLogger(__name__)
_THREADS = 8
_FLUSH_USES_S = 20.0
_FAMILIES_S = 5.0
_MIN_FLIGHT_BYTES = 256 * 2**20
_ROUTERS = (
    session.router,
    users.router,
    tokens.router,
    overview.router,
    streams.router,
    dead_letters.router,
    project.router,
    tables.router,
    sql.router,
    ingest.router,
    health.router,
    ui.router,  # the last: it takes every path
)


def create_app(context: ServerContext) -> FastAPI:
    """The HTTP application.

    Args:
        context: What the routes work with. It stays the caller's, who closes it after the server.
    """
    executor = ThreadPoolExecutor(2, thread_name_prefix="serve")
    decoders = ThreadPoolExecutor(2, thread_name_prefix="pushed")
    authenticator = Authenticator(context.accounts, context.clock)
    door = _push_door(context, authenticator, decoders)
    access_log = AccessLog(context.data.logs / "access.jsonl", executor)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = _THREADS
        loop = asyncio.get_running_loop()
        app.state.ask_sampler = lambda: loop.call_soon_threadsafe(sampler.asked)
        tasks = [
            asyncio.create_task(_flush_uses(context)),
            asyncio.create_task(sampler.run()),
            asyncio.create_task(_keep_families(door.writer.families)),
        ]
        pushgateway.open()
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await pushgateway.close()
            await context.queries.close()
            await access_log.close()
            await _write_families(door.writer.families)
            executor.shutdown()
            decoders.shutdown()

    app = describe()
    app.router.lifespan_context = lifespan
    app.state.context = context
    app.state.authenticator = authenticator
    app.state.executor = executor
    app.state.stopping = stopping = asyncio.Event()
    app.state.sampler = sampler = Sampler(context)
    app.state.tails, app.state.series_names = (
        Tails(stopping),
        SeriesNames(context.lake, lambda: context.open_stream(SAMPLES)),
    )
    app.state.tables = TableViews(context)
    app.state.catalog = CatalogCache()
    app.state.ui = WebUi(context.ui)
    # In front of the described route of the same path, which only documents it.
    pushgateway = PushgatewayRoutes(door)
    app.router.routes[:0] = [
        Route("/ingest/{stream:path}", Ingest(context, authenticator, executor, door.flight)),
        *push_routes(door),
        Route(pushgateway.route, pushgateway),
        # Behind those of other protocols under the prefix, which are more than a path to relay.
        Route(f"{prometheus.PREFIX}/{{path:path}}", PrometheusRoutes(context, authenticator)),
    ]
    add_error_handlers(app)
    app.add_middleware(Gate, clock=context.clock, access_log=access_log, hosts=context.hosts)
    app.add_middleware(OwnPorts, ports=context.ports)
    return app


def describe() -> FastAPI:
    """The routes alone: enough for the OpenAPI document, not for a request."""
    app = FastAPI(
        title="Madang",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
        separate_input_output_schemas=False,
    )
    for router in _ROUTERS:
        # Not include_router, which wraps: the gate, near matches and OpenAPI want plain routes.
        app.router.routes.extend(router.routes)
    add_openapi(app)
    return app


def _push_door(
    context: ServerContext, authenticator: Authenticator, decoders: ThreadPoolExecutor
) -> PushDoor:
    limit_bytes = context.project().platform.server.max_body_size

    def late_s() -> float:
        return context.project().platform.metrics.out_of_order

    families = PushedFamilies(context.data.root / "collect" / PUSHED)
    return PushDoor(
        context,
        authenticator,
        SampleWriter(context.open_stream, context.clock, families, late_s),
        decoders,
        Flight(max(_MIN_FLIGHT_BYTES, 2 * limit_bytes)),
    )


async def _flush_uses(context: ServerContext) -> None:
    while True:
        await asyncio.sleep(_FLUSH_USES_S)
        try:
            await anyio.to_thread.run_sync(context.accounts.last_use.flush)
        except Exception:  # noqa: BLE001 -- tried again; only "last used" is late
            _log.warning("last uses could not be written", exc_info=True)


async def _keep_families(families: PushedFamilies) -> None:
    while True:
        await asyncio.sleep(_FAMILIES_S)
        await _write_families(families)


async def _write_families(families: PushedFamilies) -> None:
    if not families.changed:
        return
    taken = families.take()
    try:
        await anyio.to_thread.run_sync(families.write, taken)
    except OSError:
        families.changed = True
        _log.warning("what senders say of metrics could not be written", exc_info=True)
