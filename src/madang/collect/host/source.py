"""The host source: polls on a steady grid, one batch a poll."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections import deque
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError

import psutil
import pyarrow as pa

from madang.collect.host.readers import READERS, Machine
from madang.collect.host.samples import HOST_SCHEMA, Samples
from madang.collect.host.series import HostSeries
from madang.collect.host.textfiles import TextFiles
from madang.collect.source import SourceContext, SourceStatus
from madang.core.errors import InvalidInputError, MadangError
from madang.core.samples import SAMPLES_SCHEMA
from madang.project import HostSourceSpec
from madang.stream import Appended, Origin

_log = logging.getLogger(__name__)
_KEPT_POLLS = 720
"""Polls that wait while the stream takes nothing: an hour at 5 s; then the oldest go."""
_ACK_WAIT_S = 10.0


class HostSource:
    """Samples of this machine: of series, or rows where the stream has ``HOST_SCHEMA``.

    ``ts`` lies on a grid of the interval since 1970, so that samples of several machines and of
    several runs meet; a tick that was missed is left out, not made up for. Each batch carries
    ``Origin("host:<host>/<source>", ts)``, so that one is never appended twice.

    Raises:
        InvalidInputError: the stream has another schema.
    """

    def __init__(
        self, spec: HostSourceSpec, context: SourceContext, *, machine: Machine | None = None
    ) -> None:
        self._host = socket.gethostname()
        self._series: HostSeries | None = None
        if context.stream.schema.equals(SAMPLES_SCHEMA):
            self._series = HostSeries({"job": "node", "instance": self._host, **spec.labels})
        else:
            _check_columns(spec, context.stream.schema)
        self._textfiles = None
        if spec.textfiles:
            self._textfiles = TextFiles(context.directory / spec.textfiles)
        self._stream = context.stream
        self._clock = context.clock
        self._interval_us = max(1, round(spec.interval * 1_000_000))
        self._machine = machine or Machine()
        self._producer = f"host:{self._host}/{spec.name}"
        self._kept: deque[tuple[int, pa.RecordBatch]] = deque()
        self._last_sequence = self._stream.last_sequence(0, self._producer) or 0
        self._under_way: Future[Appended] | None = None
        self._waiting_for: MadangError | None = None
        self._problems: dict[str, str] = {}
        self._samples = self._polls = self._missed = self._dropped = 0

    def run(self, stop: threading.Event) -> None:
        """Poll until ``stop`` is set: at once, then on the grid."""
        interval_us = self._interval_us
        tick_us = self._clock.now_us() // interval_us * interval_us
        while True:
            self.poll(tick_us)
            now_us = self._clock.now_us()
            next_us = tick_us + interval_us
            if not tick_us <= now_us < next_us:  # late, or somebody set the clock
                next_us = now_us // interval_us * interval_us + interval_us
                self._missed += max(0, (next_us - tick_us) // interval_us - 1)
            tick_us = next_us
            if stop.wait(max(0.0, (tick_us - now_us) / 1e6)):
                self._append(_ACK_WAIT_S)
                return

    def poll(self, ts_us: int) -> Samples:
        """Read everything once and append it as of ``ts_us``."""
        samples = self.read()
        self._polls += 1
        sequence = max(ts_us, self._last_sequence + 1)
        self._last_sequence = sequence
        if len(self._kept) == _KEPT_POLLS:
            del self._kept[1]  # the first may be under way
            if self._series is not None:
                self._series.announce_all()
            self._dropped += 1
        self._kept.append((sequence, self._batch(samples, ts_us)))
        # A slow disk must not make the next tick late.
        self._append(min(_ACK_WAIT_S, self._interval_us / 2e6))
        return samples

    def read(self) -> Samples:
        """Everything that the machine tells now; a reader that fails is reported, not fatal."""
        samples = Samples()
        for name, reader in READERS.items():
            begun_s = self._clock.monotonic_s()
            problem = None
            try:
                reader(samples, self._machine)
            except (OSError, ValueError, IndexError, psutil.Error, RuntimeError) as error:
                problem = f"{name}: {error}"
                if name not in self._problems:
                    _log.warning("the %s of this machine cannot be read: %s", name, error)
            if problem is None:
                self._problems.pop(name, None)
            else:
                self._problems[name] = problem
            took_s = self._clock.monotonic_s() - begun_s
            samples.add("node_scrape_collector_duration_seconds", took_s, collector=name)
            samples.add("node_scrape_collector_success", float(problem is None), collector=name)
        if self._textfiles is not None:
            self._textfiles.read(samples)
        return samples

    def status(self) -> SourceStatus:
        """Polls, samples, missed ticks, and readers that fail."""
        counts = {
            "polls": self._polls,
            "records": self._samples,
            "missed_polls": self._missed,
            "dropped_polls": self._dropped,
            "waiting_polls": len(self._kept),
        }
        problems = list(self._problems.values())
        if self._textfiles is not None:
            problems += [f"{file}: {text}" for file, text in self._textfiles.problems.items()]
        return SourceStatus(self._waiting_for, tuple(problems), counts)

    def close(self) -> None:
        """Nothing to release."""

    def _batch(self, samples: Samples, ts_us: int) -> pa.RecordBatch:
        if self._series is None:
            return samples.batch(ts_us, self._host)
        samples.add("up", 1)
        return self._series.batch(samples, ts_us)

    def _append(self, wait_s: float) -> None:
        """Append what is kept, in order and one at a time: a later batch must not overtake."""
        until_s = time.monotonic() + wait_s
        while self._kept:
            sequence, batch = self._kept[0]
            if self._under_way is None:
                self._under_way = self._stream.submit(
                    batch, origin=Origin(self._producer, sequence), attributes={"source": "host"}
                )
            try:
                self._under_way.result(max(0.0, until_s - time.monotonic()))
            except FutureTimeoutError:
                return  # the next poll looks again
            except MadangError as error:
                self._under_way = None
                if not error.retryable:
                    raise
                if self._waiting_for is None:
                    _log.warning("the stream %s takes nothing now: %s", self._stream.name, error)
                self._waiting_for = error
                return
            self._under_way = self._waiting_for = None
            self._samples += batch.num_rows
            self._kept.popleft()


def _check_columns(spec: HostSourceSpec, schema: pa.Schema) -> None:
    missing = [field.name for field in HOST_SCHEMA if field.name not in schema.names]
    if missing:
        raise InvalidInputError(
            f"the source {spec.name!r} brings samples, but the stream {spec.stream!r} has no "
            f"column {missing[0]!r}",
            hint=f"a typed stream with the columns {', '.join(HOST_SCHEMA.names)}, or leave "
            "stream away: then they are metrics",
        )
