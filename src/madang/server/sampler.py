"""How streams flow: their bounds, looked at every two seconds while somebody looks at them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from madang.core.errors import MadangError
from madang.core.names import DEAD_SUFFIX
from madang.operate.replay import Taken, taken
from madang.project import StreamSpec
from madang.server.context import ServerContext
from madang.server.dead import waiting
from madang.server.filled_table import filled_table
from madang.server.models.base import maybe_instant
from madang.server.models.overview import StreamFlow
from madang.stream import LogStream

SAMPLE_S = 2.0
_VALUES = 60
_IDLE_SAMPLE_S = 30.0
_IDLE_AFTER_S = 60.0
_RATE_S = 10.0
"""Rates are averages over this time: records that come every five seconds still flow steadily."""


@dataclass(slots=True)
class _Track:
    """What was seen of one stream."""

    at_s: float
    records: int
    size_bytes: int
    history: deque[float] = field(default_factory=lambda: deque(maxlen=_VALUES))
    bytes_history: deque[float] = field(default_factory=lambda: deque(maxlen=_VALUES))


class Sampler:
    """Rates of all streams. Sampled on the event loop: bounds are mapped memory.

    While nobody asks it samples twice a minute; what it missed is filled with the average.
    """

    def __init__(self, context: ServerContext) -> None:
        self._context = context
        self._clock = context.clock
        self._tracks: dict[str, _Track] = {}
        # As if somebody looked: who just started the platform soon will.
        self._asked_at_s = self._clock.monotonic_s()
        self._wanted = asyncio.Event()
        self._waiting: dict[str, tuple[int, Taken, int]] = {}

    async def run(self) -> None:
        """Sample until cancelled."""
        while True:
            self.sample()
            idle = self._clock.monotonic_s() - self._asked_at_s > _IDLE_AFTER_S
            self._wanted.clear()
            if not idle:
                await asyncio.sleep(SAMPLE_S)
                continue
            try:
                await asyncio.wait_for(self._wanted.wait(), _IDLE_SAMPLE_S)
            except TimeoutError:
                continue

    def asked(self) -> None:
        """Somebody looks: sample densely for a while."""
        self._asked_at_s = self._clock.monotonic_s()
        self._wanted.set()

    def sample(self) -> None:
        """Look at every stream once."""
        now_s = self._clock.monotonic_s()
        names = self._context.project().streams
        for name in [known for known in self._tracks if known not in names]:
            del self._tracks[name]
        for name in names:
            stream = opened(self._context, name)
            if stream is None:
                continue
            records, size_bytes = _totals(stream)
            track = self._tracks.get(name)
            if track is None:
                self._tracks[name] = _Track(now_s, records, size_bytes)
                continue
            elapsed_s = now_s - track.at_s
            # Two samples may fall close together when somebody begins to look.
            if elapsed_s < SAMPLE_S / 2:
                continue
            rate = max(0, records - track.records) / elapsed_s
            byte_rate = max(0, size_bytes - track.size_bytes) / elapsed_s
            for _ in range(min(_VALUES, max(1, round(elapsed_s / SAMPLE_S)))):
                track.history.append(rate)
                track.bytes_history.append(byte_rate)
            track.at_s, track.records, track.size_bytes = now_s, records, size_bytes

    def flow(self, name: str, spec: StreamSpec) -> StreamFlow:
        """How the stream ``name`` flows. Reads group files and maybe a frame: not on the loop."""
        stream = opened(self._context, name)
        filled = filled_table(spec)
        table = filled.name if filled else None
        track = self._tracks.get(name)
        history = list(track.history) if track else []
        if stream is None:
            return StreamFlow(
                name=name,
                records_per_s=0.0,
                bytes_per_s=0.0,
                records_total=0,
                lag_records=0,
                freshness_s=None,
                dead_letters=0,
                size_bytes=0,
                last_append_at=None,
                table=table,
                history=history,
            )
        records, size_bytes = _totals(stream)
        lag, freshness_s = self._lag(stream, spec)
        appended = [stream.last_appended_us(part) for part in range(stream.partitions)]
        return StreamFlow(
            name=name,
            records_per_s=_recent(history),
            bytes_per_s=_recent(track.bytes_history if track else ()),
            records_total=records,
            lag_records=lag,
            freshness_s=freshness_s,
            dead_letters=self._waiting_letters(name),
            size_bytes=size_bytes,
            last_append_at=maybe_instant(max((at for at in appended if at), default=None)),
            table=table,
            history=[round(value, 3) for value in history],
        )

    def _waiting_letters(self, name: str) -> int:
        """How many dead letters were not replayed: those that somebody has to look at."""
        dead = dead_stream(self._context, name)
        if dead is None:
            return 0
        end, done = dead.bounds(0).end, taken(dead)
        known = self._waiting.get(name)
        if known is None or known[:2] != (end, done):
            # Counting may read letters; until one comes or is replayed the count stays.
            known = self._waiting[name] = (end, done, waiting(dead, done))
        return known[2]

    def _lag(self, stream: LogStream, spec: StreamSpec) -> tuple[int, float | None]:
        filled = filled_table(spec)
        if filled is None:
            return 0, None
        delivered = stream.committed(filled.group)
        lag, oldest_us, ever = 0, None, False
        for part in range(stream.partitions):
            bounds = stream.bounds(part)
            ever = ever or bounds.end > 0
            first = max(bounds.earliest, delivered.get(part, 0))
            if first >= bounds.end:
                continue
            lag += bounds.end - first
            chunks = stream.read(part, first, max_bytes=1)
            if chunks and (oldest_us is None or chunks[0].appended_at_us < oldest_us):
                oldest_us = chunks[0].appended_at_us
        if oldest_us is None:
            return lag, 0.0 if ever else None
        age_s = max(0.0, (self._clock.now_us() - oldest_us) / 1_000_000)
        return (lag, age_s) if age_s >= filled.due_s else (0, 0.0)


def opened(context: ServerContext, name: str) -> LogStream | None:
    """The stream, or None where it cannot be read (now): a typed one before its first batch.

    One whose head is damaged neither, so that it does not take the others off the page.
    """
    try:
        stream = context.open_stream(name)
        for part in range(stream.partitions):
            stream.bounds(part)
    except MadangError:
        return None
    return stream


def dead_stream(context: ServerContext, name: str) -> LogStream | None:
    """The stream of the dead letters of ``name``, or None while there never was one."""
    dead = name + DEAD_SUFFIX
    if not (context.data.streams / dead).is_dir():
        return None
    return opened(context, dead)


def dead_letters(context: ServerContext, name: str) -> int:
    """How many records of ``name`` could not become rows and are still kept."""
    stream = dead_stream(context, name)
    if stream is None:
        return 0
    bounds = [stream.bounds(part) for part in range(stream.partitions)]
    return sum(one.end - one.earliest for one in bounds)


def _totals(stream: LogStream) -> tuple[int, int]:
    bounds = [stream.bounds(part) for part in range(stream.partitions)]
    return sum(one.end for one in bounds), sum(one.size_bytes for one in bounds)


def _recent(values: Iterable[float]) -> float:
    last = list(values)[-round(_RATE_S / SAMPLE_S) :]
    return round(sum(last) / len(last), 3) if last else 0.0
