"""What ``/metrics`` says of streams, roles, problems and the disk: looked at when it is asked."""

from __future__ import annotations

from collections.abc import Iterator

import psutil
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from madang.operate.tallies import read_misfits, read_time_fallbacks
from madang.server.context import ServerContext
from madang.server.health_view import health_fields
from madang.server.models.overview import Health
from madang.server.sampler import Sampler


def flow_exposition(context: ServerContext, sampler: Sampler) -> bytes:
    """The figures of now in Prometheus' text format 0.0.4. Reads files: not on the loop."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Flows(context, sampler))
    return generate_latest(registry)


class _Flows(Collector):
    def __init__(self, context: ServerContext, sampler: Sampler) -> None:
        self._context = context
        self._sampler = sampler

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        yield from self._streams()
        yield self._event_times()
        yield self._misfits()
        yield from self._platform()

    def _streams(self) -> Iterator[Metric]:
        label = ["stream"]
        records = CounterMetricFamily(
            "madang_stream_records", "Records ever appended.", labels=label
        )
        size = GaugeMetricFamily("madang_stream_size_bytes", "Size on disk.", labels=label)
        lag = GaugeMetricFamily(
            "madang_stream_lag_records", "Records that are not in the table yet.", labels=label
        )
        fresh = GaugeMetricFamily(
            "madang_stream_freshness_seconds",
            "Age of the oldest record that is not in the table yet; 0 where all are.",
            labels=label,
        )
        dead = GaugeMetricFamily(
            "madang_stream_dead_letters", "Dead letters not replayed.", labels=label
        )
        for name, spec in sorted(self._context.project().streams.items()):
            flow = self._sampler.flow(name, spec)
            records.add_metric([name], flow.records_total)
            size.add_metric([name], flow.size_bytes)
            dead.add_metric([name], flow.dead_letters)
            if flow.table is not None:
                lag.add_metric([name], flow.lag_records)
            if flow.freshness_s is not None:
                fresh.add_metric([name], flow.freshness_s)
        yield from (records, size, lag, fresh, dead)

    def _event_times(self) -> Metric:
        fallbacks = CounterMetricFamily(
            "madang_event_time_fallback",
            "Rows without a usable event time: the arrival stands in.",
            labels=["stream", "reason"],
        )
        for name, found in sorted(read_time_fallbacks(self._context.data).items()):
            for reason, one in sorted(found.reasons.items()):
                fallbacks.add_metric([name, reason], one.count)
        return fallbacks

    def _misfits(self) -> Metric:
        misfits = CounterMetricFamily(
            "madang_misfits",
            "Values that no column took: they stand in _rest.",
            labels=["stream", "table", "column", "reason"],
        )
        for name, found in sorted(read_misfits(self._context.data).items()):
            for key, one in sorted(found.misfits.reasons.items()):
                misfits.add_metric([name, found.table, key.column, key.reason], one.count)
        return misfits

    def _platform(self) -> Iterator[Metric]:
        found = Health(**health_fields(self._context.health()))
        disk = GaugeMetricFamily("madang_disk_free_bytes", "Free on the data directory's disk.")
        disk.add_metric([], found.disk.free_bytes)
        problems = GaugeMetricFamily(
            "madang_problems", "What is wrong now.", labels=["code", "severity"]
        )
        counted: dict[tuple[str, str], int] = {}
        for problem in found.problems:
            key = (problem.code, str(problem.severity))
            counted[key] = counted.get(key, 0) + 1
        for key, count in counted.items():
            problems.add_metric(key, count)
        up = GaugeMetricFamily("madang_role_up", "1 where the role runs.", labels=["role"])
        restarts = CounterMetricFamily("madang_role_restarts", "Restarts.", labels=["role"])
        memory = GaugeMetricFamily("madang_role_memory_bytes", "RSS.", labels=["role"])
        cpu = CounterMetricFamily("madang_role_cpu_seconds", "CPU time.", labels=["role"])
        for role in found.roles:
            up.add_metric([role.name], float(role.state in ("running", "ready")))
            restarts.add_metric([role.name], role.restarts)
            memory.add_metric([role.name], role.memory_bytes)
            cpu.add_metric([role.name], _cpu_s(role.pid))
        yield from (disk, problems, up, restarts, memory, cpu)


def _cpu_s(pid: int | None) -> float:
    try:
        spent = psutil.Process(pid).cpu_times() if pid else None
    except psutil.Error:
        spent = None
    return spent.user + spent.system if spent else 0.0
