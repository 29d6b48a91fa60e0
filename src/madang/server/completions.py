"""Futures of the stream's writer threads → the event loop, one wake-up for many.

``asyncio.wrap_future`` wakes the loop once per future. A group fsync completes many appends
together, so here they are queued and the loop is woken once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


class Completions:
    """The bridge of one event loop."""

    def __init__(self) -> None:
        self._finished: deque[tuple[asyncio.Future[object], Future[object]]] = deque()
        self._woken = False
        self._loop: asyncio.AbstractEventLoop | None = None

    async def wait(self, future: Future[T]) -> T:
        """The result of ``future``. Cancelling the caller leaves ``future`` alone."""
        if future.done():
            return future.result()
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
        waiter: asyncio.Future[object] = loop.create_future()

        def done(finished: Future[T]) -> None:
            # Any thread. The order matters: queue first, look at the flag second.
            self._finished.append((waiter, finished))  # type: ignore[arg-type]
            if not self._woken:
                self._woken = True
                loop.call_soon_threadsafe(self._deliver)

        future.add_done_callback(done)
        return await waiter  # type: ignore[return-value]

    def _deliver(self) -> None:
        # The flag first: what is queued from here on wakes the loop again.
        self._woken = False
        while self._finished:
            waiter, finished = self._finished.popleft()
            if waiter.done():
                continue
            error = finished.exception()
            if error is None:
                waiter.set_result(finished.result())
            else:
                waiter.set_exception(error)
