"""Series by number, as ``metrics.series`` has them: for heads and queries that miss a few."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from madang.core.distinct import distinct
from madang.core.names import SERIES
from madang.core.samples import METRIC_NAME, canonical_labels
from madang.lake import Lake, LakeTable, PinnedFile

_NONE: npt.NDArray[np.int64] = np.empty(0, np.int64)


class TableSeries:
    """Reads ``metrics.series``; knows no series where there is no such table.

    Args:
        lake: Where the table is.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def ids_on(self, table: LakeTable, day: int) -> npt.NDArray[np.int64]:
        """The numbers of the series that have a row on a day (days since 1970), ascending."""
        found = [
            pq.read_table(file.path, columns=["series"], partitioning=None)["series"].to_numpy()
            for file in table.pin().files
            if file.day == day
        ]
        return distinct(*found) if found else _NONE

    def labels_of(self, ids: npt.NDArray[np.int64]) -> Mapping[int, bytes]:
        """The labels of those of the series that have a row, as ``canonical_labels`` writes them.

        Args:
            ids: Ascending, all different.
        """
        found: dict[int, bytes] = {}
        for rows in self._rows_of(ids, ["series", "name", "labels"]):
            columns = [rows[name].to_pylist() for name in ("series", "name", "labels")]
            for number, name, labels in zip(*columns, strict=True):
                found[number] = canonical_labels([(METRIC_NAME, name), *labels])
        return found

    def names_of(self, ids: npt.NDArray[np.int64]) -> pa.Table:
        """``series`` and ``name`` of those of the series that have a row.

        Args:
            ids: Ascending, all different.
        """
        empty = pa.schema([("series", pa.int64()), ("name", pa.string())]).empty_table()
        return pa.concat_tables([empty, *self._rows_of(ids, ["series", "name"])])

    def _rows_of(self, ids: npt.NDArray[np.int64], columns: list[str]) -> Iterator[pa.Table]:
        """A row of each series that has any; the newest days first."""
        left = ids
        for file in self._files():
            if not len(left):
                return
            with pq.ParquetFile(file.path) as parquet:
                for group in range(parquet.num_row_groups):
                    own = parquet.read_row_group(group, ["series"])["series"].to_numpy()
                    hits = np.flatnonzero(_within(own, left))
                    if not len(hits):
                        continue
                    # One may be there twice; either row says the same.
                    hits = hits[np.unique(own[hits], return_index=True)[1]]
                    left = np.setdiff1d(left, own[hits], assume_unique=True)
                    rows = parquet.read_row_group(group, columns)
                    yield rows.take(pa.array(hits)).select(columns)

    def _files(self) -> list[PinnedFile]:
        if not self._lake.exists(SERIES):
            return []
        files = self._lake.table(SERIES).pin().files
        return sorted(files, key=lambda file: file.day or 0, reverse=True)


def _within(ids: npt.NDArray[np.int64], wanted: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    if not len(wanted):
        return np.zeros(len(ids), np.bool_)
    places = np.minimum(np.searchsorted(wanted, ids), len(wanted) - 1)
    found: npt.NDArray[np.bool_] = wanted[places] == ids
    return found
