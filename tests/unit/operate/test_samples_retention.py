"""How long samples stay in their stream: for the head without end, for receivers up to a limit."""

import numpy as np
import pyarrow as pa
import pytest

from madang.core.clock import ManualClock
from madang.core.samples import SAMPLES_SCHEMA
from madang.metrics.head.follower import GROUP
from madang.onward import group_of
from madang.operate.tidying import Tidying
from madang.project import PlatformSpec, Project, RetentionSpec
from madang.stream import LogStore

HOUR_S = 3600.0


def project(**backlog):
    spec = {"remote_write": [{"url": "http://a/b"}], "backlog": backlog}
    return Project(directory="/p", platform=PlatformSpec.model_validate({"metrics": spec}))


@pytest.fixture
def stream(tmp_path):
    clock = ManualClock()
    store = LogStore(tmp_path, clock=clock)
    made = store.open("metrics.samples", SAMPLES_SCHEMA)
    made.clock = clock
    yield made
    store.close()


def append(stream, count):
    batch = pa.RecordBatch.from_arrays(
        [
            pa.array(np.zeros(count, "datetime64[ms]"), pa.timestamp("ms", "UTC")),
            pa.array(range(count), pa.int64()),
            pa.array([0.0] * count),
            pa.nulls(count, pa.binary()),
            pa.nulls(count, pa.binary()),
        ],
        schema=SAMPLES_SCHEMA,
    )
    stream.submit(batch).result()


def two_segments(stream):
    """Ten samples that are three hours old, and ten of now."""
    append(stream, 10)
    stream.clock.advance(3 * HOUR_S)
    stream.retain(age_s=HOUR_S, size_bytes=None, floor={0: 0})  # begins a segment
    append(stream, 10)


def earliest(stream, state):
    tidying = Tidying(None, None, None)
    tidying._retain_samples(state, RetentionSpec(age=2 * HOUR_S, size=2**30), stream)
    return stream.bounds(0).earliest


def test_a_receiver_that_is_behind_is_waited_for_up_to_its_limit(stream):
    state = project(age=10 * HOUR_S)
    group = group_of("", state.platform.metrics.remote_write[0])
    two_segments(stream)
    stream.commit(GROUP, {0: 20})
    stream.commit(group, {0: 5})
    assert earliest(stream, state) == 0
    stream.clock.advance(8 * HOUR_S)
    assert earliest(stream, state) > 5


def test_one_that_is_not_behind_holds_nothing(stream):
    state = project(age=10 * HOUR_S)
    group = group_of("", state.platform.metrics.remote_write[0])
    two_segments(stream)
    stream.commit(GROUP, {0: 20})
    stream.commit(group, {0: 20})
    assert earliest(stream, state) >= 10


def test_what_the_head_has_not_stays_beyond_every_limit(stream):
    state = project(age=3 * HOUR_S)
    append(stream, 10)
    stream.commit(GROUP, {0: 0})
    stream.clock.advance(30 * HOUR_S)
    assert earliest(stream, state) == 0
