"""What the decoder makes fits into Iceberg, with any names that a sender may think of."""

import json
from contextlib import closing

import pyarrow.parquet as pq
import pytest

from lake_fixtures import open_streams
from madang.core.clock import ManualClock
from madang.core.datadir import DataDir
from madang.lake import Deliverer, Lake
from madang.process import StreamDecoder
from madang.project import DeliverSpec, StreamSpec
from unit.process.conftest import ARRIVAL_US, chunk_of

NAMES = [
    "a.b", "a b", " ", "한글", '"', "'", "\\", "`", "$", "*", "#x", "0", "a/b", "~", "\n", "select",
    "element", "list", "key", "value", "_id", "ts", "ID", "é", "\u200b", "😀", "x" * 255, "%",
    "[0]",
]  # fmt: skip


@pytest.fixture
def delivered(tmp_path):
    data, clock = DataDir(tmp_path), ManualClock(ARRIVAL_US)
    lake = Lake(data, clock=clock)
    with closing(lake), open_streams(data, clock=clock) as store:
        stream = store.get("orders")

        def run(*batches):
            work = Deliverer(
                lake,
                stream,
                StreamDecoder(StreamSpec(name="orders"), zone="UTC", project_dir=tmp_path),
                "lake.orders",
                spec=DeliverSpec(buffer_time=1),
                dead_letters=lambda: store.get("orders.dead"),
                clock=clock,
            )
            for batch in batches:
                stream.submit(chunk_of(batch).batch).result()
                clock.advance(2)
                work.poll()
                clock.advance(2)
                work.poll()
            return lake.table("lake.orders").pin()

        yield run


def test_any_name_becomes_a_column_and_is_read_back(delivered):
    flat = {name: index for index, name in enumerate(NAMES)}
    nested = {"o": {name: {name: index} for index, name in enumerate(NAMES)}}
    lists = {f"l{name}": [index] for index, name in enumerate(NAMES[:8])}
    pinned = delivered([json.dumps(flat)], [json.dumps(nested)], [json.dumps(lists), "broken"])
    rows = [row for file in pinned.files for row in pq.read_table(file.path).to_pylist()]
    first, second, third = sorted(rows, key=lambda row: row["_offset"])
    assert {name: first[name] for name in NAMES} == flat
    assert first["_rest"] is None
    assert {name: second["o"][name] for name in NAMES} == nested["o"]
    assert {name: third[name] for name in lists} == lists
    assert pinned.offsets == {"orders/0": 4}
