"""Who is next: so many at a time, so many that wait, in the order in which they came."""

from __future__ import annotations

import asyncio
from collections import deque

from madang.core.errors import DeadlineError, OverloadedError


class Turns:
    """Turns that are taken and given back. For one event loop."""

    def __init__(self, most_running: int, most_waiting: int) -> None:
        self.running = 0
        self._most_running = most_running
        self._most_waiting = most_waiting
        self._queue: deque[asyncio.Future[None]] = deque()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._queue)

    def configure(self, most_running: int, most_waiting: int) -> None:
        """Take over changed limits."""
        self._most_running, self._most_waiting = most_running, most_waiting
        self._wake()

    async def take(self, timeout_s: float) -> None:
        """Wait for a turn; ``give_back`` ends it.

        Raises:
            OverloadedError: too many wait already.
            DeadlineError: it did not come in time.
        """
        if self.running < self._most_running and not self._queue:
            self.running += 1
            return
        if len(self._queue) >= self._most_waiting:
            raise OverloadedError(
                f"{self.running} queries run and {len(self._queue)} wait already",
                hint="try again, or raise metrics.query.concurrency or waiting in madang.yml",
            )
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            await asyncio.wait([turn], timeout=timeout_s)
        except asyncio.CancelledError:
            if turn.done():
                # It came in the moment in which nobody wanted it any more.
                self.give_back()
            raise
        finally:
            if not turn.done():
                self._queue.remove(turn)
        if not turn.done():
            raise DeadlineError(
                f"the query waited {timeout_s:g} s for its turn",
                hint="try again, or raise metrics.query.concurrency in madang.yml",
            )

    def give_back(self) -> None:
        """A turn is over."""
        self.running -= 1
        self._wake()

    def _wake(self) -> None:
        while self._queue and self.running < self._most_running:
            self.running += 1
            self._queue.popleft().set_result(None)
