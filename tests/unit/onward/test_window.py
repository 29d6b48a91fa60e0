"""However a window is cut: every sample once, a series in one shard and in its order."""

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from madang.core.samples import SAMPLES_SCHEMA, canonical_labels, series_id
from madang.metrics.head.head import Head
from madang.onward.labels import OutgoingLabels
from madang.onward.window import Cut, cut
from madang.project.remote_write_spec import RemoteWriteSpec

LABELS = [canonical_labels({"__name__": "m", "n": str(number)}) for number in range(12)]
RULES = [{"source_labels": ["n"], "regex": "1.", "action": "drop"}]


def table(rows):
    """Rows of (series, time); the place in the table is the value; the first says the labels."""
    seen: set[int] = set()
    labels = [None if one in seen or seen.add(one) else LABELS[one] for one, _ in rows]
    return pa.Table.from_arrays(
        [
            pa.array([at for _, at in rows], pa.int64()).cast(pa.timestamp("ms", "UTC")),
            pa.array([series_id(LABELS[one]) for one, _ in rows], pa.int64()),
            pa.array(np.arange(len(rows), dtype=np.float64)),
            pa.nulls(len(rows), pa.binary()),
            pa.array(labels, pa.binary()),
        ],
        schema=SAMPLES_SCHEMA,
    )


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.tuples(st.integers(0, 11), st.integers(0, 50)), max_size=80),
    st.integers(1, 5),
    st.integers(1, 20),
)
def test_nothing_is_lost_doubled_or_turned_round(rows, shards, most):
    rows = sorted(rows, key=lambda row: row[1])
    spec = RemoteWriteSpec.model_validate({"url": "http://a/b", "write_relabel_configs": RULES})
    how = Cut(shards, most)
    made = [cut(table(rows), OutgoingLabels(spec, Head().view), how) for _ in range(2)]
    expected = {(one, at, place) for place, (one, at) in enumerate(rows) if one < 10}
    found, shard_of = [], {}
    for number, requests in enumerate(made[0].shards):
        for samples in requests:
            assert 0 < len(samples) <= most
            assert len(set(samples.labels)) == len(samples.labels)
            for place, at, value in zip(
                samples.series.tolist(), samples.ts_ms.tolist(), samples.values, strict=True
            ):
                series = LABELS.index(samples.labels[place])
                assert shard_of.setdefault(series, number) == number
                found.append((series, at, int(value)))
    assert len(found) == len(set(found))
    assert set(found) == expected
    for series in range(10):
        own = [(at, value) for one, at, value in found if one == series]
        assert own == sorted(own)
    # Cut again, the requests are the same.
    assert [[len(one) for one in shard] for shard in made[0].shards] == [
        [len(one) for one in shard] for shard in made[1].shards
    ]
    every = [[one for shard in requests.shards for one in shard] for requests in made]
    for first, second in zip(*every, strict=True):
        assert first.labels == second.labels
        assert np.array_equal(first.values, second.values)
