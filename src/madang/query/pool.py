"""Runs queries on the workers, from the process that serves HTTP. Asyncio, one event loop."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from madang.core.clock import Clock, SystemClock
from madang.core.errors import (
    CancelledError,
    ConflictError,
    InvalidInputError,
    MadangError,
    UnavailableError,
)
from madang.query import wire
from madang.query.answer import Finished
from madang.query.completion import Completion
from madang.query.leases import Leases
from madang.query.link import WorkerLink
from madang.query.request import Identity, QueryMeta, QueryRequest, QueryStats
from madang.query.status import QueryStatus, Running

_REMEMBERED = 1000
_RECONNECT_S = 0.05
Recorder = Callable[[Finished], None]


class QueryResult:
    """A query that has begun to answer: ``meta``, and its bytes as an async iterator.

    Take the bytes or call :meth:`aclose`, which cancels what is not finished. ``stats`` is complete
    once the bytes are taken.
    """

    def __init__(self, meta: QueryMeta, stats: QueryStats, pieces: AsyncGenerator[bytes]) -> None:
        self.meta = meta
        self.stats = stats
        self._pieces = pieces

    @property
    def query_id(self) -> str:
        """The query's id."""
        return self.meta.query_id

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._pieces

    async def aclose(self) -> None:
        """Stop the query if it still runs, and free its worker."""
        await self._pieces.aclose()


