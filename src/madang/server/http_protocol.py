"""uvicorn's protocol with limits on headers, which its own does not have."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

MAX_HEADER_BYTES = 64 * 1024
HEADER_TIMEOUT_S = 10.0


class GuardedProtocol(HttpToolsProtocol):
    """A connection that neither sends headers forever nor keeps it waiting for them."""

    _header_bytes = 0
    _in_headers = True
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect headers."""
        super().connection_made(transport)
        self._timer = self.loop.call_later(HEADER_TIMEOUT_S, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count while headers are incomplete."""
        if self._in_headers:
            self._header_bytes += len(data)
        super().data_received(data)
        if not self._in_headers or self.transport.is_closing():
            return
        if self._header_bytes > MAX_HEADER_BYTES:
            self._end(431, "too_large", f"the headers take more than {MAX_HEADER_BYTES} bytes")
        elif self._header_bytes and self._timer is None:
            self._timer = self.loop.call_later(HEADER_TIMEOUT_S, self._too_slow)

    def on_message_begin(self) -> None:
        """A request begins."""
        self._in_headers = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The headers are in."""
        self._in_headers = False
        self._header_bytes = 0
        self._stop_timer()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The body is in: what follows are the next request's headers."""
        self._in_headers = True
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP."""
        cycle: Any = self.cycle
        if cycle is not None and not cycle.response_complete:
            if not cycle.more_body:
                # Noise behind a whole request: that one is answered, then the connection ends.
                cycle.keep_alive = False
                self.flow.pause_reading()
                return
            # Broken in the middle of a body: its handler must see that nothing more comes.
            cycle.disconnected = True
            cycle.message_event.set()
        self._end(400, "invalid_input", "the request is not valid HTTP")

    def _too_slow(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            if self._header_bytes:
                self._end(408, "deadline", f"no headers within {HEADER_TIMEOUT_S:.0f} s")
            else:
                self.transport.close()

    def _end(self, status: int, code: str, message: str) -> None:
        detail = {"code": code, "message": message, "hint": None, "where": None, "retryable": False}
        body = orjson.dumps({"error": detail})
        head = (
            b"content-type: application/json\r\n"
            b"connection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
        )
        self.transport.write(STATUS_LINE[status] + head + body)
        self.transport.close()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
