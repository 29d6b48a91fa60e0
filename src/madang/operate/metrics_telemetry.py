"""What the role ``metrics`` counts: for ``/metrics``, for ``madang status``, for the history."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import orjson
from prometheus_client import Counter, Gauge, Histogram

from madang.core.clock import Clock
from madang.core.datadir import DataDir
from madang.metrics.head.follower import HeadFollower
from madang.metrics.head.head import Head
from madang.operate.health import METRICS_FILE
from madang.operate.state_file import StateFile
from madang.query import HistoryWriter
from madang.query.prometheus import Answered, history_row

_SERIES = Gauge("madang_metrics_series", "Series in the head.", multiprocess_mode="livesum")
_IN_MEMORY = Gauge(
    "madang_metrics_samples_in_memory",
    "Samples of the head that are in no file yet.",
    multiprocess_mode="livesum",
)
_LAG = Gauge(
    "madang_metrics_lag_samples",
    "Samples that are acknowledged and cannot be asked for yet.",
    multiprocess_mode="livesum",
)
_TAKEN = Counter("madang_metrics_samples_total", "Samples that the head took.")
_REFUSED = Counter(
    "madang_metrics_refused_samples_total",
    "Samples that were acknowledged, and then refused beside others.",
    ["reason"],
)
_QUERIES = Histogram(
    "madang_metrics_query_duration_seconds",
    "Time of a request to Prometheus's API, without the wait for its turn.",
    ["endpoint", "state"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60),
)
_WAITS = Histogram(
    "madang_metrics_query_wait_seconds",
    "Time that requests to Prometheus's API waited for their turn.",
    buckets=(0.001, 0.01, 0.1, 0.5, 1, 2.5, 10, 60),
)
_SAMPLES_READ = Counter("madang_metrics_query_samples_total", "Samples that PromQL read.")
_ENDPOINTS = frozenset({"query", "query_range", "series", "labels", "/federate"})
_TOLD_JOBS = 10
_TAKEN_FIELDS = frozenset({"taken", "repeated"})
"""Counts that say of no sample that it was refused: equal ones are as if they came once."""


def record_answered(answered: Answered, history: HistoryWriter) -> None:
    """Count a request that is over, and note it in the history if it was PromQL. Any thread."""
    endpoint = answered.request.endpoint
    shown = endpoint if endpoint in _ENDPOINTS else "other"
    _QUERIES.labels(shown, answered.state).observe(answered.stats.duration_s)
    _WAITS.observe(answered.request.queued_s)
    _SAMPLES_READ.inc(answered.stats.samples)
    row = history_row(answered)
    if row is not None:
        history.put(row)


class HeadReport:
    """Tells how the head is doing: as metrics, and in ``run/metrics.json``.

    What was refused is counted on over restarts. Used by one thread.
    """

    def __init__(self, data: DataDir, head: Head, follower: HeadFollower, clock: Clock) -> None:
        self._head = head
        self._follower = follower
        self._clock = clock
        self._file = StateFile(data.run / METRICS_FILE)
        before = _read(data)
        self._refused: dict[str, int] = dict(before.get("refused") or {})
        self._refused_at_us: int | None = before.get("refused_at_us")
        self._rebuilt, self._rebuilt_at_us = before.get("rebuilt"), before.get("rebuilt_at_us")
        self._over_limit: list[str] = []
        self._over_limit_at_us: int | None = None
        self._known: dict[str, int] = {}
        self._behind_since_us: int | None = None
        self._ends: Mapping[int, int] = {}

    def tell(self, trouble: str = "") -> None:
        """Look, and tell what changed.

        Args:
            trouble: Why the head cannot be written now, if it cannot.
        """
        now_us = self._clock.now_us()
        lag = self._look_behind(now_us)
        self._count(now_us)
        over_limit = [one.message for one in self._head.gate.refused[:_TOLD_JOBS]]
        if over_limit != self._over_limit:
            self._over_limit, self._over_limit_at_us = over_limit, now_us
        rebuilt = self._follower.rebuilt
        if rebuilt is not None:
            self._rebuilt, self._rebuilt_at_us = rebuilt.message, rebuilt.at_us
        series, in_memory = len(self._head.index), self._head.in_memory
        _SERIES.set(series)
        _IN_MEMORY.set(in_memory)
        _LAG.set(lag)
        behind = self._behind_since_us is not None
        self._file.write(
            {
                "series": series,
                "lag": lag if behind else 0,  # else the file would change all the time
                "behind_since_us": self._behind_since_us,
                "refused": self._refused,
                "refused_at_us": self._refused_at_us,
                "rebuilt": self._rebuilt,
                "rebuilt_at_us": self._rebuilt_at_us,
                "over_limit": self._over_limit,
                "over_limit_at_us": self._over_limit_at_us,
                "trouble": trouble,
            }
        )

    def _look_behind(self, now_us: int) -> int:
        """How many samples wait. It is behind if some of them waited at the last look already."""
        taken = self._follower.taken()
        lag = self._follower.lag()
        if all(taken.get(number, 0) >= end for number, end in self._ends.items()):
            self._behind_since_us = None
        elif self._behind_since_us is None:
            self._behind_since_us = now_us
        # Asked in this order, it is never more than the stream's end.
        self._ends = {number: taken.get(number, 0) + count for number, count in lag.items()}
        return sum(lag.values())

    def _count(self, now_us: int) -> None:
        for name, count in _counts(self._head).items():
            gained = count - self._known.get(name, 0)
            self._known[name] = count
            if gained <= 0:
                continue
            if name == "taken":
                _TAKEN.inc(gained)
            elif name not in _TAKEN_FIELDS:
                _REFUSED.labels(name).inc(gained)
                self._refused[name] = self._refused.get(name, 0) + gained
                self._refused_at_us = now_us


def _counts(head: Head) -> Mapping[str, int]:
    counted = dataclasses.asdict(head.counts)
    told = frozenset(counted)
    for block in list(head.blocks.values()):
        for name, count in dataclasses.asdict(block.left_out).items():
            if name not in told:
                counted[name] = counted.get(name, 0) + count
    return counted


def _read(data: DataDir) -> dict[str, Any]:
    try:
        found = orjson.loads((data.run / METRICS_FILE).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return found if isinstance(found, dict) else {}
