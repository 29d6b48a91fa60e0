"""The fresh part of ``metrics.samples``: samples of the stream, with the names of their series.

A series' labels stand beside its first sample only, so that the others' names come from what was
seen before, and from ``metrics.series``. What the head would refuse beside other samples (late,
repeated) is shown until it has.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from madang.core.samples import METRIC_NAME
from madang.lake import Lake
from madang.lake.writer import with_codes
from madang.metrics.head.intake import SampleColumns
from madang.metrics.tables.forms import SAMPLES_TABLE, TIME
from madang.metrics.tables.known_series import TableSeries
from madang.stream import Chunk

SHAPE = with_codes(SAMPLES_TABLE, ("name",))
_NAME = METRIC_NAME.encode()
_MOST_KNOWN = 2_000_000


class FreshSamples:
    """Turns chunks of the stream into rows of the table. Used by one thread at a time.

    Args:
        lake: Where ``metrics.series`` is.
    """

    def __init__(self, lake: Lake) -> None:
        self._series = TableSeries(lake)
        self._names: dict[int, str] = {}

    def rows(self, chunks: Sequence[Chunk]) -> pa.Table:
        """Rows in the shape of the table, without samples of series that nobody has named."""
        if not chunks:
            return SHAPE.empty_table()
        if len(self._names) > _MOST_KNOWN:
            self._names.clear()
        columns = [SampleColumns.of(chunk.batch) for chunk in chunks]
        for each in columns:
            for number, labels in zip(each.ids[each.announced].tolist(), each.labels, strict=True):
                self._names.setdefault(number, _name_of(labels))
        ids = np.concatenate([each.ids for each in columns])
        unique, places = np.unique(ids, return_inverse=True)
        self._learn(unique)
        names = [self._names.get(number) for number in unique.tolist()]
        rows = pa.Table.from_arrays(
            [
                _coded(names, places),
                pa.array(ids),
                pa.array(np.concatenate([each.ts_ms for each in columns]) * 1000).cast(TIME),
                pa.array(np.concatenate([each.values for each in columns])),
            ],
            names=SHAPE.names,
        )
        return rows.filter(pc.is_valid(rows["name"])).cast(SHAPE)

    def _learn(self, ids: npt.NDArray[np.int64]) -> None:
        missing = [number for number in ids.tolist() if number not in self._names]
        if missing:
            found = self._series.names_of(np.array(missing, np.int64))
            self._names.update(
                zip(found["series"].to_pylist(), found["name"].to_pylist(), strict=True)
            )


def _coded(names: Sequence[str | None], places: npt.NDArray[np.int64]) -> pa.DictionaryArray:
    found = pa.array(names, pa.string()).dictionary_encode()
    return pa.DictionaryArray.from_arrays(found.indices.take(pa.array(places)), found.dictionary)


def _name_of(labels: bytes) -> str:
    parts = labels.split(b"\xff")
    name = dict(zip(parts[::2], parts[1::2], strict=False)).get(_NAME, b"")
    return name.decode(errors="replace")
