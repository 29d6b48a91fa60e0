"""``kill -9`` of the way from stream to head to tables at every step: each sample is there once."""

from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from crash.kill_at_step import run_child
from madang.core.clock import ManualClock
from madang.core.datadir import DataDir
from madang.core.names import SAMPLES, SERIES
from madang.core.samples import SAMPLES_SCHEMA
from madang.lake import Lake
from madang.metrics.head.follower import GROUP
from madang.stream import LogStore
from unit.metrics.pages import page

pytestmark = pytest.mark.crash
CHILD = Path(__file__).parent / "sample_child.py"
NOW_MS = 1_795_219_200_000
PODS = "abcdefg"
SLOW = [
    pytest.param(*each, marks=pytest.mark.slow) for each in [(1, ""), (2, ""), (4, ""), (5, "lose")]
]


def rows_of(lake, table, columns):
    return Counter(
        tuple(row.values())
        for file in lake.table(table).pin().files
        for row in pq.read_table(file.path, columns=columns, partitioning=None).to_pylist()
    )


# A round has some 50 steps; each one is killed seven steps later than the one before.
@pytest.mark.parametrize(("first", "lose"), [(3, "lose"), *SLOW])
def test_exactly_once_whenever_it_dies(tmp_path, first, lose):
    data = DataDir(tmp_path)
    clock = ManualClock(NOW_MS * 1000)
    ends, sent, kills = [0, 0], 0, 0
    with LogStore(data.streams, clock=clock, min_free_bytes=0) as store:
        stream = store.open(SAMPLES, SAMPLES_SCHEMA, 2)
        for number in range(8):
            for tick in range(4):
                # Over midnight, and blocks that go; the labels are said once.
                ts_ms = NOW_MS + (number * 4 + tick - 12) * 1_200_000
                partition = tick % 2
                pods = {("up", f"{pod}{partition}"): float(sent) for pod in PODS}
                clock.advance(max(0.0, ts_ms / 1000 - clock.now_us() / 1e6))
                batch = page(ts_ms, pods, announce=not number)
                stream.submit(batch, partition=partition).result()
                ends[partition] += len(pods)
                sent += len(pods)
            kills += run_child(CHILD, tmp_path, first + number * 7, lose)
        assert kills >= 5
        assert not run_child(CHILD, tmp_path, 0, "")
        lake = Lake(data)
        rows = rows_of(lake, SAMPLES, ["series", "_time"])
        assert (len(rows), set(rows.values())) == (sent, {1})
        assert lake.table(SAMPLES).offsets() == {f"{SAMPLES}/{p}": ends[p] for p in (0, 1)}
        series = rows_of(lake, SERIES, ["series", "_time"])
        assert set(series.values()) == {1}
        assert len({number for number, _ in series}) == 2 * len(PODS)
        assert stream.committed(GROUP) == dict(enumerate(ends))
        lake.close()
