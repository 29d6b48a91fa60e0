"""Who gets a free worker next: users take turns, so one user's queue cannot starve the others."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque

from madang.core.errors import OverloadedError

MAX_WAITING_PER_USER = 100


class Leases:
    """Workers by index, from 0, lent one query at a time. For one event loop.

    Args:
        count: Number of workers.
        timeout_s: How long a query waits for one.
    """

    def __init__(self, count: int, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._count = count
        self._idle = set(range(count))
        self._lent: set[int] = set()
        self._waiting: OrderedDict[str, deque[asyncio.Future[int]]] = OrderedDict()

    @property
    def waiting(self) -> int:
        """Queries that wait."""
        return sum(len(queue) for queue in self._waiting.values())

    def resize(self, count: int) -> None:
        """Use the workers below ``count``; one that is lent beyond it is not lent again."""
        self._count = count
        self._idle = {index for index in range(count) if index not in self._lent}
        while self._idle and self.waiting:
            self._lend_next(min(self._idle))

    async def take(self, user: str) -> int:
        """The index of a worker for ``user``, after waiting for their turn.

        Raises:
            OverloadedError: No turn within the time, or too many wait already.
        """
        if self._idle and not self._waiting:
            index = min(self._idle)
            self._idle.discard(index)
            self._lent.add(index)
            return index
        queue = self._waiting.setdefault(user, deque())
        if len(queue) >= MAX_WAITING_PER_USER:
            raise OverloadedError(
                f"{len(queue)} queries of {user} wait already", hint="wait for them, or cancel some"
            )
        turn: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            await asyncio.wait([turn], timeout=self.timeout_s)
        except asyncio.CancelledError:
            if turn.done():
                # The turn came in the moment in which nobody wanted it any more.
                self.give_back(turn.result())
            raise
        finally:
            self._forget(user, turn)
        if not turn.done() or turn.cancelled():
            raise OverloadedError(
                f"no query worker was free within {self.timeout_s:g} s",
                hint="try again, or raise query.workers in madang.yml",
                retry_after_s=5.0,
            )
        return turn.result()

    def give_back(self, index: int) -> None:
        """The worker is free."""
        self._lent.discard(index)
        if index < self._count:
            self._lend_next(index)

    def _lend_next(self, index: int) -> None:
        self._idle.discard(index)
        while self._waiting:
            user, queue = self._waiting.popitem(last=False)
            turn = queue.popleft()
            if queue:
                self._waiting[user] = queue
            if not turn.done():
                self._lent.add(index)
                turn.set_result(index)
                return
        self._idle.add(index)

    def _forget(self, user: str, turn: asyncio.Future[int]) -> None:
        queue = self._waiting.get(user)
        if queue and turn in queue:
            queue.remove(turn)
            turn.cancel()
        if queue is not None and not queue:
            self._waiting.pop(user, None)
