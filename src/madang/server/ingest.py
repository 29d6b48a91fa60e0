"""``POST /ingest/{stream}``: a body → records on disk → the acknowledgement. The hot path.

Plain ASGI. Small line bodies are split on the event loop (microseconds); large, compressed and
structured ones in a thread. Nothing is submitted before the body is complete, so a client that
leaves in the middle leaves nothing behind.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from madang.collect import (
    ContentFormat,
    Media,
    SplitBody,
    UnsupportedMediaError,
    decompress,
    detect_media,
    split_body,
)
from madang.collect.bodies.arrow_body import read_ipc
from madang.core.clock import Clock
from madang.core.errors import (
    DeniedError,
    InvalidInputError,
    MadangError,
    NotFoundError,
    Place,
)
from madang.core.names import DEAD_SUFFIX, SYSTEM_NAMESPACE, unknown
from madang.operate.accounts import Permission
from madang.project import Project, RecordFormat, StreamSpec
from madang.server.append import append
from madang.server.auth import Authenticator, check_permission
from madang.server.body import BodyReader, ClientGoneError, declared_length, drain
from madang.server.completions import Completions
from madang.server.context import ServerContext
from madang.server.errors import MethodNotAllowedError, error_body, error_headers
from madang.server.flight import Flight
from madang.server.metrics import INGEST_BYTES, INGEST_RECORDS
from madang.stream import Appended, LogStream

_INLINE_BYTES = 2**20
_LINES = {ContentFormat.NDJSON, ContentFormat.PLAIN}
_MAX_KEY_LENGTH = 256
_MIN_FLIGHT_BYTES = 256 * 2**20
_EXPANSION = 4
"""A compressed body is booked at this multiple: its records take memory too."""


@dataclass(slots=True)
class _Target:
    """A stream that is written to, resolved once for each state of the project."""

    name: str
    stream: LogStream | None
    """None: a typed stream that its first Arrow body defines."""
    spec: StreamSpec
    records: object
    body_bytes: object


@dataclass(frozen=True, slots=True)
class _Query:
    format: str | None
    key: bytes | None


@dataclass(slots=True)
class _Headers:
    content_length: bytes | None = None
    content_type: str | None = None
    content_encoding: str | None = None
    idempotency_key: str | None = None


class Ingest:
    """The ASGI application behind ``/ingest/{stream}``.

    Args:
        context: What the server works with.
        authenticator: Who may append.
        executor: Threads for what is too much for the event loop.
    """

    def __init__(
        self, context: ServerContext, authenticator: Authenticator, executor: Executor
    ) -> None:
        self._context = context
        self._clock: Clock = context.clock
        self._authenticator = authenticator
        self._executor = executor
        self._completions = Completions()
        self._targets: dict[str, _Target] = {}
        self._project: Project | None = None
        limit_bytes = context.project().platform.server.max_body_size
        self._flight = Flight(max(_MIN_FLIGHT_BYTES, 2 * limit_bytes))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        scope["madang.route"] = "/ingest/{stream}"
        reader: BodyReader | None = None
        try:
            headers = _headers(scope["headers"])
            target = await self._admit(scope)
            settings = self._context.project().platform.server
            limit_bytes = settings.max_body_size
            length = declared_length(headers.content_length, limit_bytes)
            reader = BodyReader(
                receive,
                self._flight,
                length,
                limit_bytes=limit_bytes,
                timeout_s=settings.body_timeout,
            )
            try:
                pieces = await reader.read()
                size_bytes = scope["madang.bytes_in"] = sum(map(len, pieces))
                if not size_bytes:
                    raise InvalidInputError(
                        "the body is empty", hint="send at least one record, a line each"
                    )
                query = _query(scope["query_string"])
                split = await self._split(target, pieces, size_bytes, headers, query)
                del pieces
                assert target.stream is not None
                futures = append(target.stream, split, target.spec.key, headers.idempotency_key)
                appended = [await self._completions.wait(future) for future in futures]
            finally:
                reader.release()
        except ClientGoneError:
            return
        except MadangError as error:
            await _refuse(error, reader, receive, send)
            return
        count = sum(one.count for one in appended)
        target.body_bytes.inc(size_bytes)  # type: ignore[attr-defined]
        target.records.inc(count)  # type: ignore[attr-defined]
        await _answer(send, _acknowledgement(target.name, count, appended))

    async def _admit(self, scope: Scope) -> _Target:
        method: str = scope["method"]
        if method != "POST":
            raise MethodNotAllowedError(
                f"{scope['path']} does not take {method}", hint="it takes POST"
            )
        identity = await self._authenticator.identify(method, scope["headers"])
        scope["madang.user"] = identity.name
        check_permission(identity, Permission.INGEST)
        return self._target(scope["path"].removeprefix("/ingest/"))

    def _target(self, name: str) -> _Target:
        project = self._context.project()
        if project is not self._project:
            self._targets.clear()
            self._project = project
        found = self._targets.get(name)
        if found is not None:
            return found
        if name.startswith(f"{SYSTEM_NAMESPACE}.") or name.endswith(DEAD_SUFFIX):
            raise DeniedError(f"{name!r} is Madang's own stream; nobody else appends to it")
        spec = project.streams.get(name)
        if spec is None:
            own = [known for known in project.streams if not known.startswith(SYSTEM_NAMESPACE)]
            raise unknown(
                "stream",
                name,
                own,
                otherwise=f"create it: PUT /api/streams/{name}, or madang streams create",
            )
        try:
            stream = self._context.open_stream(name)
        except NotFoundError:
            if spec.format is not RecordFormat.TYPED:
                raise
            stream = None
        target = _Target(
            name,
            stream,
            spec,
            INGEST_RECORDS.labels(name),
            INGEST_BYTES.labels(name),
        )
        if stream is not None:
            self._targets[name] = target
        return target

    async def _split(
        self,
        target: _Target,
        pieces: list[bytes],
        size_bytes: int,
        headers: _Headers,
        query: _Query,
    ) -> SplitBody:
        arrived_at_us = self._clock.now_us()
        encoding = headers.content_encoding
        spec = target.spec
        known = _told_media(headers.content_type, query.format)
        if (
            encoding is None
            and known is not None
            and known.format in _LINES
            and size_bytes <= _INLINE_BYTES
            and spec.format is not RecordFormat.TYPED
            and (spec.key is None or query.key is not None)
        ):
            body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            return _split_one(body, known, target, query.key, arrived_at_us)
        if encoding is not None:
            # Inflated at least; the budget counts what it will take, not what travelled.
            self._flight.book(extra := size_bytes * (_EXPANSION - 1))
        else:
            extra = 0
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._executor, self._split_in_thread, target, pieces, headers, query, arrived_at_us
            )
        finally:
            self._flight.release(extra)

    def _split_in_thread(
        self,
        target: _Target,
        pieces: list[bytes],
        headers: _Headers,
        query: _Query,
        arrived_at_us: int,
    ) -> SplitBody:
        limit_bytes = self._context.project().platform.server.max_body_size
        body = decompress(headers.content_encoding, pieces, limit_bytes)
        if not body:
            raise InvalidInputError("the body is empty", hint="send at least one record")
        media = detect_media(
            headers.content_type,
            requested=query.format,
            head=body[:64],
            stream_format=target.spec.format,
        )
        if target.stream is None:
            target.stream = self._define(target.name, body, media)
        return _split_one(body, media, target, query.key, arrived_at_us)

    def _define(self, name: str, body: bytes, media: Media) -> LogStream:
        if media.format is not ContentFormat.ARROW:
            raise UnsupportedMediaError(
                f"{name!r} is a typed stream without columns yet",
                hint="send its first records as application/vnd.apache.arrow.stream: they "
                "decide the columns",
            )
        schema = read_ipc(body).schema.remove_metadata()
        if not len(schema):
            raise InvalidInputError("the first batch of a typed stream has no columns")
        return self._context.define_stream(name, schema)


def _split_one(
    body: bytes, media: Media, target: _Target, key: bytes | None, arrived_at_us: int
) -> SplitBody:
    spec, stream = target.spec, target.stream
    assert stream is not None
    return split_body(
        body,
        media=media,
        max_record_size_bytes=spec.max_record_size,
        arrived_at_us=arrived_at_us,
        stream_format=spec.format,
        schema=stream.schema,
        key_field=spec.key,
        key=key,
        csv_header=not spec.header,
    )


@lru_cache(maxsize=256)
def _told_media(content_type: str | None, requested: str | None) -> Media | None:
    """The media that headers alone tell, or None where the body must be looked at.

    Raises:
        UnsupportedMediaError: a type or charset that cannot be read.
        InvalidInputError: an unknown ``requested`` format.
    """
    if requested is None and content_type is None:
        return None
    plain = detect_media(content_type, requested=requested, stream_format=RecordFormat.JSON)
    other = detect_media(content_type, requested=requested, stream_format=RecordFormat.CSV)
    # What depends on the stream was not told.
    return plain if plain == other else None


@lru_cache(maxsize=1024)
def _query(raw: bytes) -> _Query:
    """The query string.

    Raises:
        InvalidInputError: an unknown parameter, or one that is too long.
    """
    found: dict[str, str] = {}
    for name, value in parse_qsl(raw.decode("latin-1"), keep_blank_values=True):
        if name not in ("format", "key"):
            raise InvalidInputError(
                f"there is no parameter {name!r}", hint="format and key", where=Place(name)
            )
        found[name] = value
    key = found["key"].encode() if found.get("key") else None
    if key is not None and len(key) > _MAX_KEY_LENGTH:
        raise InvalidInputError(
            f"the key takes {len(key)} bytes, more than {_MAX_KEY_LENGTH}", where=Place("key")
        )
    return _Query(found.get("format"), key)


def _headers(pairs: list[tuple[bytes, bytes]]) -> _Headers:
    found = _Headers()
    for name, value in pairs:
        if name == b"content-length":
            found.content_length = value
        elif name == b"content-type":
            found.content_type = value.decode("latin-1")
        elif name == b"content-encoding":
            if value.strip().lower() not in (b"", b"identity"):
                found.content_encoding = value.decode("latin-1")
        elif name == b"idempotency-key":
            found.idempotency_key = _idempotency_key(value)
    return found


def _idempotency_key(header: bytes) -> str:
    key = header.strip().strip(b'"')
    if not 1 <= len(key) <= _MAX_KEY_LENGTH:
        raise InvalidInputError(
            f"an Idempotency-Key has 1 to {_MAX_KEY_LENGTH} characters, not {len(key)}",
            where=Place("Idempotency-Key"),
        )
    return key.decode("latin-1")


def _acknowledgement(name: str, count: int, appended: list[Appended]) -> bytes:
    duplicate = "true" if all(one.duplicate for one in appended) else "false"
    partitions = ",".join(
        f'{{"partition":{one.partition},"first_offset":{one.base_offset},'
        f'"last_offset":{one.end_offset - 1}}}'
        for one in appended
    )
    return (
        f'{{"stream":"{name}","records":{count},"duplicate":{duplicate},'
        f'"partitions":[{partitions}]}}'
    ).encode()


async def _answer(send: Send, body: bytes) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _refuse(
    error: MadangError, reader: BodyReader | None, receive: Receive, send: Send
) -> None:
    body = error_body(error)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *((name.lower().encode(), value.encode()) for name, value in error_headers(error).items()),
    ]
    if isinstance(error, MethodNotAllowedError):
        headers.append((b"allow", b"POST"))
    unread = reader is None or not reader.complete
    if unread:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    if unread:
        # The answer is out; its end waits until the client had a chance to read it.
        await send({"type": "http.response.body", "body": body, "more_body": True})
        await drain(receive)
        body = b""
    await send({"type": "http.response.body", "body": body})
