"""``POST /ingest/{stream}``: a body → records on disk → the acknowledgement. The hot path.

Plain ASGI. Small line bodies are split on the event loop (microseconds); large, compressed and
structured ones in a thread. Nothing is submitted before the body is complete, so a client that
leaves in the middle leaves nothing behind.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

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
from madang.collect.bodies.ipc_claims import read_claims
from madang.collect.bodies.limits import EXPANSION
from madang.core.clock import Clock
from madang.core.errors import (
    DeniedError,
    InvalidInputError,
    MadangError,
    NotFoundError,
)
from madang.core.names import DEAD_SUFFIX, is_own, unknown
from madang.operate.accounts import Permission
from madang.operate.streams import check_columns
from madang.project import Project, RecordFormat, StreamSpec
from madang.server.append import append, origin_of
from madang.server.auth import Authenticator, check_permission
from madang.server.body import BodyReader, ClientGoneError, declared_length
from madang.server.completions import Completions
from madang.server.context import ServerContext
from madang.server.errors import MethodNotAllowedError
from madang.server.flight import Flight
from madang.server.ingest_answer import acknowledge, acknowledgement, refuse
from madang.server.ingest_request import (
    IngestHeaders,
    IngestQuery,
    parse_headers,
    parse_query,
    told_media,
)
from madang.server.metrics import INGEST_BYTES, INGEST_DUPLICATES, INGEST_RECORDS
from madang.stream import LogStream

_INLINE_BYTES = 2**20
_LINES = {ContentFormat.NDJSON, ContentFormat.PLAIN}
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


class Ingest:
    """The ASGI application behind ``/ingest/{stream}``.

    Args:
        context: What the server works with.
        authenticator: Who may append.
        executor: Threads for what is too much for the event loop.
        flight: The budget of all bodies.
    """

    def __init__(
        self,
        context: ServerContext,
        authenticator: Authenticator,
        executor: Executor,
        flight: Flight,
    ) -> None:
        self._context = context
        self._clock: Clock = context.clock
        self._authenticator = authenticator
        self._executor = executor
        self._completions = Completions()
        self._targets: dict[str, _Target] = {}
        self._project: Project | None = None
        self._flight = flight

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        scope["madang.route"] = "/ingest/{stream}"
        reader: BodyReader | None = None
        try:
            headers = parse_headers(scope["headers"])
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
                query = parse_query(scope["query_string"])
                origin = origin_of(headers.idempotency_key, pieces)
                split = await self._split(target, pieces, size_bytes, headers, query)
                del pieces
                assert target.stream is not None
                futures = append(target.stream, split, target.spec.key, origin)
                appended = [await self._completions.wait(future) for future in futures]
            finally:
                reader.release()
        except ClientGoneError:
            return
        except MadangError as error:
            await refuse(error, reader, receive, send)
            return
        count = sum(one.count for one in appended)
        again = sum(one.count for one in appended if one.duplicate)
        target.body_bytes.inc(size_bytes)  # type: ignore[attr-defined]
        target.records.inc(count - again)  # type: ignore[attr-defined]
        if again:
            INGEST_DUPLICATES.labels(target.name).inc(again)
        await acknowledge(send, acknowledgement(target.name, count, appended))

    async def _admit(self, scope: Scope) -> _Target:
        method: str = scope["method"]
        if method != "POST":
            raise MethodNotAllowedError(
                f"{scope['path']} does not take {method}", hint="it takes POST"
            )
        identity = await self._authenticator.identify(method, scope["headers"])
        scope["madang.identity"] = identity
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
        if is_own(name) or name.endswith(DEAD_SUFFIX):
            raise DeniedError(f"{name!r} is Madang's own stream; nobody else appends to it")
        spec = project.streams.get(name)
        if spec is None:
            own = [known for known in project.streams if not is_own(known)]
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
        headers: IngestHeaders,
        query: IngestQuery,
    ) -> SplitBody:
        arrived_at_us = self._clock.now_us()
        encoding = headers.content_encoding
        spec = target.spec
        known = told_media(headers.content_type, query.format)
        if (
            encoding is None
            and known is not None
            and known.format in _LINES
            and size_bytes <= _INLINE_BYTES
            and spec.format is not RecordFormat.TYPED
            and (spec.key is None or query.key is not None)
        ):
            body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            return self._split_one(body, known, target, query.key, arrived_at_us)
        if encoding is not None:
            # Inflated at least; the budget counts what it will take, not what travelled.
            extra = size_bytes * (_EXPANSION - 1)
            self._flight.book(extra, own_bytes=size_bytes)
        else:
            extra = 0
        split = partial(
            self._split_in_thread,
            target,
            pieces,
            headers,
            query,
            arrived_at_us,
            booked_bytes=size_bytes + extra,
        )
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, split)
        finally:
            self._flight.release(extra)

    def _split_in_thread(
        self,
        target: _Target,
        pieces: list[bytes],
        headers: IngestHeaders,
        query: IngestQuery,
        arrived_at_us: int,
        *,
        booked_bytes: int,
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
        extra = 0
        if media.format is ContentFormat.ARROW:
            # Arrow packs buffers, too. What claims more than may be is refused unread.
            claimed = read_claims(memoryview(body)).size_bytes
            if claimed <= EXPANSION * limit_bytes:
                extra = max(0, claimed - len(body))
        if extra:
            self._flight.book(extra, own_bytes=booked_bytes)
        try:
            if target.stream is None:
                target.stream = self._define(target.name, body, media)
            return self._split_one(body, media, target, query.key, arrived_at_us)
        finally:
            self._flight.release(extra)

    def _define(self, name: str, body: bytes, media: Media) -> LogStream:
        if media.format is not ContentFormat.ARROW:
            raise UnsupportedMediaError(
                f"{name!r} is a typed stream without columns yet",
                hint="send its first records as application/vnd.apache.arrow.stream: they "
                "decide the columns",
            )
        limit_bytes = EXPANSION * self._context.project().platform.server.max_body_size
        schema = read_ipc(body, limit_bytes).schema.remove_metadata()
        if not len(schema):
            raise InvalidInputError("the first batch of a typed stream has no columns")
        check_columns(schema)
        return self._context.define_stream(name, schema)

    def _split_one(
        self, body: bytes, media: Media, target: _Target, key: bytes | None, arrived_at_us: int
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
            max_body_bytes=self._context.project().platform.server.max_body_size,
        )
