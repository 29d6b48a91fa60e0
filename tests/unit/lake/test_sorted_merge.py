"""Merging sorted files piece by piece: the same rows as sorting them all."""

import random
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lake_fixtures import NOW_US
from madang.core.datadir import DataDir
from madang.core.errors import CorruptionError
from madang.lake import Lake, compaction, sorted_merge
from madang.lake.compaction import compact, plan_compaction
from madang.lake.sorted_merge import merged_sorted
from madang.lake.writer import FileForm
from madang.project import CompactionSpec

TIME = pa.timestamp("us", "UTC")
SCHEMA = pa.schema(
    [
        pa.field("name", pa.string()),
        pa.field("series", pa.int64()),
        pa.field("_time", TIME, nullable=False),
        pa.field("value", pa.float64()),
    ]
)
KEYS = ("name", "series", "_time")
FORM = FileForm(KEYS, {"_time": "DELTA_BINARY_PACKED", "value": "BYTE_STREAM_SPLIT"}, ("name",))


def table(rows):
    columns = list(zip(*rows, strict=True)) or [[], [], [], []]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def keys_of(row):
    return (row["name"], row["series"], row["_time"])


row = st.tuples(
    st.sampled_from(["a", "b", "é", "b\x00", ""]),
    st.integers(-2, 2),
    st.integers(NOW_US, NOW_US + 3),
    st.floats(allow_nan=False),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(row, max_size=12), min_size=1, max_size=5), st.integers(1, 4))
def test_pieces_are_all_rows_in_order(tmp_path_factory, files, batch):
    folder = tmp_path_factory.mktemp("merge")
    paths, every = [], []
    for number, unsorted in enumerate(files):
        rows = sorted(unsorted, key=lambda one: (one[0].encode(), *one[1:3]))
        paths.append(str(folder / f"{number}.parquet"))
        pq.write_table(table(rows), paths[-1])
        every += table(rows).to_pylist()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sorted_merge, "_BATCH_ROWS", batch)
        patch.setattr(sorted_merge, "_LEAST_BATCH_ROWS", 1)
        found = list(merged_sorted(paths, SCHEMA, KEYS, codes=("name",)))
    rows = [each for piece in found for each in piece.to_pylist()]
    assert [keys_of(each) for each in rows] == sorted(map(keys_of, every))
    assert Counter(map(str, rows)) == Counter(map(str, every))


def test_a_file_that_is_not_sorted_is_told(tmp_path):
    path = str(tmp_path / "x.parquet")
    rows = [("b", 1, NOW_US, 1.0)] * 20_000 + [("a", 1, NOW_US, 1.0)] * 20_000
    pq.write_table(table(rows), path)
    with pytest.raises(CorruptionError, match="not sorted by name, series, _time"):
        list(merged_sorted([path], SCHEMA, KEYS))


def test_a_table_with_a_form_keeps_order_and_encodings_when_it_is_compacted(tmp_path):
    lake = Lake(DataDir(tmp_path))
    made = lake.create("metrics.samples", SCHEMA, form=FORM)
    chance = random.Random(1)
    expected = []
    for number in range(4):
        rows = [
            (chance.choice("abc"), chance.randrange(3), NOW_US + number * 1000 + at, float(at))
            for at in range(500)
        ]
        made.commit(table(rows), expected={}, reached={})
        expected += rows
    plan = plan_compaction(made.pin().files, CompactionSpec(min_files=4), now_us=NOW_US)
    # Whoever opens it finds its form in its properties.
    compact(lake.table("metrics.samples"), plan)
    (file,) = made.pin().files
    found = pq.read_table(file.path, partitioning=None)
    assert found.schema.field("name").type == pa.string()
    assert found.num_rows == len(expected)
    names = found["name"].to_pylist()
    assert names == sorted(names)
    rows = [keys_of(each) for each in found.to_pylist()]
    assert rows == sorted(rows)
    group = pq.read_metadata(file.path).row_group(0)
    assert "DELTA_BINARY_PACKED" in group.column(2).encodings
    assert "BYTE_STREAM_SPLIT" in group.column(3).encodings
    assert made.pin().bounds(file, "name") == ("a", "c")
    assert np.isclose(sum(found["value"].to_pylist()), sum(one[3] for one in expected))
    assert compaction.plan_compaction([file], CompactionSpec(), now_us=NOW_US) is None
