"""Where the protocols are: routes in front of the application's own."""

from __future__ import annotations

from typing import Protocol

from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from madang.collect.otlp import OtlpDecoder
from madang.server.protocols.influx import InfluxWrite1, InfluxWrite2, Lines
from madang.server.protocols.influx_probes import HEALTH, READY, InfluxPing, InfluxQuery
from madang.server.protocols.otlp import ROUTES as OTLP_ROUTES
from madang.server.protocols.otlp import Otlp
from madang.server.protocols.push import PushDoor, PushEndpoint, Turn
from madang.server.protocols.remote_write import RemoteWrite

_OTLP_KNOWN_BYTES = 512 << 20


class _Endpoint(Protocol):
    """An ASGI application, and the path that it is for."""

    route: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send, /) -> None: ...


def push_routes(door: PushDoor) -> list[BaseRoute]:
    """The routes of remote write, OTLP and line protocol."""
    otlp, otlp_turn = OtlpDecoder(known_limit_bytes=_OTLP_KNOWN_BYTES), Turn()
    lines, lines_turn = Lines(door.context), Turn()
    endpoints: list[_Endpoint] = [
        PushEndpoint(door, RemoteWrite(), Turn()),
        *(PushEndpoint(door, Otlp(route, door.context, otlp), otlp_turn) for route in OTLP_ROUTES),
        PushEndpoint(door, InfluxWrite1(lines), lines_turn),
        PushEndpoint(door, InfluxWrite2(lines), lines_turn),
        InfluxQuery(door.authenticator),
        InfluxPing(),
        HEALTH,
        READY,
    ]
    return [Route(one.route, one) for one in endpoints]
