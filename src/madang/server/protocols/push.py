"""What all paths that take pushed samples share: who may, the body, decoding, appending."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Protocol

from starlette.types import Receive, Scope, Send

from madang.collect.pushed import Pushed
from madang.core.errors import MadangError
from madang.operate.accounts import Permission
from madang.server.asked_path import asked_path
from madang.server.auth import Authenticator
from madang.server.body import BodyReader, ClientGoneError, answer_early, declared_length
from madang.server.context import ServerContext
from madang.server.errors import MethodNotAllowedError, error_headers
from madang.server.flight import Flight
from madang.server.protocols.sample_writer import Prepared, SampleWriter

_EXPANSION = 4
"""A body that is decoded in a thread is booked at this multiple."""

Decode = Callable[[Sequence[bytes]], Pushed]


@dataclass(frozen=True, slots=True)
class Decoding:
    """How a request's body is decoded.

    ``inline_bytes``: one that is no larger takes less than a switch of threads is worth.
    """

    decode: Decode
    inline_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer without its length."""

    status: int
    headers: Sequence[tuple[bytes, bytes]] = ()
    body: bytes = b""


class PushProtocol(Protocol):
    """What is a protocol's own."""

    route: str
    """The path, for metrics and the access log."""
    source: str
    """The attribute ``source`` of the records."""

    def token(self, scope: Scope) -> bytes | None:
        """A token that stands elsewhere than in the headers."""
        ...

    def decoding(self, scope: Scope) -> Decoding:
        """How the body is decoded, by headers and parameters.

        Raises:
            MadangError: it cannot be.
        """
        ...

    def accepted(self, scope: Scope, pushed: Pushed) -> Answer:
        """What the sender gets once ``pushed`` is on disk; it may have been refused in part."""
        ...

    def refused(self, scope: Scope, error: MadangError) -> Answer:
        """What the sender gets if nothing was taken."""
        ...


@dataclass(slots=True)
class Turn:
    """The bodies of one protocol: its decoder takes one after the other."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True)
class PushDoor:
    """What the paths work with.

    Attributes:
        context: What the server works with.
        authenticator: Who may append.
        writer: Appends.
        executor: Threads for what is too much for the event loop.
        flight: The budget of all bodies.
    """

    context: ServerContext
    authenticator: Authenticator
    writer: SampleWriter
    executor: Executor
    flight: Flight

    def reader(self, scope: Scope, receive: Receive) -> BodyReader:
        """Reads the body of a request; ``release`` it.

        Raises:
            TooLargeError, InvalidInputError: by its Content-Length.
        """
        server = self.context.project().platform.server
        limit_bytes = server.max_body_size
        length = declared_length(header(scope, b"content-length"), limit_bytes)
        return BodyReader(
            receive, self.flight, length, limit_bytes=limit_bytes, timeout_s=server.body_timeout
        )

    async def take(
        self, pieces: Sequence[bytes], decoding: Decoding, turn: Turn, source: str
    ) -> Pushed:
        """Decode a body and append its samples; durable when it returns.

        Raises:
            MadangError: nothing was taken.
        """
        size_bytes = sum(map(len, pieces))
        if size_bytes <= decoding.inline_bytes and not turn.lock.locked():
            prepared = self.writer.prepare(decoding.decode(pieces), source)
        else:
            prepared = await self._in_thread(pieces, size_bytes, decoding, turn, source)
        return await self.writer.append(prepared)

    async def _in_thread(
        self, pieces: Sequence[bytes], size_bytes: int, decoding: Decoding, turn: Turn, source: str
    ) -> Prepared:
        extra_bytes = size_bytes * (_EXPANSION - 1)
        self.flight.book(extra_bytes, own_bytes=size_bytes)
        try:
            # Waiting here instead of in the threads leaves them to other protocols.
            async with turn.lock:
                return await asyncio.get_running_loop().run_in_executor(
                    self.executor,
                    lambda: self.writer.prepare(decoding.decode(pieces), source),
                )
        finally:
            self.flight.release(extra_bytes)


class PushEndpoint:
    """The ASGI application behind one path that takes pushed samples."""

    def __init__(self, door: PushDoor, protocol: PushProtocol, turn: Turn) -> None:
        self.route = protocol.route
        self._door = door
        self._protocol = protocol
        self._turn = turn

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        scope["madang.route"] = self._protocol.route
        reader: BodyReader | None = None
        try:
            if scope["method"] != "POST":
                raise MethodNotAllowedError(
                    f"{asked_path(scope, scope['path'])} does not take {scope['method']}",
                    hint="it takes POST",
                )
            await self._door.authenticator.admit(
                scope, Permission.INGEST, token=self._protocol.token(scope)
            )
            decoding = self._protocol.decoding(scope)
            reader = self._door.reader(scope, receive)
            try:
                pieces = await reader.read()
                scope["madang.bytes_in"] = sum(map(len, pieces))
                pushed = await self._door.take(pieces, decoding, self._turn, self._protocol.source)
            finally:
                reader.release()
        except ClientGoneError:
            return
        except MadangError as error:
            await refuse(error, self._protocol.refused(scope, error), reader, receive, send)
            return
        await reply(send, self._protocol.accepted(scope, pushed))


def header(scope: Scope, name: bytes) -> bytes | None:
    """A header, the last one of that name."""
    found: bytes | None = None
    for one, value in scope["headers"]:
        if one == name:
            found = value
    return found


def header_text(scope: Scope, name: bytes) -> str:
    """A header as text, empty where there is none."""
    return (header(scope, name) or b"").decode("latin-1")


async def reply(send: Send, answer: Answer) -> None:
    """Send an answer."""
    await send({"type": "http.response.start", "status": answer.status, "headers": _full(answer)})
    await send({"type": "http.response.body", "body": answer.body})


async def refuse(
    error: MadangError, answer: Answer, reader: BodyReader | None, receive: Receive, send: Send
) -> None:
    """Send a refusal; what the client still sends is taken for a moment, so that it listens."""
    headers = [*_full(answer), *waiting_headers(error)]
    names = {name for name, _ in headers}
    if isinstance(error, MethodNotAllowedError) and b"allow" not in names:
        headers.append((b"allow", b"POST"))
    await answer_early(
        answer.status, headers, answer.body, reader=reader, receive=receive, send=send
    )


def waiting_headers(error: MadangError) -> list[tuple[bytes, bytes]]:
    """``Retry-After`` and ``WWW-Authenticate``, where they help."""
    pairs = error_headers(error).items()
    return [(name.lower().encode(), value.encode()) for name, value in pairs]


def _full(answer: Answer) -> list[tuple[bytes, bytes]]:
    if answer.status == 204:
        return list(answer.headers)
    return [*answer.headers, (b"content-length", str(len(answer.body)).encode())]
