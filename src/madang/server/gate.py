"""The gate: what happens to every request, before and behind its route.

Host check, security headers, access log, metrics, and a last net for our own bugs. Plain ASGI and
one wrapper of ``send``, since ingest's requests pass it too.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from madang.core.clock import Clock
from madang.core.errors import MadangError
from madang.operate.accounts import Identity
from madang.server.access_log import Access, AccessLog
from madang.server.errors import ForeignHostError, error_response, unexpected
from madang.server.metrics import observe_request

_log = logging.getLogger(__name__)
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
_COMMON = ((b"x-content-type-options", b"nosniff"),)
_PAGES = (
    *_COMMON,
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
    (
        b"content-security-policy",
        # Vite's build needs no inline script; Mantine and ECharts set style attributes.
        b"default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        b"img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; "
        b"worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; "
        b"frame-ancestors 'none'",
    ),
)
_CLIENT_GONE = 499
PROTOCOL_PREFIXES = ("/prometheus/", "/pushgateway/", "/influx/", "/otlp/")
"""Paths of other systems' protocols: nothing is assumed of what their clients send."""
_FOR_PROGRAMS = ("/ingest/", *PROTOCOL_PREFIXES)
_WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class Gate:
    """ASGI middleware around the whole application.

    Args:
        app: What is inside.
        clock: For the access log's times.
        access_log: Where requests are noted.
        hosts: Names that the Host header may hold; None for any. A server that listens on loopback
            only refuses others, so that a foreign page cannot reach it by rebinding its own name.
    """

    def __init__(
        self, app: ASGIApp, clock: Clock, access_log: AccessLog, hosts: frozenset[str] | None
    ) -> None:
        self._app = app
        self._clock = clock
        self._access_log = access_log
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started_s = time.perf_counter()
        status, bytes_out = 0, 0
        for_programs = scope["path"].startswith(_FOR_PROGRAMS)
        extra = _COMMON if for_programs else _PAGES

        async def counted(message: Message) -> None:
            nonlocal status, bytes_out
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *extra]
            else:
                bytes_out += len(message.get("body", b""))
            await send(message)

        try:
            refused = _foreign(scope["headers"], scope.get("madang.hosts", self._hosts))
            if refused is not None:
                await error_response(refused)(scope, receive, counted)
            else:
                if not for_programs and scope["method"] in _WITH_BODY:
                    _assume_json(scope)
                await self._app(scope, receive, counted)
        except MadangError as error:
            # A stream that failed half way, such as a query over its time. Ending the connection
            # before the answer's end is the only way left to say so.
            _log.info("an answer was broken off: %s", error)
            if not status:
                await error_response(error)(scope, receive, counted)
        except Exception as error:
            bug = unexpected(error, scope["method"], scope["path"])
            if status:
                raise
            await error_response(bug)(scope, receive, counted)
        finally:
            self._note(scope, status or _CLIENT_GONE, time.perf_counter() - started_s, bytes_out)

    def _note(self, scope: Scope, status: int, duration_s: float, bytes_out: int) -> None:
        route = route_of(scope)
        method = scope["method"]
        observe_request(method, route, status, duration_s)
        client = scope.get("client")
        identity: Identity | None = scope.get("madang.identity")
        self._access_log.write(
            Access(
                ended_at_us=self._clock.now_us(),
                method=method,
                route=route,
                path=scope["path"][:1024],
                status=status,
                duration_s=duration_s,
                bytes_in=_bytes_in(scope),
                bytes_out=bytes_out,
                user=identity.user if identity else None,
                client=client[0] if client else None,
                agent=_header(scope, b"user-agent"),
                token=identity.token if identity else None,
                token_name=identity.token_name if identity else None,
            )
        )


def _foreign(
    headers: list[tuple[bytes, bytes]], hosts: frozenset[str] | None
) -> MadangError | None:
    if hosts is None:
        return None
    for name, value in headers:
        if name == b"host":
            host = host_name(value)
            if host in hosts:
                return None
            return ForeignHostError(
                f"this server is not {host!r}",
                hint="call it by the address that it listens on, or list the name under "
                "server.hosts in madang.yml",
            )
    return None


def allowed_hosts(host: str, further: tuple[str, ...] = ()) -> frozenset[str] | None:
    """The names that a server on ``host`` answers to; None: any, since it is not on loopback."""
    if host in ("localhost", "::1") or host.startswith("127."):
        return _LOOPBACK_NAMES | {host, *(name.lower() for name in further)}
    return None


def host_name(header: bytes) -> str:
    """The name in a Host header, without its port, in lower case."""
    text = header.decode("latin-1").strip().lower()
    if text.startswith("["):
        return text.partition("]")[0] + "]"
    return text.partition(":")[0]


def route_of(scope: Scope) -> str:
    """The template of the path, such as ``/api/streams/{stream}``; ``other`` where none fits."""
    named: Any = scope.get("madang.route")
    if named is None:
        named = getattr(scope.get("route"), "path", None)
    return named or "other"


def _assume_json(scope: Scope) -> None:
    """Take what ``curl -d`` calls a form for the JSON that it is; no route takes forms.

    Only with a token: a foreign page can send a form with somebody's cookie, and JSON it cannot.
    """
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    if not any(name == b"authorization" for name, _ in headers):
        return
    kept = [(name, value) for name, value in headers if name != b"content-type"]
    told = [value for name, value in headers if name == b"content-type"]
    if not told or told[0].lower().startswith(b"application/x-www-form-urlencoded"):
        scope["headers"] = [*kept, (b"content-type", b"application/json")]


def _bytes_in(scope: Scope) -> int:
    counted: Any = scope.get("madang.bytes_in")
    if counted is not None:
        return int(counted)
    told = _header(scope, b"content-length")
    return int(told) if told and told.isdigit() else 0


def _header(scope: Scope, wanted: bytes) -> str | None:
    name: bytes
    value: bytes
    for name, value in scope["headers"]:
        if name == wanted:
            return value.decode("latin-1")[:512]
    return None
