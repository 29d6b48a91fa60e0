"""The end of the socket in the process that serves HTTP: asks, waits its turn, passes bytes on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec

from madang.core.clock import Clock, SystemClock
from madang.core.errors import UnavailableError
from madang.project.metrics_spec import MetricsQuerySpec
from madang.query import wire
from madang.query.link import WorkerLink
from madang.query.prometheus.exchange import ApiMeta, ApiRequest, ApiStats
from madang.query.prometheus.records import Answered, refused
from madang.query.prometheus.turns import Turns


class Relayed:
    """An answer that has begun: status and headers, and its body as an async iterator.

    Take the body or call ``aclose``, which ends the evaluation.
    """

    def __init__(
        self,
        meta: ApiMeta,
        link: WorkerLink,
        over: Callable[[], None],
        lost: Callable[[BaseException], None],
    ) -> None:
        self.meta = meta
        self.stats: ApiStats | None = None
        """Known behind the last byte."""
        self._link = link
        self._over = over
        self._lost = lost
        self._closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            while True:
                found = await self._link.read()
                if found is None:
                    error = _went_away()
                    self._lost(error)
                    raise error
                kind, body = found
                if kind == wire.FINISHED:
                    self.stats = msgspec.json.decode(body, type=ApiStats)
                    return
                yield body
        finally:
            self.close()

    def close(self) -> None:
        """Let go; what still runs is cancelled."""
        if not self._closed:
            self._closed = True
            self._link.close()
            self._over()


class ApiRelay:
    """Asks the role ``metrics``. For one event loop.

    Args:
        path: Where the role listens.
        limits: The limits as they are now.
        record: Told of requests that the role could not record: lost in the queue or with it.
        clock: Injected time.
    """

    def __init__(
        self,
        path: Path,
        limits: Callable[[], MetricsQuerySpec],
        *,
        record: Callable[[Answered], None] = lambda _: None,
        clock: Clock | None = None,
    ) -> None:
        self._path = path
        self._limits = limits
        self._record = record
        self._clock = clock or SystemClock()
        self._known = limits()
        self.turns = Turns(self._known.concurrency, self._known.waiting)

    async def ask(self, request: ApiRequest) -> Relayed:
        """Send a request when it is its turn; returns when its answer begins.

        Raises:
            OverloadedError: too many wait already.
            DeadlineError: its turn did not come in time.
            UnavailableError: the role is not up, or died.
        """
        limits = self._limits()
        if limits is not self._known:
            self._known = limits
            self.turns.configure(limits.concurrency, limits.waiting)
        began_us = self._clock.now_us()

        def lost(error: BaseException) -> None:
            self._record(refused(request, error, began_us, self._clock.now_us()))

        try:
            await self.turns.take(limits.timeout)
        except BaseException as error:
            lost(error)
            raise
        queued_s = (self._clock.now_us() - began_us) / 1e6
        left_s = max(limits.timeout - queued_s, 0.0)
        link, taken = None, False
        try:
            link = await self._connected()
            timed = msgspec.structs.replace(request, queued_s=queued_s, timeout_s=left_s)
            await link.send(wire.REQUEST, msgspec.json.encode(timed))
            taken = True
            meta = _meta_of(await link.read())
        except BaseException as error:
            if link is not None:
                link.close()
            self.turns.give_back()
            # Where it was only given up, the role sees the end of the connection and records it.
            if not taken or isinstance(error, UnavailableError):
                lost(error)
            raise
        return Relayed(meta, link, self.turns.give_back, lost)

    async def probe(self) -> None:
        """See whether the role answers.

        Raises:
            UnavailableError: it does not.
        """
        (await self._connected()).close()

    async def _connected(self) -> WorkerLink:
        try:
            return await WorkerLink.open(self._path)
        except OSError as error:
            raise UnavailableError(
                "the role metrics, which answers PromQL, is not up yet; it restarts by itself",
                hint="try again in a moment; madang status tells more",
            ) from error


def _meta_of(found: tuple[bytes, bytes] | None) -> ApiMeta:
    if found is None or found[0] != wire.META:
        raise _went_away()
    return msgspec.json.decode(found[1], type=ApiMeta)


def _went_away() -> UnavailableError:
    return UnavailableError(
        "the role metrics ended while it worked on this query; it restarts by itself",
        hint="try again in a moment, with less time or fewer series if that happens again",
    )
