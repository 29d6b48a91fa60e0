"""Serving the application on a socket that somebody else opened."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from madang.server.http_protocol import GuardedProtocol

_GRACE_S = 15
_KEEP_ALIVE_S = 30
_TICK_TENTHS = 2
"""Between two looks whether it is to stop; a divisor of the second in which the date is renewed."""


class _Server(uvicorn.Server):
    """uvicorn, told to stop by an event instead of by signals, which belong to the role."""

    def __init__(
        self,
        config: uvicorn.Config,
        ready: Callable[[], None],
        stop: threading.Event,
        stopping: asyncio.Event,
    ) -> None:
        super().__init__(config)
        self._ready = ready
        self._stop = stop
        self._stopping: asyncio.Event = stopping

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the role."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell the role when requests are taken."""
        await super().startup(sockets)
        if self.started:
            self._ready()

    async def main_loop(self) -> None:
        """uvicorn's, which counts tenths of a second, with fewer looks: a server at rest rests."""
        tenths = 0
        while not await self.on_tick(tenths):
            tenths += _TICK_TENTHS
            await asyncio.sleep(_TICK_TENTHS / 10)

    async def on_tick(self, counter: int) -> bool:
        """Stop when asked to."""
        if self._stop.is_set():
            # Live tails would go on for ever.
            self._stopping.set()
            return True
        return await super().on_tick(counter)


def server_config(app: FastAPI) -> uvicorn.Config:
    """Settings of uvicorn for Madang: uvloop, httptools, no access log of its own."""
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=GuardedProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=2048,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_GRACE_S,
    )


def run_server(
    app: FastAPI,
    listener: socket.socket,
    *,
    ready: Callable[[], None],
    stop: threading.Event,
    further: Iterable[socket.socket] = (),
) -> None:
    """Serve until ``stop`` is set, then finish the requests that are under way.

    Args:
        app: From :func:`create_app`.
        listener: Bound and listening.
        ready: Called once, when requests are taken.
        stop: Set by whoever ends the role.
        further: Further sockets to serve on.
    """
    config = server_config(app)
    server = _Server(config, ready, stop, app.state.stopping)
    config.load()
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(server.serve(sockets=[listener, *further]))
