"""``/pushgateway/…``: Prometheus's Pushgateway, whose requests and answers these are."""

from __future__ import annotations

import asyncio
import gzip
import logging
from collections.abc import Callable
from typing import TypeVar

import orjson
from starlette.types import Receive, Scope, Send

from madang import __version__
from madang.collect.pushgateway import PROTOBUF, TEXT, InconsistentPushError, PushGateway
from madang.collect.pushgateway.listing import family_metadata, time_text
from madang.core.errors import DeniedError, InvalidInputError, MadangError, UnavailableError
from madang.core.names import SAMPLES
from madang.core.units import format_duration
from madang.operate.accounts import Permission
from madang.project.metrics_spec import PushgatewaySpec
from madang.server.asked_path import asked_path
from madang.server.body import BodyReader, ClientGoneError
from madang.server.completions import Completions
from madang.server.errors import MethodNotAllowedError
from madang.server.protocols.push import (
    Answer,
    PushDoor,
    header_text,
    refuse,
    reply,
)
from madang.server.protocols.pushgateway_request import (
    PREFIX,
    Asked,
    asked_of,
    life_of,
    wants_protobuf,
)

_log = logging.getLogger(__name__)
_INLINE_BYTES = 2048
_EXPANSION = 8
"""A body that is read in a thread is booked at this multiple."""
_GZIP_FROM_BYTES = 1024
_GZIP_LEVEL = 1
_PLAIN = (b"content-type", b"text/plain; charset=utf-8")
_JSON = (b"content-type", b"application/json")
_ANY_SITE = (
    (b"access-control-allow-headers", b"Accept, Authorization, Content-Type, Origin"),
    (b"access-control-allow-methods", b"GET, POST, DELETE, OPTIONS"),
    (b"access-control-expose-headers", b"Date"),
    (b"cache-control", b"no-cache, no-store, must-revalidate"),
)
_INCONSISTENT = "pushed metrics are invalid or inconsistent with existing metrics: "
_PERMISSIONS = {
    "push": Permission.INGEST,
    "delete": Permission.INGEST,
    "wipe": Permission.INGEST,  # who may delete each group may delete all; the settings allow it
    "metrics": Permission.READ,
    "listing": Permission.READ,
    "status": Permission.READ,
}

T = TypeVar("T")


