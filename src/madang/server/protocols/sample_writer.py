"""The way of pushed samples into their stream, whichever protocol brought them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from madang.collect.pushed import Pushed
from madang.collect.pushed_batches import PushedBatch, PushedBatches, in_time
from madang.collect.pushed_families import PushedFamilies
from madang.core.clock import Clock
from madang.core.names import SAMPLES
from madang.server.completions import Completions
from madang.server.metrics import INGEST_RECORDS, PUSHED_REFUSED, PUSHED_SAMPLES
from madang.stream import LogStream


@dataclass(frozen=True, slots=True)
class Prepared:
    """A body that is ready to be appended. ``pushed`` is what will have been taken of it."""

    pushed: Pushed
    source: str
    stream: LogStream
    batches: list[PushedBatch]


class SampleWriter:
    """Appends pushed samples to ``metrics.samples``, durably; one serves all protocols.

    The same samples sent again are appended again; as they are equal, nobody counts them twice.

    Args:
        open_stream: The stream of a name; opening again is cheap.
        clock: Injected time.
        families: Takes what senders say of metric families.
        late_s: How much older than the newest sample one may be. What is older is refused here as
            far as it is certain, so that it is not acknowledged and then left out.
    """

    def __init__(
        self,
        open_stream: Callable[[str], LogStream],
        clock: Clock,
        families: PushedFamilies,
        late_s: Callable[[], float] = lambda: math.inf,
    ) -> None:
        self._late_s = late_s
        self.families = families
        self._open_stream = open_stream
        self._clock = clock
        self._batches = PushedBatches()
        self._completions = Completions()

    def prepare(self, pushed: Pushed, source: str) -> Prepared:
        """Make batches of a body. Any thread: for large bodies, the one that decoded them.

        Args:
            pushed: As decoded; samples ahead of the clock are refused here.
            source: The protocol, such as ``remote_write``: the attribute ``source`` of the records.
        """
        now_ms = self._clock.now_us() // 1000
        stream = self._open_stream(SAMPLES)
        late_s, oldest_ms = self._late_s(), 0
        if not math.isinf(late_s):
            oldest_ms = self._batches.oldest_ms(round(late_s * 1000), now_ms)
        taken = in_time(pushed, now_ms, oldest_ms)
        batches = self._batches.batches(
            taken, now_ms, stream=stream.identity.id, partitions=stream.partitions
        )
        return Prepared(taken, source, stream, batches)

    async def append(self, prepared: Prepared) -> Pushed:
        """Append what was prepared, on the event loop; durable when it returns.

        Returns:
            What was taken; ``refused`` tells of the rest.

        Raises:
            StorageFullError: on a full disk; where the stream has several partitions, some may
                have got theirs: the same body is to be sent again.
            UnavailableError: the platform is stopping.
        """
        attributes = {"source": prepared.source}
        futures = [
            prepared.stream.submit(one.batch, partition=one.partition, attributes=attributes)
            for one in prepared.batches
        ]
        error: Exception | None = None
        for one, future in zip(prepared.batches, futures, strict=True):
            try:
                await self._completions.wait(future)
            except Exception as failed:  # noqa: BLE001 -- raised below, behind the other partitions
                error = error or failed
            else:
                self._batches.appended(one)
        if error is not None:
            raise error
        taken = prepared.pushed
        self.families.note(taken.metadata)
        count = len(taken.samples) + len(taken.histograms)
        INGEST_RECORDS.labels(SAMPLES).inc(count)
        PUSHED_SAMPLES.labels(prepared.source).inc(count)
        if taken.refused_count:
            PUSHED_REFUSED.labels(prepared.source).inc(taken.refused_count)
        return taken

    async def write(self, pushed: Pushed, source: str) -> Pushed:
        """``prepare`` and ``append``: for small bodies."""
        return await self.append(self.prepare(pushed, source))
