"""Series as rows of ``metrics.series``: those that a day does not have yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from madang.core.samples import METRIC_NAME
from madang.lake.writer import with_codes
from madang.metrics.head.chunk import Chunk
from madang.metrics.head.label_columns import Refs
from madang.metrics.head.series_view import SeriesView
from madang.metrics.tables.forms import LABELS, SERIES_FORM, SERIES_TABLE, TIME
from madang.metrics.tables.series_order import SeriesOrder

_PIECE_ROWS = 65_536
_SHAPE = with_codes(SERIES_TABLE, SERIES_FORM.dictionary)


@dataclass(frozen=True, slots=True)
class Seen:
    """Series, ascending, with the times of their first and last samples (ms since 1970)."""

    refs: Refs
    first_ms: npt.NDArray[np.int64]
    last_ms: npt.NDArray[np.int64]

    @classmethod
    def of(cls, parts: Sequence[Chunk]) -> Seen:
        """The series of some samples."""
        refs = np.concatenate([part.refs for part in parts])
        first_ms = np.concatenate([part.ts_ms[part.offsets[:-1]] for part in parts])
        last_ms = np.concatenate([part.ts_ms[part.offsets[1:] - 1] for part in parts])
        order = np.argsort(refs, kind="stable")
        begins = np.flatnonzero(np.diff(refs[order], prepend=-1))
        return cls(
            refs[order][begins],
            np.minimum.reduceat(first_ms[order], begins),
            np.maximum.reduceat(last_ms[order], begins),
        )


def series_rows(series: SeriesView, order: SeriesOrder, seen: Seen) -> Iterator[pa.Table]:
    """Rows in that order, some ten thousand at a time.

    Args:
        series: The labels.
        order: Series of ``seen``, all or some.
        seen: When they were.
    """
    for low in range(0, len(order.refs), _PIECE_ROWS):
        part = order.slice(low, low + _PIECE_ROWS)
        places = np.searchsorted(seen.refs, part.refs)
        yield pa.Table.from_arrays(
            [
                part.name_column(np.arange(len(part.refs))),
                pa.array(part.ids),
                pa.array(seen.first_ms[places] * 1000).cast(TIME),
                pa.array(seen.last_ms[places] * 1000).cast(TIME),
                label_maps(series, part.refs),
            ],
            schema=_SHAPE,
        )


def label_maps(series: SeriesView, refs: Refs) -> pa.MapArray:
    """The labels of series but for their names, sorted by name within each."""
    owners, keys, texts = [], [], []
    names = [name for name in series.names if name != METRIC_NAME]
    for place, name in enumerate(names):
        column = series.columns[name]
        codes = column.codes_of(refs)
        having = np.flatnonzero(codes >= 0)
        used, which = np.unique(codes[having], return_inverse=True)
        values = pa.array([column.texts[code] for code in used.tolist()], pa.string())
        owners.append(having)
        keys.append(np.full(len(having), place, np.int32))
        texts.append(values.take(pa.array(which)))
    if not owners:
        return pa.array([[]] * len(refs), LABELS)
    owner = np.concatenate(owners)
    # Stable: the names are in order already.
    order = np.argsort(owner, kind="stable")
    offsets = np.zeros(len(refs) + 1, np.int32)
    np.cumsum(np.bincount(owner, minlength=len(refs)), out=offsets[1:])
    return pa.MapArray.from_arrays(
        pa.array(offsets),
        pa.array(names, pa.string()).take(pa.array(np.concatenate(keys)[order])),
        pa.concat_arrays(texts).take(pa.array(order)),
    )
