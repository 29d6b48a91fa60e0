"""Samples as SQL sees them: what is acknowledged at once, and each one once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang.core.clock import ManualClock
from madang.core.names import SAMPLES
from madang.core.samples import SAMPLES_SCHEMA
from madang.metrics.head.folder import HeadFolder
from madang.metrics.head.follower import HeadFollower
from madang.metrics.head.head import Head
from madang.metrics.tables.delivery import SampleDelivery, SampleTables
from madang.metrics.tables.forms import TIME
from madang.project.system import system_streams
from madang.query.fresh_samples import SHAPE, FreshSamples, _each_once
from madang.stream import LogStream
from unit.metrics.pages import page
from unit.query.conftest import House

NOW_MS = 1_795_219_200_000
PAGE = {("up", "a"): 1.0, ("load", "b"): 2.5}
BY_NAME = f"SELECT name, count(*) AS n, sum(value) AS s FROM {SAMPLES} GROUP BY ALL ORDER BY ALL"


class Metrics:
    """A house with samples, and who delivers them."""

    def __init__(self, house: House) -> None:
        streams = house.project.streams | {SAMPLES: system_streams()[SAMPLES]}
        house.project = house.project.model_copy(update={"streams": streams})
        self.house = house
        self.stream: LogStream = house.store.open(SAMPLES, SAMPLES_SCHEMA, 2)
        self.begin()

    def begin(self) -> None:
        tables = SampleTables(self.house.lake, self.stream)
        folder = HeadFolder(self.house.data.head)
        self.follower = HeadFollower(self.stream, Head(ahead_ms=10**13), folder, archive=tables)
        self.follower.restore()
        self.delivery = SampleDelivery(tables, self.follower)

    def append(self, ts_ms: int, *, announce: bool, partition: int = 0) -> None:
        self.stream.submit(page(ts_ms, PAGE, announce=announce), partition=partition).result()

    def deliver(self) -> None:
        while self.follower.poll():
            pass
        self.follower.write()
        self.delivery.deliver()


@pytest.fixture
def metrics(house: House) -> Iterator[Metrics]:
    return Metrics(house)


def counts(house: House) -> dict[object, tuple[object, object]]:
    return {row["name"]: (row["n"], row["s"]) for row in house.rows(BY_NAME)}


def test_samples_are_seen_at_once_and_once(metrics: Metrics) -> None:
    house = metrics.house
    assert counts(house) == {}
    metrics.append(NOW_MS, announce=True)
    assert counts(house) == {"up": (1, 1.0), "load": (1, 2.5)}
    metrics.deliver()
    assert counts(house) == {"up": (1, 1.0), "load": (1, 2.5)}
    metrics.append(NOW_MS + 1, announce=False, partition=1)
    metrics.append(NOW_MS + 2, announce=False)
    assert counts(house) == {"up": (3, 3.0), "load": (3, 7.5)}
    metrics.deliver()
    assert counts(house) == {"up": (3, 3.0), "load": (3, 7.5)}


def test_samples_that_are_sent_again_are_counted_once(metrics: Metrics) -> None:
    house = metrics.house
    for at_ms in (NOW_MS, NOW_MS, NOW_MS + 1):
        metrics.append(at_ms, announce=True)
    assert counts(house) == {"up": (2, 2.0), "load": (2, 5.0)}
    metrics.append(NOW_MS + 1, announce=False)  # a query before has seen the first one
    metrics.append(NOW_MS + 2, announce=False)
    assert counts(house) == {"up": (3, 3.0), "load": (3, 7.5)}
    metrics.deliver()
    assert counts(house) == {"up": (3, 3.0), "load": (3, 7.5)}


def test_names_are_known_by_a_process_that_did_not_see_the_labels(metrics: Metrics) -> None:
    metrics.append(NOW_MS, announce=True)
    metrics.deliver()
    metrics.append(NOW_MS + 1, announce=False)
    # The door of this house opens now.
    assert counts(metrics.house) == {"up": (2, 2.0), "load": (2, 5.0)}


def test_labels_are_found_beside_samples_by_number(metrics: Metrics) -> None:
    metrics.append(NOW_MS, announce=True)
    metrics.deliver()
    metrics.append(NOW_MS + 60_000, announce=False)
    found = metrics.house.rows(
        f"SELECT s._time, s.value, t.labels['pod'] AS pod FROM {SAMPLES} s"
        " JOIN metrics.series t USING (series) WHERE s.name = 'load' ORDER BY ALL"
    )
    assert [(row["value"], row["pod"]) for row in found] == [(2.5, "b"), (2.5, "b")]


def test_series_are_seen_at_once_and_once(metrics: Metrics) -> None:
    sql = (
        "SELECT name, labels['pod'] AS pod, _time = last_seen AS new FROM metrics.series ORDER BY 1"
    )
    assert metrics.house.rows(sql) == []
    metrics.append(NOW_MS, announce=True)
    found = [{"name": "load", "pod": "b", "new": True}, {"name": "up", "pod": "a", "new": True}]
    assert metrics.house.rows(sql) == found
    metrics.deliver()
    assert metrics.house.rows(sql) == found
    metrics.append(NOW_MS + 1, announce=True)
    assert metrics.house.rows(sql) == found


def test_a_clock_that_is_ahead_hides_no_series(metrics: Metrics) -> None:
    sql = "SELECT count(*) AS n FROM metrics.series"
    metrics.append(NOW_MS + 10**10, announce=False)
    metrics.append(NOW_MS, announce=True)
    assert metrics.house.rows(sql) == [{"n": 2}]
    metrics.stream.submit(page(NOW_MS - 10**8, {("late", "a"): 1.0}), partition=0).result()
    assert metrics.house.rows(sql) == [{"n": 3}]


def test_a_series_that_was_refused_is_forgotten_after_an_hour(metrics: Metrics) -> None:
    clock = ManualClock()
    samples = FreshSamples(metrics.house.lake, clock)
    metrics.append(NOW_MS, announce=True)
    samples.rows(metrics.stream.read(0, 0))
    clock.advance(3599)
    assert samples.series(()).num_rows == 2
    clock.advance(2)
    assert samples.series(()).num_rows == 0


def test_samples_that_nobody_named_are_not_shown(metrics: Metrics) -> None:
    metrics.append(NOW_MS, announce=False)
    assert counts(metrics.house) == {}
    metrics.append(NOW_MS + 1, announce=True)
    assert counts(metrics.house)["up"] == (1, 1.0)


def test_a_name_in_a_where_reads_only_files_that_have_it(metrics: Metrics, tmp_path: Path) -> None:
    metrics.append(NOW_MS, announce=True)
    metrics.deliver()
    sql = f"SELECT count(*) AS n FROM {SAMPLES} WHERE name = 'zzz'"
    assert metrics.house.rows(sql) == [{"n": 0}]
    sql = f"SELECT value FROM {SAMPLES} WHERE name = 'up' AND _time >= TIMESTAMP '2026-01-01'"
    assert metrics.house.rows(sql) == [{"value": 1.0}]


def test_the_query_of_the_page_about_samples(metrics: Metrics) -> None:
    text = (Path(__file__).parents[3] / "docs" / "samples.md").read_text("utf-8")
    sql = text.split("```sql\n")[1].split("```")[0].replace("instance", "pod")
    sql = sql.replace("node_load1", "load").replace("now()", "TIMESTAMPTZ '2026-11-21 00:30:00Z'")
    metrics.append(NOW_MS, announce=True)
    metrics.deliver()
    metrics.append(NOW_MS + 60_000, announce=False)
    found = metrics.house.rows(f"SELECT pod, value FROM ({sql}) WHERE isfinite(value)")
    assert found == [{"pod": "b", "value": 2.5}] * 2


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=30), st.integers(0, 30))
def test_of_each_series_and_time_the_first_row_stays(
    pairs: list[tuple[int, int]], begin: int
) -> None:
    """``begin`` rows were there before."""

    def table(some: list[tuple[int, int]], first: int) -> pa.Table:
        columns = {
            "name": pa.array(["up"] * len(some), pa.string()).dictionary_encode(),
            "series": pa.array([series for series, _ in some], pa.int64()),
            "_time": pa.array([at for _, at in some], pa.int64()).cast(TIME),
            "value": pa.array(range(first, first + len(some)), pa.float64()),
        }
        return pa.table(columns).cast(SHAPE)

    seen: dict[tuple[int, int], int] = {}
    for place, pair in enumerate(pairs):
        seen.setdefault(pair, place)
    begin = min(begin, len(pairs))
    before = _each_once(table(pairs[:begin], 0), None)
    found = _each_once(table(pairs[begin:], begin), before)
    assert found["value"].to_pylist() == sorted(one for one in seen.values() if one >= begin)
