"""The targets of one job: those that discovery finds are scraped, those that go are ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

from madang.collect.scrape.discovery import Discovery
from madang.collect.scrape.left import Left
from madang.collect.scrape.relabel import Relabeller
from madang.collect.scrape.scrape_loop import (
    ScrapeLoop,
    Shared,
    end_left,
    over_target_limit,
)
from madang.collect.scrape.target import NoTarget, Target, target_of

_log = logging.getLogger(__name__)
_SETTLE_S = 0.2
MOST_DROPPED = 10_000
"""Dropped targets that are kept to be shown, where the configuration does not say fewer."""


class JobPool:
    """Runs the targets of a job.

    Args:
        shared: The job and what its targets share.
    """

    def __init__(self, shared: Shared) -> None:
        self.job = shared.job
        self._shared = shared
        self._changed = asyncio.Event()
        self._settled = False
        self._discovery = Discovery(shared.job, self._changed.set)
        legacy = shared.job.metric_name_validation_scheme == "legacy"
        self._rules = Relabeller(shared.job.relabel_configs, legacy_names=legacy)
        self._loops: dict[bytes, tuple[ScrapeLoop, asyncio.Task[None]]] = {}
        self.dropped: list[NoTarget] = []
        self.dropped_count = 0
        self.misfits: list[NoTarget] = []
        """What was found and cannot be a target, with the error."""

    async def run(self) -> None:
        """Scrape what is found until cancelled; then leave the series behind."""
        self._discovery.look()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._discovery.run())
                while True:
                    self._changed.clear()
                    await self._sync(group)
                    await self._changed.wait()
                    await asyncio.sleep(_SETTLE_S)  # files and servers change in bunches
        finally:
            for loop in self.loops():
                loop.leave()
            self._loops.clear()

    def loops(self) -> Iterator[ScrapeLoop]:
        """The targets that are scraped."""
        for loop, _ in self._loops.values():
            yield loop

    def settle(self) -> None:
        """Discovery had its time: series that nobody has gone on with until now end."""
        self._settled = True
        self._end_left()

    @property
    def left(self) -> Left:
        """The series that are left behind."""
        return self._shared.left

    def _end_left(self) -> None:
        shared = self._shared
        for loop in self.loops():  # what another target of the same labels has is alive
            shared.left.take(loop.target.identity)
        end_left(shared.left, shared.outbox, shared.producer, shared.clock.now_us() // 1000)

    def problems(self) -> Iterator[str]:
        """What discovery could not find out, and what cannot be scraped."""
        yield from self._discovery.problems.values()
        for one in self.misfits:
            yield f"{self.job.job_name}: {one.discovered.get('__address__', '')}: {one.error}"

    async def _sync(self, group: asyncio.TaskGroup) -> None:
        wanted = self._wanted()
        gone = [self._loops.pop(key) for key in list(self._loops) if key not in wanted]
        for _, task in gone:
            task.cancel()
        for loop, task in gone:
            await asyncio.wait([task])
            loop.leave()
        for key, target in wanted.items():
            if key not in self._loops:
                loop = ScrapeLoop(target, self._shared)
                self._loops[key] = (loop, group.create_task(loop.run()))
        if gone and self._settled:
            self._end_left()
        limit = self.job.target_limit or 0
        error = over_target_limit(len(wanted), limit) if 0 < limit < len(wanted) else None
        for loop in self.loops():
            loop.forced = error

    def _wanted(self) -> dict[bytes, Target]:
        wanted: dict[bytes, Target] = {}
        most = min(self.job.keep_dropped_targets or MOST_DROPPED, MOST_DROPPED)
        self.dropped, self.misfits, self.dropped_count = [], [], 0
        for labels in self._discovery.targets():
            found = target_of(self.job, labels, self._rules)
            if isinstance(found, Target):
                wanted.setdefault(found.key, found)
            elif found.error is not None:
                self.misfits.append(found)
                _log.warning("job %s: %s cannot be scraped: %s", found.job, labels, found.error)
            else:
                self.dropped_count += 1
                if len(self.dropped) < most:
                    self.dropped.append(found)
        return wanted
