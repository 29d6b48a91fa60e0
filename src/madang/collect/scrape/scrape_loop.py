"""The loop of one target: fetch, read, append, at its times."""

from __future__ import annotations

import asyncio
import logging
import socket
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Literal

from madang.collect.exposition import accept_header
from madang.collect.sample_batches import SampleBatch, ending
from madang.collect.scrape.http_client import HttpClient, reason_of
from madang.collect.scrape.http_connection import Response
from madang.collect.scrape.left import Left, LeftSeries
from madang.collect.scrape.outbox import Outbox
from madang.collect.scrape.relabel import Relabeller
from madang.collect.scrape.series import SeriesLabels
from madang.collect.scrape.target import Target
from madang.collect.scrape.target_series import EXTRA_REPORT, Taken, TargetSeries, counted_of
from madang.collect.scrape.timeline import Timeline
from madang.collect.scrape.tls import TlsContext
from madang.core.clock import Clock
from madang.core.errors import DeadlineError, InvalidInputError, MadangError
from madang.core.samples import ANNOUNCE_EVERY_S
from madang.project import ScrapeJobSpec

_log = logging.getLogger(__name__)
_LARGE_BYTES = 64 * 1024
"""Pages above this are read in the worker, so that the others' times stay exact."""
Health = Literal["unknown", "up", "down"]


@dataclass(frozen=True, slots=True)
class TargetHealth:
    """How a target does. ``last_scrape_us`` is 0 before the first."""

    health: Health = "unknown"
    last_error: str = ""
    last_scrape_us: int = 0
    last_duration_s: float = 0.0
    samples: int = 0
    series: int = 0
    duplicates: int = 0
    ahead_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Shared:
    """What all targets of a job share; ``rules`` are those for samples."""

    job: ScrapeJobSpec
    rules: Relabeller
    tls: TlsContext
    outbox: Outbox
    worker: Executor
    clock: Clock
    producer: str
    left: Left


