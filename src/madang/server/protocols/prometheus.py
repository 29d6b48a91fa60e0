"""``/prometheus/…``: Prometheus's HTTP API. Who asks is checked here; the role ``metrics`` answers.

Plain ASGI. All that is wrong under the prefix is said in Prometheus's shape.
"""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qsl

import anyio.to_thread
from starlette.types import Receive, Scope, Send

from madang.core.errors import (
    InvalidInputError,
    MadangError,
    NotFoundError,
    TooLargeError,
)
from madang.metrics.api.answers import failed
from madang.metrics.api.params import check_text
from madang.operate.accounts import Permission
from madang.query.prometheus import FEDERATE, READ, ApiRequest
from madang.server.asked_path import asked_path
from madang.server.asker import query_identity
from madang.server.auth import Authenticator
from madang.server.body import ClientGoneError
from madang.server.context import ServerContext
from madang.server.errors import MethodNotAllowedError, error_headers
from madang.server.protocols.form import read_form

PREFIX = "/prometheus"
_API = "/api/v1/"
_MOST_FORM_BYTES = 10 * 2**20
_MOST_PARAMETERS = 10_000
_FORM_S = 30.0
_TEXT = [(b"content-type", b"text/plain; charset=utf-8")]


class PrometheusRoutes:
    """The ASGI application behind ``/prometheus/{path}``.

    Args:
        context: What the server works with.
        authenticator: Who may read.
    """

    def __init__(self, context: ServerContext, authenticator: Authenticator) -> None:
        self._context = context
        self._authenticator = authenticator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        path = scope["path"].removeprefix(PREFIX)
        scope["madang.route"] = _route_of(path)
        try:
            if path in ("/-/healthy", "/-/ready"):
                await self._probe(path, send)
            elif path == "/-/reload":
                await self._reload(scope, send)
            else:
                await self._relay(path, scope, receive, send)
        except ClientGoneError:
            return
        except MadangError as error:
            await _refuse(error, send)

    async def _probe(self, path: str, send: Send) -> None:
        """Whether it is alive, or ready: without sign-in, as machines ask."""
        if path == "/-/ready":
            await self._context.prometheus.probe()
        text = "Healthy" if path == "/-/healthy" else "Ready"
        body = f"Prometheus Server is {text}.\n".encode()
        await _answer(send, 200, _TEXT, body)

    async def _reload(self, scope: Scope, send: Send) -> None:
        """Read rules and scrape configurations again at once, in Prometheus's words."""
        await self._authenticator.admit(scope, Permission.ADMIN)
        if scope["method"] not in ("POST", "PUT"):
            await _answer(
                send, 405, [*_TEXT, (b"allow", b"POST, PUT")], b"Only POST or PUT requests allowed"
            )
            return
        try:
            await anyio.to_thread.run_sync(self._context.editor.reload)
        except (MadangError, OSError) as error:
            text = f"failed to reload config: {error}\n"
            await _answer(send, 500, _TEXT, text.encode("utf-8", "replace"))
            return
        await _answer(send, 200, [], b"")

    async def _relay(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        identity = await self._authenticator.admit(scope, Permission.READ)
        if scope["method"] not in ("GET", "HEAD", "POST"):
            raise MethodNotAllowedError(f"{path} does not take {scope['method']}")
        if path != FEDERATE and not path.startswith(_API):
            raise NotFoundError(
                f"there is nothing at {asked_path(scope, PREFIX + path)}",
                hint=f"the API is at {asked_path(scope, PREFIX + _API)}",
            )
        endpoint = path.removeprefix(_API)
        is_read = endpoint == READ
        if is_read and scope["method"] != "POST":
            raise MethodNotAllowedError(f"{path} does not take {scope['method']}")
        try:
            body = await read_form(receive, most_bytes=_MOST_FORM_BYTES, within_s=_FORM_S)
        except TooLargeError as error:  # a bad request to Prometheus, not a failed query
            raise InvalidInputError(error.message) from None
        form = b"" if is_read else body
        headers = dict(scope["headers"])
        request = ApiRequest(
            endpoint=endpoint,
            body=body if is_read else b"",
            accept=headers.get(b"accept", b"").decode("latin-1"),
            identity=query_identity(identity, headers.get(b"user-agent", b"").decode("latin-1")),
            # A form comes first, as in Go, whose first value of a name is the one that counts.
            pairs=_pairs(form) + _pairs(scope["query_string"]),
            gzip=b"gzip" in headers.get(b"accept-encoding", b""),
        )
        answering = asyncio.ensure_future(self._pass_on(request, send))
        leaving = asyncio.ensure_future(_left(receive))
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if answering.done():
                answering.result()
        finally:
            leaving.cancel()
            answering.cancel()
            await asyncio.gather(leaving, answering, return_exceptions=True)

    async def _pass_on(self, request: ApiRequest, send: Send) -> None:
        relayed = await self._context.prometheus.ask(request)
        try:
            headers = [(name.encode(), value.encode()) for name, value in relayed.meta.headers]
            if relayed.meta.status == 503:
                headers.append((b"retry-after", b"1"))
            status = relayed.meta.status
            await send({"type": "http.response.start", "status": status, "headers": headers})
            async for piece in relayed:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            relayed.close()


def _route_of(path: str) -> str:
    """The path for the metrics of the server: without what anybody may write in it."""
    endpoint = path.removeprefix(_API)
    if endpoint.startswith("label/"):
        return f"{PREFIX}{_API}label/{{name}}/values"
    return f"{PREFIX}{path}" if endpoint in _KNOWN or path in _KNOWN else f"{PREFIX}/{{path}}"


_KNOWN = frozenset(
    {"query", "query_range", "series", "labels", "metadata", "targets", "rules", "alerts"}
    | {
        "query_exemplars",
        "format_query",
        "parse_query",
        "/-/healthy",
        "/-/ready",
        "/-/reload",
        FEDERATE,
    }
)


def _pairs(text: bytes) -> list[tuple[str, str]]:
    try:
        pairs = parse_qsl(
            text.decode("utf-8", "surrogateescape"),
            keep_blank_values=True,
            errors="surrogateescape",
            max_num_fields=_MOST_PARAMETERS,
        )
    except ValueError as error:
        raise InvalidInputError(f"the parameters cannot be read: {error}") from None
    for name, value in pairs:
        check_text(name, "a parameter's name")
        check_text(value, name)
    return pairs


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _refuse(error: MadangError, send: Send) -> None:
    answer = failed(error)
    headers = [
        (name.lower().encode(), value.encode()) for name, value in error_headers(error).items()
    ]
    if answer.status == 503 and error.status != 503:
        headers.append((b"retry-after", b"1"))
    await _answer(
        send, answer.status, [(b"content-type", b"application/json"), *headers], answer.body
    )


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})
