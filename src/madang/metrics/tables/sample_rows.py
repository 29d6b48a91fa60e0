"""Parts of a head as sorted rows of ``metrics.samples``, a piece at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from pyiceberg.manifest import DataFile

from madang.lake.writer import DayFile, FileLayout, in_groups, with_codes
from madang.metrics.head.chunk import Chunk, gathered
from madang.metrics.tables.forms import SAMPLES_FORM, SAMPLES_TABLE, TIME
from madang.metrics.tables.series_order import SeriesOrder

_PIECE_ROWS = 2**19
_FAR = 2**62
_SHAPE = with_codes(SAMPLES_TABLE, SAMPLES_FORM.dictionary)


def write_day(layout: FileLayout, day: int, parts: Sequence[Chunk], order: SeriesOrder) -> DataFile:
    """Write samples of one day as one file.

    Args:
        layout: Of ``metrics.samples``.
        day: Days since 1970.
        parts: The samples; where two have one time, that of the earlier part stays.
        order: All of their series.

    Raises:
        OSError: it could not be written; nothing of it is left.
    """
    with DayFile(layout, day) as file:
        for group in in_groups(sample_rows(parts, order)):
            file.write(group)
        return file.finish()


def sample_rows(parts: Sequence[Chunk], order: SeriesOrder) -> Iterator[pa.Table]:
    """The rows, sorted as ``order`` and by time, in pieces of about half a million."""
    counts = np.zeros(len(order.refs), np.int64)
    for part in parts:
        found = part.find(order.refs, -_FAR, _FAR)
        counts[found.wanted] += found.counts
    ends = np.cumsum(counts)
    low = 0
    while low < len(ends):
        begin = ends[low] - counts[low]
        high = max(low + 1, int(np.searchsorted(ends, begin + _PIECE_ROWS, "right")))
        yield _piece(parts, order.slice(low, high))
        low = high


def _piece(parts: Sequence[Chunk], order: SeriesOrder) -> pa.Table:
    found = gathered([part.find(order.refs, -_FAR, _FAR) for part in parts], len(order.refs))
    return pa.Table.from_arrays(
        [
            order.name_column(found.owners),
            pa.array(order.ids[found.owners]),
            pa.array(found.ts_ms * 1000).cast(TIME),
            pa.array(found.values),
        ],
        schema=_SHAPE,
    )
