"""Native histograms are known as such in the head and in the tables: none is taken for a number."""

import pyarrow as pa
import pytest

from madang.core.samples import STALE_NAN, is_opaque, is_stale
from madang.lake import Reading
from madang.metrics.joined_storage import JoinedStorage
from madang.metrics.lake_storage import LakeStorage
from madang.metrics.promql import Options, evaluate_instant
from madang.metrics.promql.errors import NativeHistogramError
from unit.metrics.archive import NOW_MS, Archived
from unit.metrics.pages import page


@pytest.fixture(params=["head", "tables"])
def storage(request, tmp_path):
    archived = Archived(tmp_path, partitions=1)
    for step in range(3):
        batch = page(NOW_MS + step, {("took", "a"): 2.5, ("took", "b"): STALE_NAN, ("up", "a"): 1})
        histograms = pa.array([b"a", b"b", None], pa.binary())
        batch = batch.set_column(3, batch.schema.field("histogram"), histograms)
        archived.stream.submit(batch).result()
    archived.deliver()
    tables = LakeStorage(archived.lake, Reading(archived.data.readers))
    yield JoinedStorage(archived.follower.view, tables) if request.param == "head" else tables
    archived.store.close()


def test_native_histograms_are_counted_and_not_computed_with(storage):
    found = storage.select([], NOW_MS, NOW_MS + 2)
    assert is_opaque(found.values).sum() == 3
    assert is_stale(found.values).sum() == 3  # a series that ends, ends
    for query, value in (("count(took)", 1.0), ("sum(up)", 1.0), ("count_over_time(took[1m])", 3)):
        result = evaluate_instant(query, storage, NOW_MS + 2, Options())
        assert result.series.values.tolist() == [value]
    for query in ("took", "rate(took[1m])", "sum(took)"):
        with pytest.raises(NativeHistogramError):
            evaluate_instant(query, storage, NOW_MS + 2, Options())
