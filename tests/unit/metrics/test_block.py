"""Blocks: what they take, refuse, and still have when they come back from disk."""

import numpy as np
import pyarrow as pa
import pytest

from madang.core.errors import CorruptionError
from madang.core.samples import SAMPLES_SCHEMA, canonical_labels, series_id
from madang.metrics.head.block import Block, SampleColumns
from madang.metrics.head.part_files import read_part, write_part
from madang.metrics.head.series_index import IndexState, SeriesIndex

HOUR_MS = 3_600_000


def batch(ts_ms, values, *, announce=True):
    """Samples at one time; ``values`` by (name, pod)."""
    labels = [canonical_labels({"__name__": name, "pod": pod}) for name, pod in values]
    count = len(labels)
    return pa.RecordBatch.from_arrays(
        [
            pa.array([ts_ms] * count, pa.timestamp("ms", "UTC")),
            pa.array([series_id(one) for one in labels], pa.int64()),
            pa.array(list(values.values()), pa.float64()),
            pa.nulls(count, pa.binary()),
            pa.array(labels if announce else [None] * count, pa.binary()),
        ],
        schema=SAMPLES_SCHEMA,
    )


def contents(index, chunk):
    names = index.labels(chunk.refs)
    return {
        tuple(value for _, value in names[place]): list(
            zip(
                chunk.ts_ms[chunk.offsets[place] : chunk.offsets[place + 1]].tolist(),
                chunk.values[chunk.offsets[place] : chunk.offsets[place + 1]].tolist(),
                strict=True,
            )
        )
        for place in range(len(chunk.refs))
    }


PAGE = {("up", "a"): 1.0, ("up", "b"): 0.0, ("load", "a"): 2.5}


@pytest.fixture
def block():
    made = Block(0, HOUR_MS)
    made.take(SampleColumns.of(batch(1000, PAGE)))
    made.take(SampleColumns.of(batch(2000, PAGE, announce=False)))
    return made


EXPECTED = {series: [(1000, value), (2000, value)] for series, value in PAGE.items()}


def test_labels_are_said_once(block):
    assert contents(block.index, block.runs.chunk()) == EXPECTED
    assert block.refused.unknown == 0


def test_a_series_that_nobody_announced_is_refused_and_counted(block):
    other = SampleColumns.of(batch(3000, {("up", "c"): 1.0, **PAGE}, announce=False))
    block.take(other)
    assert block.refused.unknown == 1
    assert contents(block.index, block.runs.chunk())["up", "a"][-1] == (3000, 1.0)


def test_what_the_block_before_knew_need_not_be_said_again(block):
    following = Block(HOUR_MS, 2 * HOUR_MS)
    samples = SampleColumns.of(batch(HOUR_MS, PAGE, announce=False))
    following.take(samples, before=block.index)
    following.take(SampleColumns.of(batch(HOUR_MS + 1, PAGE, announce=False)))
    assert following.refused.unknown == 0
    assert contents(following.index, following.runs.chunk()).keys() == EXPECTED.keys()


def test_nothing_is_taken_under_a_number_that_two_series_have(block):
    page = batch(3000, PAGE)
    wrong = page.set_column(
        4, SAMPLES_SCHEMA.field("labels"), pa.array([b"__name__\xffother", None, None], pa.binary())
    )
    block.take(SampleColumns.of(wrong))
    block.take(SampleColumns.of(batch(4000, PAGE, announce=False)))
    assert block.refused.collided == 2
    found = contents(block.index, block.runs.chunk())
    assert found["up", "a"] == EXPECTED["up", "a"]
    assert [ts_ms for ts_ms, _ in found["up", "b"]] == [1000, 2000, 3000, 4000]


def write(folder, block, since=None):
    write_part(folder, block.index.since(since or IndexState()), block.runs.chunk())


def test_a_block_comes_back_from_disk_and_grows(block, tmp_path):
    write(tmp_path / "part", block)
    series, chunk = read_part(tmp_path / "part")
    index = SeriesIndex()
    index.extend(series)
    assert contents(index, chunk) == EXPECTED
    assert [path.name for path in tmp_path.iterdir()] == ["part"]
    added = index.add(np.array([5], np.int64), [canonical_labels({"__name__": "new"})])
    assert added.refs.tolist() == [3]
    assert contents(index, chunk) == EXPECTED


def test_a_later_part_has_only_what_is_new(block, tmp_path):
    write(tmp_path / "1", block)
    state = block.index.state()
    block.take(SampleColumns.of(batch(3000, {("up", "c"): 1.0, ("load", "b"): 3.0})))
    write(tmp_path / "2", block, state)
    index = SeriesIndex()
    first, _ = read_part(tmp_path / "1")
    second, _ = read_part(tmp_path / "2")
    assert (len(second.ids), second.columns["pod"].texts) == (2, ["c"])
    index.extend(first)
    index.extend(second)
    refs = np.arange(5, dtype=np.int32)
    assert index.labels(refs) == block.index.labels(refs)
    assert index.refs_of(block.index.ids).tolist() == refs.tolist()


def test_an_empty_block_comes_back(tmp_path):
    write(tmp_path / "part", Block(0, HOUR_MS))
    series, chunk = read_part(tmp_path / "part")
    assert (len(series.ids), len(chunk)) == (0, 0)


@pytest.mark.parametrize("file", ["series.arrow", "samples.arrow"])
@pytest.mark.parametrize("kept", [0, 10, 300])
def test_half_a_file_is_damage_not_data(block, tmp_path, file, kept):
    write(tmp_path / "part", block)
    path = tmp_path / "part" / file
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises((CorruptionError, OSError)):
        read_part(tmp_path / "part")
