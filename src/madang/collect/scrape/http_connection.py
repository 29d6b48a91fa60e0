"""One HTTP/1.1 connection: a request at a time, its answer inflated and bounded while it comes."""

from __future__ import annotations

import asyncio
import zlib
from typing import Any, cast

import httptools

from madang.core.errors import InvalidInputError, MadangError, TooLargeError, UnavailableError
from madang.core.units import format_size

_HEADER_BYTES = 64 * 1024


class Response:
    """An answer. ``headers`` have lower-case names; of repeated ones the last counts."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self.keep_alive = False


class _Inflating:
    """Gzip, with a limit on what comes out."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(31)
        self._begun = False

    def feed(self, data: bytes, most: int) -> list[bytes]:
        """What ``data`` comes to, at most ``most`` + 1 bytes."""
        found: list[bytes] = []
        self._begun = True
        while data and most >= 0:
            if self._inflate.eof:  # another member follows
                self._inflate = zlib.decompressobj(31)
            out = self._inflate.decompress(data, most + 1)
            most -= len(out)
            found.append(out)
            data = self._inflate.unconsumed_tail or self._inflate.unused_data
        return found

    @property
    def cut_off(self) -> bool:
        return self._begun and not self._inflate.eof


class HttpConnection(asyncio.Protocol):
    """The client's side of a connection. All methods belong to the loop's thread."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Response] | None = None
        self._most_bytes = 0
        self._connected_through = False
        self.used = False
        self.closed = False

    @property
    def transport(self) -> asyncio.Transport:
        """The transport under it."""
        assert self._transport is not None
        return self._transport

    async def ask(self, request: bytes, most_bytes: int, *, connect: bool = False) -> Response:
        """Send ``request`` and return the answer, whose inflated body is at most ``most_bytes``.

        ``connect``: the request is a CONNECT, whose good answer has no body.

        Raises:
            TooLargeError: the body is larger.
            UnavailableError: the connection ended before the answer did.
            InvalidInputError: what came is not HTTP, or not gzip where it says so.
        """
        self._response = Response()
        self._body = bytearray()
        self._header_bytes = 0
        self._in_body = self._to_the_end = False
        self._inflating: _Inflating | None = None
        self._most_bytes = most_bytes
        self._connected_through = connect
        self._parser: Any = httptools.HttpResponseParser(self)
        self._waiting = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        try:
            return await self._waiting
        except BaseException:
            self.abort()
            raise
        finally:
            self._waiting = None

    def abort(self) -> None:
        """Drop the connection at once."""
        self.closed = True
        if self._transport is not None:
            self._transport.abort()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        waiting = self._waiting
        if waiting is None or waiting.done():
            self.abort()  # nobody asked
            return
        if not self._in_body:
            self._header_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass
        except httptools.HttpParserCallbackError as error:
            cause = error.__context__
            self._fail(cause if isinstance(cause, MadangError) else _not_http(cause or error))
        except httptools.HttpParserError as error:
            self._fail(_not_http(error))
        if not self._in_body and self._header_bytes > _HEADER_BYTES:
            self._fail(InvalidInputError(f"the headers are longer than {_HEADER_BYTES:,} bytes"))

    def connection_lost(self, exc: Exception | None) -> None:
        """An answer without a length ends with the connection; any other is cut off."""
        self.closed = True
        if self._waiting is None or self._waiting.done():
            return
        if self._to_the_end and exc is None:
            self._complete()
        else:
            self._fail(UnavailableError("the connection ended before the answer did"))

    # What the parser calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header."""
        self.used = True
        self._response.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Look at what kind of body follows."""
        status = self._parser.get_status_code()
        if status < 200:
            self._response.headers.clear()
            return
        self._in_body = True
        headers = self._response.headers
        self._response.status = status
        self._to_the_end = not {"content-length", "transfer-encoding"} & headers.keys()
        encoding = headers.get("content-encoding", "identity").strip().lower()
        if encoding in ("gzip", "x-gzip"):
            self._inflating = _Inflating()
        elif encoding not in ("identity", ""):
            raise InvalidInputError(f"the page is encoded as {encoding[:40]!r}; gzip was asked for")
        if self._connected_through and status == 200:
            self._complete()

    def on_body(self, data: bytes) -> None:
        """Part of the body."""
        left = self._most_bytes - len(self._body)
        try:
            if self._inflating is None:
                self._body += data
            else:
                for part in self._inflating.feed(data, left):
                    self._body += part
        except zlib.error as error:
            raise InvalidInputError(f"the page is not gzip, as it says: {error}") from None
        if len(self._body) > self._most_bytes:
            raise TooLargeError(
                f"the page is larger than {format_size(self._most_bytes)}",
                hint="body_size_limit says what a page may be",
            )

    def on_message_complete(self) -> None:
        """The answer is whole, unless it only announced another."""
        if self._in_body:
            self._complete()

    def _complete(self) -> None:
        response = self._response
        if self._inflating is not None and self._inflating.cut_off:
            self._fail(UnavailableError("the page ends in the middle of its gzip"))
            return
        response.body, self._body = bytes(self._body), bytearray()
        response.keep_alive = not self._to_the_end and self._parser.should_keep_alive()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(response)

    def _fail(self, error: MadangError) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)


def _not_http(error: object) -> InvalidInputError:
    return InvalidInputError(f"the answer is not HTTP/1.1: {str(error)[:200]}")
