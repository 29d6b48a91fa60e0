import pyarrow as pa
import pytest

from lake_fixtures import NOW_US
from madang.core.clock import ManualClock
from madang.core.datadir import DataDir
from madang.lake import Lake


@pytest.fixture
def clock():
    return ManualClock(NOW_US)


@pytest.fixture
def data(tmp_path):
    return DataDir(tmp_path)


@pytest.fixture
def lake(data, clock):
    lake = Lake(data, clock=clock)
    yield lake
    lake.close()


@pytest.fixture
def rows():
    """``rows(n, start=0, day=0, **columns)``: n rows of one day, offsets from ``start``."""

    def make(count, start=0, day=0, **columns):
        base = NOW_US + day * 86_400_000_000
        table = pa.table(
            {
                "_time": pa.array([base + i for i in range(count)], pa.timestamp("us", "UTC")),
                "_partition": pa.array([0] * count, pa.int32()),
                "_offset": pa.array(range(start, start + count), pa.int64()),
                "n": pa.array(range(start, start + count), pa.int64()),
                **columns,
                "_rest": pa.nulls(count, pa.string()),
            }
        )
        fields = [field.with_nullable(field.name != "_time") for field in table.schema]
        return pa.Table.from_arrays(table.columns, schema=pa.schema(fields))

    return make