class ScrapeLoop:
    """Scrapes one target until its task is cancelled."""

    def __init__(self, target: Target, shared: Shared) -> None:
        self.target = target
        self.state = TargetHealth()
        self.forced: MadangError | None = None
        job = shared.job
        self._shared = shared
        self._producer = f"{shared.producer}/{target.key.hex()}"
        self._client = HttpClient(job, shared.tls)
        self._extra = bool(job.extra_scrape_metrics)
        self.series = TargetSeries(
            SeriesLabels(job, target.labels, shared.rules),
            fallback=job.fallback_scrape_protocol,
            sample_limit=job.sample_limit or 0,
            honor_timestamps=job.honor_timestamps,
            track_all=job.track_timestamps_staleness,
            extra=self._extra,
        )
        last_ms = shared.outbox.last_sequence(self._producer, target.identity)
        left = shared.left.take(target.identity)
        if left is not None:
            self.series.go_on_with(left.series)
            last_ms = max(last_ms, left.last_ms)
        self._timeline = Timeline(target.interval_s, last_ms)
        self._announce_at_s = shared.clock.monotonic_s() + ANNOUNCE_EVERY_S - target.interval_s
        self._headers = {
            "User-Agent": "Madang",
            "Accept": accept_header(job.scrape_protocols or ()),
            "Accept-Encoding": "gzip" if job.enable_compression else "identity",
            "X-Prometheus-Scrape-Timeout-Seconds": f"{target.timeout_s:g}",
        }

    async def run(self) -> None:
        """Scrape at the target's place in the interval until cancelled."""
        clock, interval_s = self._shared.clock, self.target.interval_s
        now_s = clock.now_us() / 1e6
        wait_s = (self.target.offset_s(socket.gethostname()) - now_s) % interval_s
        planned_s, due_s = now_s + wait_s, clock.monotonic_s() + wait_s
        try:
            while True:
                await asyncio.sleep(max(0.0, due_s - clock.monotonic_s()))
                try:
                    await self.scrape(planned_s)
                except Exception as problem:  # noqa: BLE001 - the others go on
                    if repr(problem) != self.state.last_error:
                        _log.exception("the scrape of %s failed", self.target.url)
                    self.state = replace(self.state, health="down", last_error=repr(problem))
                passed = max(1, int((clock.monotonic_s() - due_s) / interval_s) + 1)
                planned_s, due_s = planned_s + passed * interval_s, due_s + passed * interval_s
                drift_s = (clock.now_us() / 1e6 - clock.monotonic_s()) - (planned_s - due_s)
                if abs(drift_s) > interval_s / 100:  # somebody set the clock
                    planned_s += drift_s
        finally:
            self._client.close()

    async def scrape(self, planned_s: float) -> None:
        """One scrape, now."""
        clock, target = self._shared.clock, self.target
        begun_us, begun_s = clock.now_us(), clock.monotonic_s()
        ts_ms = self._timeline.stamp(planned_s, begun_us / 1e6, begun_s)
        if begun_s >= self._announce_at_s:
            self.series.announce_all()
            self._announce_at_s = begun_s + ANNOUNCE_EVERY_S - target.interval_s
        taken: Taken | None = None
        response: Response | None = None
        error: Exception | None = self.forced
        try:
            if error is None:
                async with asyncio.timeout(target.timeout_s):
                    limit = self._shared.job.body_size_limit or 0
                    response = await self._client.get(target.url, self._headers, limit)
                taken = await self._take(response)
        except TimeoutError:
            error = DeadlineError(f"the scrape took longer than {target.timeout_s:g} s")
        except (MadangError, OSError, ValueError) as problem:
            error = problem
        duration_s = clock.monotonic_s() - begun_s
        counted = taken.counted if taken is not None else counted_of(error) if error else None
        report = [
            0.0 if error else 1.0,
            duration_s,
            float(counted.scraped if counted else 0),
            float(counted.kept if counted else 0),
            float(counted.added if counted else 0),
        ]
        if self._extra:
            size = len(response.body) if response is not None else -1
            report += [target.timeout_s, float(self._shared.job.sample_limit or 0), float(size)]
            assert len(EXTRA_REPORT) == 3
        self._put(self.series.batch(taken, report, ts_ms))
        self.series.tidy()
        self.state = TargetHealth(
            "down" if error else "up",
            reason_of(error) if error else "",
            begun_us,
            duration_s,
            counted.scraped if counted else 0,
            len(self.series),
            counted.duplicates if counted else 0,
            self._timeline.ahead_s,
        )

    def leave(self) -> None:
        """The loop has ended: leave its series to whoever comes next."""
        series = LeftSeries(self._timeline.last_ms, self.series.living())
        self._shared.left.leave(self.target.identity, series)

    async def _take(self, response: Response) -> Taken:
        content_type = response.headers.get("content-type")
        if len(response.body) < _LARGE_BYTES:
            return self.series.take(response.body, content_type)
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(
            self._shared.worker, self.series.take, response.body, content_type
        )
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            await asyncio.wait([work])  # the series belong to one thread at a time
            raise

    def _put(self, samples: SampleBatch) -> None:
        self._shared.outbox.put(
            self._producer,
            self.target.identity,
            self._timeline.sequence,
            samples,
            lambda gone: self.series.announce_again(gone.announced),
        )


def end_left(left: Left, outbox: Outbox, producer: str, now_ms: int) -> None:
    """End the series that nobody goes on with."""
    for identity, one in left.take_all().items():
        name = f"{producer}/{identity.hex()}/end"
        ts_ms = max(one.last_ms, now_ms - 1) + 1
        sequence = max(ts_ms, outbox.last_sequence(name, identity) + 1)
        outbox.put(name, identity, sequence, ending(one.series, ts_ms))


def over_target_limit(count: int, limit: int) -> InvalidInputError:
    """The error of every target of a job that has too many."""
    return InvalidInputError(f"the job has {count} targets; target_limit is {limit}")