class PushgatewayRoutes:
    """The ASGI application below ``/pushgateway``; ``open`` and ``close`` it with the server.

    Args:
        door: Who may push, and how bodies are read.
    """

    route = PREFIX + "/{path:path}"

    def __init__(self, door: PushDoor) -> None:
        self._door = door
        context = door.context
        self.gateway = PushGateway(
            context.data.pushed_groups,
            lambda: context.open_stream(SAMPLES),
            self._settings,
            context.clock,
        )
        self._started_at_us = context.clock.now_us()
        self._completions = Completions()
        self._opening: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin to read the groups that are there; requests wait for it."""
        self._opening = asyncio.create_task(asyncio.to_thread(self.gateway.open))
        self._opening.add_done_callback(_tell_failure)

    async def close(self) -> None:
        """Finish what was taken."""
        if self._opening is not None:
            await asyncio.gather(self._opening, return_exceptions=True)
        await asyncio.to_thread(self.gateway.close)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        scope["madang.route"] = self.route
        reader: BodyReader | None = None
        try:
            asked = asked_of(scope, utf8_names=self._settings().utf8_names)
            scope["madang.route"] = asked.route
            permission = _PERMISSIONS.get(asked.action)
            if permission is not None:
                await self._door.authenticator.admit(scope, permission)
            await self._opened()
            if asked.action == "push":
                reader = self._door.reader(scope, receive)
                answer = await self._push(asked, scope, reader)
            else:
                answer = await self._answer(asked, scope)
        except ClientGoneError:
            return
        except MadangError as error:
            await refuse(error, _refusal(error), reader, receive, send)
            return
        await reply(send, answer)

    async def _push(self, asked: Asked, scope: Scope, reader: BodyReader) -> Answer:
        assert asked.labels is not None
        labels, life_s = asked.labels, life_of(scope)
        encoding = header_text(scope, b"content-encoding")
        try:
            pieces = await reader.read()
            size_bytes = scope["madang.bytes_in"] = sum(map(len, pieces))
            inline = size_bytes <= _INLINE_BYTES and not encoding
            push, error = await self._work(
                lambda: self.gateway.read(
                    labels,
                    pieces,
                    replaces=scope["method"] == "PUT",
                    ttl_s=life_s,
                    content_type=header_text(scope, b"content-type"),
                    content_encoding=encoding,
                    limit_bytes=self._door.context.project().platform.server.max_body_size,
                ),
                size_bytes=0 if inline else size_bytes,
            )
            await self._completions.wait(self.gateway.push(push))
        finally:
            reader.release()
        if error is not None:
            raise error
        self._door.writer.families.note(family_metadata(push))
        return Answer(200)

    async def _answer(self, asked: Asked, scope: Scope) -> Answer:
        action = asked.action
        if action == "metrics":
            return await self._metrics(scope)
        if action == "listing":
            return _json(await self._work(self.gateway.listing, size_bytes=1))
        if action in ("delete", "wipe"):
            if action == "wipe" and not self._settings().admin_api:
                raise _NotEnabledError("404 page not found")
            await self._completions.wait(self.gateway.delete(asked.labels))
            return Answer(202)
        if action == "status":
            return _json(self._status())
        if action in ("healthy", "ready"):
            if self.gateway.full:
                raise UnavailableError("write queue is full")
            return Answer(200, (_PLAIN,), b"OK")
        if action == "options":
            return Answer(200, _ANY_SITE)
        if action == "quit":
            raise DeniedError("Lifecycle API is not enabled.")
        if action == "quit_by_get":
            raise MethodNotAllowedError("Only POST or PUT requests allowed.", hint="PUT, POST")
        return Answer(200, (_PLAIN,), _front(asked_path(scope, PREFIX).rstrip("/")).encode())

    async def _metrics(self, scope: Scope) -> Answer:
        protobuf = wants_protobuf(header_text(scope, b"accept"))
        packed = "gzip" in header_text(scope, b"accept-encoding")

        def page() -> tuple[bytes, bool]:
            body = self.gateway.page(protobuf=protobuf)
            if packed and len(body) >= _GZIP_FROM_BYTES:
                return gzip.compress(body, _GZIP_LEVEL), True
            return body, False

        body, is_packed = await self._work(page, size_bytes=1)
        headers = [(b"content-type", (PROTOBUF if protobuf else TEXT).encode())]
        if is_packed:
            headers.append((b"content-encoding", b"gzip"))
        return Answer(200, headers, body)

    def _status(self) -> dict[str, object]:
        settings = self._settings()
        ttl_s = settings.ttl
        return {
            "build_information": {"version": __version__, "branch": "", "revision": ""},
            "flags": {
                "push.enable-utf8-names": str(settings.utf8_names).lower(),
                "web.enable-admin-api": str(settings.admin_api).lower(),
                "madang.interval": format_duration(settings.interval),
                "madang.ttl": "" if ttl_s is None else format_duration(ttl_s),
            },
            "start_time": time_text(self._started_at_us),
            "broken_files": [path.name for path in self.gateway.broken],
            "samples_error": None if self.gateway.error is None else str(self.gateway.error),
        }

    def _settings(self) -> PushgatewaySpec:
        return self._door.context.project().platform.metrics.pushgateway

    async def _opened(self) -> None:
        """Wait until the groups that are on disk are there."""
        opening = self._opening
        if opening is None:
            raise UnavailableError("the push gateway is not open")
        try:
            await asyncio.shield(opening)
        except OSError as error:
            raise UnavailableError(f"the pushed groups cannot be read: {error}") from None

    async def _work(self, work: Callable[[], T], *, size_bytes: int) -> T:
        """Do what may take a while in a thread, booked at its size; at once if that is 0."""
        if not size_bytes:
            return work()
        extra_bytes = size_bytes * (_EXPANSION - 1)
        self._door.flight.book(extra_bytes, own_bytes=size_bytes)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._door.executor, work)
        finally:
            self._door.flight.release(extra_bytes)


class _NotEnabledError(InvalidInputError):
    """A path that the settings do not open."""

    status = 404


def _json(data: object) -> Answer:
    body = orjson.dumps({"status": "success", "data": data})
    return Answer(200, (_JSON, *_ANY_SITE), body)


def _refusal(error: MadangError) -> Answer:
    """An error as plain text, in the words of Go's library where that one decides."""
    headers = [_PLAIN]
    text = error.message
    if isinstance(error, InconsistentPushError):
        text = _INCONSISTENT + text
    elif error.status == 404:
        text = "404 page not found"
    elif isinstance(error, MethodNotAllowedError):
        headers.append((b"allow", (error.hint or "").encode()))
        text = text if "Only" in text else "Method Not Allowed"
    elif error.hint and error.status != 400:
        text = f"{text} ({error.hint})"
    return Answer(error.status, headers, f"{text}\n".encode())


def _tell_failure(opening: asyncio.Task[None]) -> None:
    if not opening.cancelled() and (error := opening.exception()) is not None:
        _log.error("the pushed groups cannot be read: %s", error)


def _front(prefix: str) -> str:
    return f"""Madang takes metrics here as Prometheus's Pushgateway does.

PUT, POST, DELETE {prefix}/metrics/job/<job>{{/<label>/<value>}}
GET {prefix}/metrics
GET {prefix}/api/v1/metrics
GET {prefix}/api/v1/status
"""
