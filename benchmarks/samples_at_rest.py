"""Samples on their way to their tables and back: bytes, processor, and the time of a query.

Series as a node exporter has them, every 15 s for two hours, delivered every five minutes and then
put together as upkeep does over a day.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from benchmarks.result import Line, at_most, table
from madang.core.clock import ManualClock
from madang.core.datadir import DataDir
from madang.core.names import SAMPLES
from madang.core.samples import SAMPLES_SCHEMA, canonical_labels, series_id
from madang.lake import Lake, Reading
from madang.lake.compaction import CompactionPlan, compact
from madang.metrics.head.folder import HeadFolder
from madang.metrics.head.follower import FollowLimits, HeadFollower
from madang.metrics.head.head import Head
from madang.metrics.lake_storage import LakeStorage
from madang.metrics.matcher import Matcher, MatchKind
from madang.metrics.tables.delivery import SampleDelivery, SampleTables
from madang.stream import LogStore, LogStream

START_MS = 1_795_219_200_000
STEP_MS = 15_000
TICKS = 480
DELIVERED_EVERY = 20
PER_HOST = 1000
METRICS = 250


def run(folder: Path, *, series: int = 50_000) -> str:
    """Deliver ``series`` over two hours, compact, and ask for one of them."""
    data = DataDir(folder / "samples_at_rest")
    clock = ManualClock(START_MS * 1000)
    with LogStore(data.streams, clock=clock, min_free_bytes=0) as store:
        stream = store.open(SAMPLES, SAMPLES_SCHEMA, 1)
        tables = SampleTables(Lake(data), stream)
        limits = FollowLimits(write_every_s=1e9, write_at_samples=10**9)
        follower = HeadFollower(
            stream, Head(), HeadFolder(data.head), clock=clock, limits=limits, archive=tables
        )
        follower.restore()
        delivery = SampleDelivery(tables, follower, clock=clock)
        delivered_s = 0.0
        for tick, batch in enumerate(_pages(series)):
            stream.submit(batch).result()
            clock.advance(STEP_MS / 1000)
            while follower.poll():
                pass
            if tick % DELIVERED_EVERY == DELIVERED_EVERY - 1:
                follower.write()
                began_s = time.process_time()
                delivery.deliver()
                delivered_s += time.process_time() - began_s
        restored_s = _restored_s(data, stream, series)
    assert delivery.state.samples == series * TICKS
    return _told(data, series, delivered_s, restored_s)


def _told(data: DataDir, series: int, delivered_s: float, restored_s: float) -> str:
    samples = Lake(data).table(SAMPLES)
    before = samples.pin()
    began_s = time.process_time()
    compact(samples, CompactionPlan(before.files[0].day, before.files))
    compacted_s = time.process_time() - began_s
    after = samples.pin()
    millions = before.rows / 1e6
    lines = [
        at_most("on disk, after compaction", after.size_bytes / after.rows, 2, "B/sample", 2),
        Line("on disk, files of five minutes", f"{before.size_bytes / before.rows:.2f} B/sample"),
        Line("delivery", f"{delivered_s / millions:.2f} CPU-s per million samples"),
        Line("compaction", f"{compacted_s / millions:.2f} CPU-s per million samples"),
        Line("one series of the table, two hours", f"{_asked_ms(data):.0f} ms"),
        Line("the head is back after a restart", f"{restored_s:.1f} s, {series:,} series"),
    ]
    return table(f"Samples at rest: {series:,} series × {TICKS}", lines)


def _pages(series: int) -> list[pa.RecordBatch]:
    labels = [_labels(number) for number in range(series)]
    ids = pa.array([series_id(one) for one in labels], pa.int64())
    chance = np.random.default_rng(1)
    values = np.stack([_values(number % 20, chance) for number in range(series)])
    # Each host is scraped at its own moment of the interval.
    shift = (np.arange(series) // PER_HOST * 7919) % STEP_MS
    return [
        pa.RecordBatch.from_arrays(
            [
                pa.array(START_MS + tick * STEP_MS + shift, pa.timestamp("ms", "UTC")),
                ids,
                pa.array(np.ascontiguousarray(values[:, tick])),
                pa.nulls(series, pa.binary()),
                pa.array(labels, pa.binary()) if not tick else pa.nulls(series, pa.binary()),
            ],
            schema=SAMPLES_SCHEMA,
        )
        for tick in range(TICKS)
    ]


def _labels(number: int) -> bytes:
    host, own = divmod(number, PER_HOST)
    place, metric = divmod(own, METRICS)
    pairs = {"__name__": f"node_{metric:03d}", "device": f"d{place}", "job": "node"}
    return canonical_labels(pairs | {"instance": f"host{host:03d}:9100"})


def _values(kind: int, chance: np.random.Generator) -> npt.NDArray[np.float64]:
    """Of twenty series twelve stand still, as on a real host; the others count or waver."""
    if kind < 12:
        return np.full(TICKS, float((0, 0, 1, chance.integers(2**35))[chance.integers(4)]))
    if kind < 15:  # packets, bytes, interrupts
        rates = chance.poisson(10 ** chance.uniform(0, 5), TICKS)
        return (chance.integers(2**36) + np.cumsum(rates)).astype(np.float64)
    if kind < 17:  # seconds of a processor
        return (chance.integers(10**7) + np.cumsum(chance.gamma(2, 2, TICKS))).round(2)
    if kind == 17:  # bytes of memory
        pages = chance.integers(2**22) + np.cumsum(chance.integers(-500, 500, TICKS))
        return (pages * 4096).astype(np.float64)
    if kind == 18:  # errors, seldom
        return np.cumsum(chance.random(TICKS) < 0.03).astype(np.float64)
    wavering: npt.NDArray[np.float64] = 2 + np.cumsum(chance.normal(0, 0.05, TICKS))  # load
    return np.abs(wavering).round(2)


def _asked_ms(data: DataDir) -> float:
    storage = LakeStorage(Lake(data), Reading(data.readers))
    wanted = {"__name__": "node_007", "instance": "host000:9100", "device": "d1"}
    matchers = [Matcher(name, MatchKind.EQUAL, value) for name, value in wanted.items()]
    took_ms = []
    for _ in range(5):
        began_s = time.perf_counter()
        found = storage.select(matchers, START_MS, START_MS + TICKS * STEP_MS)
        took_ms.append((time.perf_counter() - began_s) * 1000)
        assert found.samples == TICKS
    return sorted(took_ms)[2]


def _restored_s(data: DataDir, stream: LogStream, series: int) -> float:
    head = Head()
    tables = SampleTables(Lake(data), stream)
    follower = HeadFollower(stream, head, HeadFolder(data.head), archive=tables)
    began_s = time.perf_counter()
    follower.restore()
    while follower.poll():
        pass
    assert len(head.index) == series
    return time.perf_counter() - began_s
