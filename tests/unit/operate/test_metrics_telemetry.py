"""What the role ``metrics`` tells of its head, and what status makes of it."""

import shutil

import numpy as np
import orjson
import pyarrow as pa
import pytest

from madang.core.clock import ManualClock
from madang.core.datadir import DataDir
from madang.core.samples import SAMPLES_SCHEMA, canonical_labels, series_id
from madang.metrics.head.folder import HeadFolder
from madang.metrics.head.follower import HeadFollower
from madang.metrics.head.head import Head
from madang.operate.health import METRICS_FILE, assess
from madang.operate.metrics_telemetry import HeadReport
from madang.project import PlatformSpec, Project
from madang.stream import LogStore

NOW_MS = 1_767_225_600_000


def batch(ts_ms, announced=True):
    labels = canonical_labels({"__name__": "up"})
    count = len(ts_ms)
    return pa.RecordBatch.from_arrays(
        [
            pa.array(ts_ms, pa.timestamp("ms", "UTC")),
            pa.array([series_id(labels)] * count, pa.int64()),
            pa.array(np.ones(count)),
            pa.nulls(count, pa.binary()),
            pa.array([labels if announced else None] * count, pa.binary()),
        ],
        schema=SAMPLES_SCHEMA,
    )


class Told:
    """A head that follows, and what it tells."""

    def __init__(self, root):
        self.data = DataDir(root)
        self.data.run.mkdir(parents=True, exist_ok=True)
        self.clock = ManualClock(NOW_MS * 1000)
        self.open()
        self.start()

    def open(self):
        self.store = LogStore(self.data.streams, clock=self.clock)
        self.stream = self.store.open("metrics.samples", SAMPLES_SCHEMA)

    def start(self):
        head = Head()
        self.follower = HeadFollower(
            self.stream, head, HeadFolder(self.data.head), clock=self.clock
        )
        self.follower.restore()
        self.report = HeadReport(self.data, head, self.follower, self.clock)

    def state(self):
        return orjson.loads((self.data.run / METRICS_FILE).read_bytes())

    def problems(self):
        project = Project(
            directory=str(self.data.root),
            platform=PlatformSpec.model_validate({"storage": {"min_free": 0}}),
        )
        found = assess(self.data, project, self.clock.now_us()).problems
        return {one.code: one.message for one in found}


@pytest.fixture
def told(tmp_path):
    made = Told(tmp_path)
    yield made
    made.store.close()


def test_who_follows_a_busy_stream_is_not_behind(told):
    for _ in range(30):
        told.stream.submit(batch([told.clock.now_us() // 1000])).result()
        told.report.tell()  # there is always something that came just now
        told.follower.poll()
        told.clock.advance(1)
    assert told.state()["behind_since_us"] is None
    assert told.problems() == {}


def test_who_does_not_catch_up_is_behind_until_it_has(told):
    told.stream.submit(batch([NOW_MS])).result()
    for _ in range(14):
        told.report.tell()
        told.clock.advance(1)
    assert told.state()["lag"] == 1
    assert "1 samples of metrics cannot be asked for yet" in told.problems()["metrics_behind"]
    told.follower.poll()
    told.report.tell()
    assert told.problems() == {}


def test_what_was_refused_is_told_by_reason_over_restarts(told):
    told.stream.submit(batch([NOW_MS, NOW_MS - 9 * 3_600_000, NOW_MS + 9 * 3_600_000])).result()
    told.follower.poll()
    told.report.tell()
    assert told.state()["refused"] == {"early": 1}  # within one batch nothing is late
    told.stream.submit(batch([NOW_MS - 9 * 3_600_000] * 2, announced=False)).result()
    told.follower.poll()
    told.report.tell()
    told.follower.write()
    told.start()
    told.report.tell()
    message = told.problems()["samples_refused"]
    assert message.startswith("3 samples of metrics were acknowledged and then refused: ")
    assert "2 too late" in message
    told.clock.advance(90_000)
    assert told.problems() == {}


def test_a_head_that_did_not_fit_is_told_for_a_day_over_restarts(told):
    told.stream.submit(batch([NOW_MS])).result()
    told.follower.poll()
    told.follower.write()
    told.store.close()
    shutil.rmtree(told.data.streams)
    told.open()
    told.start()
    told.report.tell()
    message = told.problems()["metrics_rebuilt"]
    assert "the stream 'metrics.samples' was replaced" in message
    assert "1 samples that only these files and no table had" in message
    told.follower.poll()
    told.follower.write()
    told.start()
    told.report.tell()
    assert "metrics_rebuilt" in told.problems()
    told.clock.advance(90_000)
    assert told.problems() == {}


def test_a_head_that_cannot_be_written_is_told(told):
    told.report.tell("No space left on device")
    assert "No space left" in told.problems()["metrics_not_written"]
    told.report.tell()
    assert told.problems() == {}
