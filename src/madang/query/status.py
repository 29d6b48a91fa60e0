"""How queries are doing, as the API shows it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from madang.core.clock import Clock, from_us
from madang.core.errors import CancelledError, DeadlineError, MadangError
from madang.query import wire
from madang.query.link import STOP_S, WorkerLink
from madang.query.request import QueryMeta, QueryRequest, QueryStats

Result = TypeVar("Result")


class QueryState(StrEnum):
    """Where a query is on its way."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class QueryStatus(msgspec.Struct, frozen=True):
    """A query and how it is doing; ``started_at`` is ISO 8601 UTC, when it came in."""

    query_id: str
    state: QueryState
    user: str
    sql: str
    started_at: str
    duration_s: float
    rows: int
    bytes_read: int
    truncated: bool
    error: dict[str, Any] | None = None
    fresh_rows: int = 0
    params: dict[str, Any] | list[Any] | None = None
    fresh_incomplete: list[str] = msgspec.field(default_factory=list)
    user_id: int | None = None
    token: str | None = None
    token_name: str | None = None


class Running:
    """A query that the pool has in hand."""

    def __init__(self, request: QueryRequest, clock: Clock) -> None:
        self.request = request
        self.started_at_us = clock.now_us()
        self.queued_at_s = clock.monotonic_s()
        self.stats = QueryStats()
        self.meta: QueryMeta | None = None
        self.recorded = False
        """A worker told how it ended, and has recorded it."""
        self.abandoned = False
        self._clock = clock
        self._begun_at_s: float | None = None
        self._link: WorkerLink | None = None
        self._reason: MadangError | None = None
        self._cancelled = asyncio.Event()

    def begin(self, link: WorkerLink) -> None:
        """A worker has taken it."""
        self._begun_at_s = self._clock.monotonic_s()
        self._link = link

    def queued_s(self) -> float:
        """Seconds without a worker."""
        until = self._clock.monotonic_s() if self._begun_at_s is None else self._begun_at_s
        return until - self.queued_at_s

    def cancel(self, reason: MadangError | None = None) -> None:
        """End it, wherever it is."""
        if self._reason is not None:
            return
        self._reason = reason or CancelledError("the query was cancelled")
        self._cancelled.set()
        if self._link is not None:
            self._link.send_soon(wire.CANCEL)
            link = self._link
            asyncio.get_running_loop().call_later(STOP_S, self._kill_if_busy, link)

    def _kill_if_busy(self, link: WorkerLink) -> None:
        if not self.recorded and not link.at_end and not link.closed:
            link.kill()

    def cancelled_because(self) -> MadangError | None:
        """Why it was cancelled, or None."""
        return self._reason

    async def or_cancelled(
        self,
        work: Coroutine[Any, Any, Result],
        unwanted: Callable[[Result], None] | None = None,
    ) -> Result:
        """The result of ``work``, unless the query is cancelled first.

        A result that comes in spite of that goes to ``unwanted``.

        Raises:
            CancelledError: It was.
        """
        task = asyncio.ensure_future(work)
        cancelled = asyncio.ensure_future(self._cancelled.wait())
        try:
            await asyncio.wait({task, cancelled}, return_when=asyncio.FIRST_COMPLETED)
            if self._reason is not None and not task.done():
                raise self._reason
            return await task
        finally:
            cancelled.cancel()
            if not task.done():
                task.add_done_callback(lambda done: _drop(done, unwanted))
                task.cancel()

    def abandon(self, reason: MadangError) -> None:
        """Nobody waits for its answer any more; the worker is stopped by somebody else."""
        self.abandoned = True
        self._reason = self._reason or reason

    @contextmanager
    def stall_watch(
        self, timeout_s: float, stalled: Callable[[MadangError], None]
    ) -> Iterator[None]:
        """Tell ``stalled`` if the block, in which the reader has the word, takes too long."""
        reason = DeadlineError(
            f"nobody took the answer for {timeout_s:g} s", hint="read the answer as it comes"
        )
        timer = asyncio.get_running_loop().call_later(timeout_s, stalled, reason)
        try:
            yield
        finally:
            timer.cancel()

    def take_stats(self, stats: QueryStats) -> None:
        """Fill in what the worker told; ``self.stats`` stays the same object."""
        for name in stats.__struct_fields__:
            setattr(self.stats, name, getattr(stats, name))

    def status(self, *, ended: bool = False, error: MadangError | None = None) -> QueryStatus:
        """How it is doing."""
        if not ended:
            state = QueryState.QUEUED if self._begun_at_s is None else QueryState.RUNNING
        elif error is None:
            state = QueryState.DONE
        else:
            cancelled = isinstance(error, CancelledError)
            state = QueryState.CANCELLED if cancelled else QueryState.FAILED
        return QueryStatus(
            self.request.query_id,
            state,
            self.request.identity.user,
            self.request.sql,
            from_us(self.started_at_us).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            self._clock.monotonic_s() - self.queued_at_s,
            self.stats.rows,
            self.stats.bytes_read,
            self.stats.truncated,
            error.as_dict() if error else None,
            self.stats.fresh_rows,
            self.request.params,
            self.stats.fresh_incomplete,
            self.request.identity.user_id,
            self.request.identity.token,
            self.request.identity.token_name,
        )


def _drop(done: asyncio.Future[Result], unwanted: Callable[[Result], None] | None) -> None:
    if done.cancelled() or done.exception() is not None or unwanted is None:
        return
    unwanted(done.result())
