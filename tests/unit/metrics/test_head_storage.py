"""PromQL over a head: what it says over the same samples in plain memory."""

from __future__ import annotations

import numpy as np
import pytest

from madang.metrics.head.head import Head
from madang.metrics.head.intake import SampleColumns
from madang.metrics.head_storage import HeadStorage
from madang.metrics.matcher import Matcher, MatchKind
from madang.metrics.memory import MemoryStorage, labels_from
from madang.metrics.promql import QueryFailedError, evaluate_range
from madang.metrics.promql.options import Options
from unit.metrics.pages import page

HOUR_MS = 3_600_000
QUERIES = [
    "requests_total",
    'sum by (pod) (rate(requests_total{pod=~"a|b"}[5m]))',
    'max_over_time(up{pod!="a"}[10m])',
    "requests_total / on (pod) up",
    'absent(nothing{pod="a"})',
    "count(up offset 10m)",
]


@pytest.fixture(scope="module")
def storages():
    head, memory = Head(block_ms=HOUR_MS, late_ms=HOUR_MS // 2), MemoryStorage()
    times = np.arange(HOUR_MS // 2, 2 * HOUR_MS, 60_000)
    for number, ts_ms in enumerate(times.tolist()):
        values = {("requests_total", pod): float(number * n) for n, pod in enumerate("abc", 1)}
        values |= {("up", pod): 1.0 + n for n, pod in enumerate("abc")}
        samples = SampleColumns.of(page(ts_ms, values, announce=number == 0))
        head.take(samples, ts_ms)
        for (name, pod), value in values.items():
            labels = labels_from({"__name__": name, "pod": pod})
            memory.append(labels, np.array([ts_ms]), np.array([value]))
    return HeadStorage(head), memory


@pytest.mark.parametrize("query", QUERIES)
def test_answers_are_those_over_plain_memory(storages, query):
    over_head, over_memory = (
        evaluate_range(query, storage, HOUR_MS // 2, 2 * HOUR_MS, 90_000).series
        for storage in storages
    )
    assert list(over_head.labels) == list(over_memory.labels)
    assert over_head.samples > 0
    assert over_head.offsets.tolist() == over_memory.offsets.tolist()
    assert over_head.ts_ms.tolist() == over_memory.ts_ms.tolist()
    assert over_head.values == pytest.approx(over_memory.values)


def test_labels_and_limits(storages):
    storage = storages[0]
    up = Matcher("__name__", MatchKind.EQUAL, "up")
    assert storage.label_names([up], 0, HOUR_MS) == ["__name__", "pod"]
    assert storage.label_values("pod", [up], 0, HOUR_MS) == ["a", "b", "c"]
    with pytest.raises(QueryFailedError, match="too many samples"):
        evaluate_range("up", storage, 0, 2 * HOUR_MS, 60_000, Options(max_samples=200))


@pytest.mark.parametrize(
    ("start_ms", "end_ms"),
    [
        (0, 3 * HOUR_MS),
        (0, HOUR_MS // 2 - 1),
        (0, HOUR_MS // 2),
        (2 * HOUR_MS - 60_000, 2 * HOUR_MS),
        (2 * HOUR_MS, 3 * HOUR_MS),
        (HOUR_MS + 1, HOUR_MS + 2),
    ],
)
def test_series_are_those_with_samples_in_the_time(storages, start_ms, end_ms):
    up = Matcher("__name__", MatchKind.EQUAL, "up")
    for matchers in ([], [up]):
        over_head, over_memory = (one.series(matchers, start_ms, end_ms) for one in storages)
        assert sorted(over_head) == sorted(over_memory)
