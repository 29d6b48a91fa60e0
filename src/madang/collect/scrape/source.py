"""The scrape source: every job's targets in one event loop, in the source's own thread."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from madang.collect.scrape.job_pool import JobPool
from madang.collect.scrape.left import Left, load_left, save_left
from madang.collect.scrape.outbox import Outbox
from madang.collect.scrape.relabel import Relabeller
from madang.collect.scrape.scrape_loop import Shared, end_left
from madang.collect.scrape.target_list import remove_lists, write_metadata, write_targets
from madang.collect.scrape.tls import TlsContext
from madang.collect.source import SourceContext, SourceStatus
from madang.core.errors import InvalidInputError
from madang.core.samples import SAMPLES_SCHEMA
from madang.project import ScrapeSourceSpec
from madang.project.http_client_spec import TlsSpec

_log = logging.getLogger(__name__)
_LOOK_S = 0.2
_LISTS_EVERY = 10
_METADATA_EVERY = 150
_DRAIN_S = 10.0
_MOST_PROBLEMS = 20
_LOOKUPS = 32
_SETTLED_AFTER_S = 30.0
"""By then discovery has told its targets, and what nobody goes on with ends."""
_LOOKBACK_MS = 300_000


class ScrapeSource:
    """Scrapes the targets of a source's jobs into its stream.

    A batch a scrape, of ``SAMPLES_SCHEMA``; all of a target's lie in one partition and carry
    ``Origin("scrape:<host>/<source>/<target>", ts)``, so that none is appended twice and
    times never go back, also over restarts.

    Raises:
        InvalidInputError: the stream has another schema.
    """

    def __init__(self, spec: ScrapeSourceSpec, context: SourceContext) -> None:
        if not context.stream.schema.equals(SAMPLES_SCHEMA):
            raise InvalidInputError(
                f"the source {spec.name!r} brings samples, but the stream {spec.stream!r} has "
                "other columns",
                hint=f"a typed stream of its own: {', '.join(SAMPLES_SCHEMA.names)}",
            )
        self._spec = spec
        self._context = context
        self._jobs = spec.jobs()
        self._pools: list[JobPool] = []
        self._left: dict[str, Left] = {}
        self._outbox: Outbox | None = None
        self._status = SourceStatus()

    def run(self, stop: threading.Event) -> None:
        """Scrape until ``stop`` is set; what is under way then is appended."""
        asyncio.run(self._run(stop))

    def status(self) -> SourceStatus:
        """Targets by health, what waits and what was lost, and what is wrong."""
        return self._status

    def close(self) -> None:
        """Its targets are shown no more."""
        remove_lists(self._context.state)

    async def _run(self, stop: threading.Event) -> None:
        outbox = self._outbox = Outbox(self._context.stream)
        # Names are looked up in threads; slow ones must not hold up the others.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_LOOKUPS, "lookup"))
        producer = f"scrape:{socket.gethostname()}/{self._spec.name}"
        since_ms = self._context.clock.now_us() // 1000 - _LOOKBACK_MS
        self._left = load_left(self._context.state, since_ms=since_ms)
        with ThreadPoolExecutor(1, f"pages-{self._spec.name}") as worker:
            self._pools = [
                JobPool(
                    Shared(
                        job,
                        Relabeller(
                            job.metric_relabel_configs,
                            legacy_names=job.metric_name_validation_scheme == "legacy",
                        ),
                        TlsContext(job.tls_config or TlsSpec()),
                        outbox,
                        worker,
                        self._context.clock,
                        producer,
                        self._left.pop(job.job_name, Left()),
                    )
                )
                for job in self._jobs
            ]
            tasks = [asyncio.ensure_future(pool.run()) for pool in self._pools]
            try:
                await self._watch(stop, tasks, outbox)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await _drain(outbox)
                left = {pool.job.job_name: pool.left for pool in self._pools}
                save_left(self._context.state, {**self._left, **left})

    async def _watch(
        self, stop: threading.Event, tasks: Sequence[asyncio.Future[None]], outbox: Outbox
    ) -> None:
        turn = 0
        settled_at_s = asyncio.get_running_loop().time() + _SETTLED_AFTER_S
        while not stop.is_set():
            if turn % _LISTS_EVERY == 0:
                self._tell(outbox)
            if turn % _METADATA_EVERY == _LISTS_EVERY:
                write_metadata(self._context.state, self._pools)
            turn += 1
            if settled_at_s and asyncio.get_running_loop().time() >= settled_at_s:
                settled_at_s = 0.0
                self._settle(outbox)
            done, _ = await asyncio.wait(
                [*tasks, outbox.failed], timeout=_LOOK_S, return_when=asyncio.FIRST_COMPLETED
            )
            for one in done:
                one.result()  # raises

    def _settle(self, outbox: Outbox) -> None:
        producer = f"scrape:{socket.gethostname()}/{self._spec.name}"
        for left in self._left.values():  # of jobs that are no more
            end_left(left, outbox, producer, self._context.clock.now_us() // 1000)
        self._left.clear()
        for pool in self._pools:
            pool.settle()

    def _tell(self, outbox: Outbox) -> None:
        write_targets(self._context.state, self._pools)
        loops = [loop for pool in self._pools for loop in pool.loops()]
        health = Counter(loop.state.health for loop in loops)
        counts = {
            "targets": len(loops),
            "targets_up": health["up"],
            "targets_down": health["down"],
            "targets_dropped": sum(pool.dropped_count for pool in self._pools),
            "series": sum(loop.state.series for loop in loops),
            "records": outbox.appended,
            "waiting_bytes": outbox.waiting_bytes,
            "dropped_scrapes": outbox.dropped,
        }
        problems = [one for pool in self._pools for one in pool.problems()]
        for loop in loops:
            if loop.state.last_error:
                problems.append(f"{loop.target.job}: {loop.target.url}: {loop.state.last_error}")
            if loop.state.ahead_s > 1:
                problems.append(
                    f"{loop.target.job}: {loop.target.url}: the clock was set back; times are "
                    f"{loop.state.ahead_s:.0f} s ahead of it"
                )
        if len(problems) > _MOST_PROBLEMS:
            problems[_MOST_PROBLEMS:] = [f"and {len(problems) - _MOST_PROBLEMS} more"]
        self._status = SourceStatus(outbox.waiting_for, tuple(problems), counts)


async def _drain(outbox: Outbox) -> None:
    try:
        async with asyncio.timeout(_DRAIN_S):
            while not outbox.idle.is_set() and not outbox.failed.done():
                await asyncio.sleep(0.02)
    except TimeoutError:
        _log.error("%d bytes of scrapes were not appended", outbox.waiting_bytes)
    if outbox.failed.done():
        outbox.failed.exception()
    else:
        outbox.failed.cancel()