class QueryPool:
    """Queues queries, lends them workers, and knows how they are doing.

    Args:
        run_dir: Where the workers' sockets ``query-<n>.sock`` are.
        workers: How many there are.
        queue_timeout_s: How long a query waits for a worker.
        stall_timeout_s: How long a reader may take none of its bytes before its query is ended.
        record: Told of queries that no worker could record: lost in the queue or with a worker.
        ended: Told of every query that ended, on the event loop.
        clock: Injected time.
    """

    def __init__(
        self,
        run_dir: Path,
        workers: int,
        *,
        queue_timeout_s: float = 30.0,
        stall_timeout_s: float = 60.0,
        record: Recorder | None = None,
        ended: Callable[[QueryStatus], None] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._run_dir = run_dir
        self._leases = Leases(workers, queue_timeout_s)
        self._stall_timeout_s = stall_timeout_s
        self._record = record
        self._ended = ended
        self._clock = clock or SystemClock()
        self._running: dict[str, Running] = {}
        self._finished: OrderedDict[str, QueryStatus] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    def configure(self, *, workers: int, queue_timeout_s: float) -> None:
        """Take over changed settings."""
        self._leases.timeout_s = queue_timeout_s
        self._leases.resize(workers)

    async def run(self, request: QueryRequest) -> QueryResult:
        """Run a query; returns when its first bytes, or its end, are there.

        Raises:
            OverloadedError: It waited too long for a worker.
            UnavailableError: No worker is up, or the worker died.
            MadangError: Whatever is wrong with the query.
        """
        try:
            msgspec.json.encode(request)
        except (TypeError, ValueError, OverflowError) as error:
            raise InvalidInputError(
                f"a parameter cannot be sent: {error}",
                hint="JSON values; integers beyond 64 bits as text, with a cast",
            ) from None
        if request.query_id in self._running:
            raise ConflictError(f"a query {request.query_id!r} is running already")
        running = Running(request, self._clock)
        self._running[request.query_id] = running
        try:
            link, index = await self._link_to_worker(running)
        except BaseException as error:
            self._lost(running, error)
            raise
        pieces = self._pieces(running, link, index)
        try:
            # Runs the generator to its first yield: the meta and the first bytes are there.
            await anext(pieces)
        except StopAsyncIteration:
            raise UnavailableError("the query worker sent nothing") from None
        assert running.meta is not None
        return QueryResult(running.meta, running.stats, pieces)

    def cancel(self, query_id: str) -> bool:
        """End a query, queued or running; whether there was one."""
        running = self._running.get(query_id)
        if running is None:
            return False
        running.cancel()
        return True

    def status(self, query_id: str) -> QueryStatus | None:
        """How a query is doing; also of the last ones that ended."""
        running = self._running.get(query_id)
        return running.status() if running else self._finished.get(query_id)

    def statuses(self) -> list[QueryStatus]:
        """Every queued and running query, then the last ones that ended, newest first.

        May be asked from any thread, as may :meth:`status`.
        """
        running, ended = list(self._running.values()), list(self._finished.values())
        return [one.status() for one in running] + ended[::-1]

    async def complete(self, identity: Identity) -> Completion:
        """Tables, columns and functions that ``identity`` may name.

        Raises:
            UnavailableError: No worker is up.
        """
        index = await self._leases.take(identity.user)
        try:
            link = await self._connected(index, self._clock.monotonic_s() + 5.0)
            try:
                await link.send(wire.CATALOG, msgspec.json.encode(identity))
                found = await link.read()
            finally:
                self._close(link)
        finally:
            self._leases.give_back(index)
        if found is None:
            raise UnavailableError("the query worker ended while it listed the tables")
        kind, body = found
        if kind == wire.FAILED:
            raise wire.unpack_error(body)[0]
        return msgspec.json.decode(body, type=Completion)

    async def close(self) -> None:
        """Cancel what runs and wait for it."""
        for running in list(self._running.values()):
            running.cancel()
        if self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _link_to_worker(self, running: Running) -> tuple[WorkerLink, int]:
        """A connection on which a worker has taken the query."""
        request = running.request
        deadline_s = self._clock.monotonic_s() + self._leases.timeout_s
        while True:
            index = await running.or_cancelled(
                self._leases.take(request.identity.user), self._leases.give_back
            )
            link = None
            try:
                link = await running.or_cancelled(self._connected(index, deadline_s), self._close)
                queued_s = self._clock.monotonic_s() - running.queued_at_s
                sent = msgspec.structs.replace(request, queued_s=queued_s)
                await link.send(wire.REQUEST, msgspec.json.encode(sent))
                taken = await running.or_cancelled(link.read())
                if taken is not None and taken[0] == wire.ACCEPTED:
                    running.begin(link)
                    return link, index
            except BaseException:
                if link is not None:
                    self._close(link)
                self._leases.give_back(index)
                raise
            # It ended before it took the query: nothing ran, so another may.
            self._close(link)
            self._leases.give_back(index)
            if self._clock.monotonic_s() > deadline_s:
                raise UnavailableError("no query worker takes queries", hint="see madang status")

    async def _connected(self, index: int, deadline_s: float) -> WorkerLink:
        """A connection to a worker, which may be starting up."""
        while True:
            try:
                return await WorkerLink.open(self._run_dir / f"query-{index}.sock")
            except OSError as error:
                if self._clock.monotonic_s() > deadline_s:
                    raise UnavailableError(
                        f"the query worker {index} is not up ({error.strerror or error})",
                        hint="see madang status",
                    ) from error
                await asyncio.sleep(_RECONNECT_S)

    async def _pieces(
        self, running: Running, link: WorkerLink, index: int
    ) -> AsyncGenerator[bytes]:
        """The bytes; one empty piece first, once the first real one is there."""
        error: BaseException | None = None
        try:
            stalled = partial(self._abandon, running, link, index)
            piece = await self._next(running, link)
            with running.stall_watch(self._stall_timeout_s, stalled):
                yield b""
            while piece is not None:
                with running.stall_watch(self._stall_timeout_s, stalled):
                    yield piece
                piece = await self._next(running, link)
        except BaseException as caught:
            error = caught
            raise
        finally:
            self._over(running, link, index, error)

    async def _next(self, running: Running, link: WorkerLink) -> bytes | None:
        """The next bytes, or None at the good end."""
        while True:
            if running.abandoned:
                raise running.cancelled_because() or CancelledError("the query was given up")
            found = await link.read()
            if found is None:
                raise running.cancelled_because() or UnavailableError(
                    "the query worker ran out of memory or was killed",
                    hint="read fewer rows or columns; other queries go on",
                )
            kind, body = found
            if kind == wire.DATA:
                running.stats.result_bytes += len(body)
                return body
            if kind == wire.META:
                running.meta = msgspec.json.decode(body, type=QueryMeta)
            elif kind == wire.FINISHED:
                running.take_stats(msgspec.json.decode(body, type=QueryStats))
                running.recorded = True
                return None
            elif kind == wire.FAILED:
                error, stats = wire.unpack_error(body)
                if stats:
                    running.take_stats(msgspec.convert(stats, QueryStats))
                running.recorded = True
                raise running.cancelled_because() or error

    def _over(
        self, running: Running, link: WorkerLink, index: int, error: BaseException | None
    ) -> None:
        """Put a query away; a worker that still works on it is stopped before it is lent again."""
        if running.abandoned:
            return
        if running.recorded or link.at_end:
            self._close(link)
            self._leases.give_back(index)
        else:
            self._stop_soon(link, index)
        self._put_away(running, _as_madang(error, running))
        if not running.recorded and link.at_end:
            self._report(running, _as_madang(error, running))

    def _abandon(self, running: Running, link: WorkerLink, index: int, reason: MadangError) -> None:
        """Free the worker of a query whose reader does not read."""
        running.abandon(reason)
        self._stop_soon(link, index)
        self._put_away(running, reason)

    def _stop_soon(self, link: WorkerLink, index: int) -> None:
        self._in_background(self._stop_worker(link, index))

    def _close(self, link: WorkerLink) -> None:
        link.close()
        self._in_background(link.wait_closed())

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _stop_worker(self, link: WorkerLink, index: int) -> None:
        try:
            await link.stop()
        finally:
            self._leases.give_back(index)

    def _lost(self, running: Running, error: BaseException) -> None:
        ended = _as_madang(error, running)
        self._put_away(running, ended)
        self._report(running, ended)

    def _put_away(self, running: Running, error: MadangError | None) -> None:
        self._running.pop(running.request.query_id, None)
        status = running.status(ended=True, error=error)
        self._finished[status.query_id] = status
        while len(self._finished) > _REMEMBERED:
            self._finished.popitem(last=False)
        if self._ended:
            self._ended(status)

    def _report(self, running: Running, error: MadangError | None) -> None:
        if self._record:
            request = msgspec.structs.replace(running.request, queued_s=running.queued_s())
            self._record(Finished(request, running.stats, running.started_at_us, error))


def _as_madang(error: BaseException | None, running: Running) -> MadangError | None:
    if error is None or isinstance(error, MadangError):
        return error
    return running.cancelled_because() or CancelledError("the reader went away")
