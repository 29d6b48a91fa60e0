"""Reading a request's body: bounded in size, time and memory, joined once."""

from __future__ import annotations

import asyncio

from starlette.types import Receive, Send

from madang.core.errors import DeadlineError, InvalidInputError, MadangError, TooLargeError
from madang.core.units import format_duration, format_size
from madang.server.flight import Flight


class ClientGoneError(MadangError):
    """The client left before its body was complete: there is nobody to answer."""

    code = "client_gone"
    status = 499


def declared_length(header: bytes | None, limit_bytes: int) -> int | None:
    """The Content-Length, or None where the body is chunked.

    Raises:
        TooLargeError: over the limit; nothing was read.
        InvalidInputError: not a number.
    """
    if header is None:
        return None
    if not header.isdigit() or len(header) > 18:
        raise InvalidInputError(f"Content-Length {header[:30]!r} is not a number")
    length = int(header)
    if length > limit_bytes:
        raise TooLargeError(
            f"the body takes {format_size(length)}, more than {format_size(limit_bytes)}",
            hint="send it in several requests",
        )
    return length


class BodyReader:
    """Receives one body.

    Args:
        receive: ASGI's.
        flight: The budget; booked by what was declared, or as chunks arrive.
        declared_bytes: The Content-Length, if there is one.
        limit_bytes: The largest body.
        timeout_s: Time for all of it.
    """

    def __init__(
        self,
        receive: Receive,
        flight: Flight,
        declared_bytes: int | None,
        *,
        limit_bytes: int,
        timeout_s: float,
    ) -> None:
        self._receive = receive
        self._flight = flight
        self._declared_bytes = declared_bytes
        self._limit_bytes = limit_bytes
        self._timeout_s = timeout_s
        self.booked_bytes = 0
        self.complete = False

    async def read(self) -> list[bytes]:
        """The body's pieces.

        Raises:
            TooLargeError, DeadlineError, OverloadedError: a limit.
            ClientGoneError: the client left in the middle.
        """
        if self._declared_bytes:
            self._book(self._declared_bytes)
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._pieces()
        except TimeoutError:
            raise DeadlineError(
                f"the body did not arrive within {format_duration(self._timeout_s)}",
                hint="send smaller bodies, or raise server.body_timeout",
            ) from None

    def release(self) -> None:
        """Give the booked bytes back."""
        self._flight.release(self.booked_bytes)
        self.booked_bytes = 0

    async def _pieces(self) -> list[bytes]:
        pieces: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self.complete = True
                raise ClientGoneError("the client left before its body was complete")
            piece = message.get("body", b"")
            if piece:
                pieces.append(piece)
                size += len(piece)
                if size > self._limit_bytes:
                    raise TooLargeError(
                        f"the body is larger than {format_size(self._limit_bytes)}",
                        hint="send it in several requests",
                    )
                if size > self.booked_bytes:
                    self._book(size - self.booked_bytes)
            if not message.get("more_body", False):
                self.complete = True
                return pieces

    def _book(self, size_bytes: int) -> None:
        self._flight.book(size_bytes)
        self.booked_bytes += size_bytes


async def drain(receive: Receive, *, limit_bytes: int = 2**20, timeout_s: float = 2.0) -> None:
    """Take a little of what a refused client still sends, so that it sees the answer.

    Closing a connection with unread bytes makes the kernel reset it, and the answer is lost.
    """
    try:
        async with asyncio.timeout(timeout_s):
            while limit_bytes > 0:
                message = await receive()
                limit_bytes -= len(message.get("body", b""))
                if not message.get("more_body", False):
                    return
    except TimeoutError:
        return


async def answer_early(
    status: int,
    headers: list[tuple[bytes, bytes]],
    body: bytes,
    *,
    reader: BodyReader | None,
    receive: Receive,
    send: Send,
) -> None:
    """Answer; what the client still sends is taken for a moment, so that it listens.

    Args:
        status: The HTTP status.
        headers: All but ``Connection``, which is added where the connection cannot go on.
        body: The answer's.
        reader: What read the request's body; None where nobody did.
        receive: Of the request.
        send: Of the request.
    """
    unread = reader is None or not reader.complete
    closing = [(b"connection", b"close")] if unread else []
    start = {"type": "http.response.start", "status": status, "headers": [*headers, *closing]}
    await send(start)
    if unread:
        # The answer is out; its end waits until the client had a chance to read it.
        await send({"type": "http.response.body", "body": body, "more_body": True})
        await drain(receive)
        body = b""
    await send({"type": "http.response.body", "body": body})
