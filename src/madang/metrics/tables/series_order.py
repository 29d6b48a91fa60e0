"""Series in the order in which the tables have them: by name, then by number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from madang.core.samples import METRIC_NAME
from madang.metrics.head.label_columns import Refs
from madang.metrics.head.series_view import SeriesView


@dataclass(frozen=True, slots=True)
class SeriesOrder:
    """Series, sorted by name (as UTF-8) and number.

    ``names[codes[i]]`` is the name of the i-th; a series without one has the empty name.
    """

    refs: Refs
    ids: npt.NDArray[np.int64]
    codes: npt.NDArray[np.int32]
    names: pa.StringArray

    def slice(self, low: int, high: int) -> SeriesOrder:
        """Those from the place ``low`` to before ``high``."""
        return SeriesOrder(
            self.refs[low:high], self.ids[low:high], self.codes[low:high], self.names
        )

    def ids_by_name(self) -> dict[str, npt.NDArray[np.int64]]:
        """By name, the numbers of the series, ascending."""
        codes, begins = np.unique(self.codes, return_index=True)
        names = self.names.take(pa.array(codes)).to_pylist()
        return dict(zip(names, np.split(self.ids, begins[1:]), strict=True))

    def name_column(self, owners: npt.NDArray[np.int64]) -> pa.DictionaryArray:
        """The names of series by place."""
        return pa.DictionaryArray.from_arrays(pa.array(self.codes[owners]), self.names)


def in_table_order(series: SeriesView, refs: Refs) -> SeriesOrder:
    """Some of a head's series, sorted."""
    column = series.columns.get(METRIC_NAME)
    codes = np.full(len(refs), -1, np.int32) if column is None else column.codes_of(refs)
    used, which = np.unique(codes, return_inverse=True)
    texts = ["" if code < 0 or column is None else column.texts[code] for code in used.tolist()]
    by_text = np.array(sorted(range(len(texts)), key=texts.__getitem__), np.int64)
    ranks = np.empty(len(texts), np.int32)
    ranks[by_text] = np.arange(len(texts), dtype=np.int32)
    ids, ranked = series.ids_of(refs), ranks[which]
    order = np.lexsort((ids, ranked))
    names = pa.array([texts[place] for place in by_text.tolist()], pa.string())
    return SeriesOrder(refs[order], ids[order], ranked[order], names)
