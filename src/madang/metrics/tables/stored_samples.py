"""What the tables have of series that a head has samples of again."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from madang.core.names import SAMPLES
from madang.lake import Lake
from madang.lake.writer import DAY_US
from madang.metrics.head.chunk import Chunk, Rows, chunk_of
from madang.metrics.head.series_view import SeriesView
from madang.metrics.tables.sample_reader import SampleReader
from madang.metrics.tables.series_order import in_table_order

_DAY_MS = DAY_US // 1000
_AT_ONCE = 500_000


def stored_samples(
    lake: Lake, reader: SampleReader, series: SeriesView, chunk: Chunk
) -> Iterator[Chunk]:
    """The samples that ``metrics.samples`` has of a chunk's series, within the chunk's times.

    Args:
        lake: Where the table is, if it is there.
        reader: Reads its files.
        series: All series of the chunk, and more.
        chunk: Not empty.

    Yields:
        Chunks that are not empty, each of other series, of about as much as half a million samples.

    Raises:
        OSError: a file cannot be read.
    """
    if not lake.exists(SAMPLES):
        return
    first_ms, last_ms = int(chunk.ts_ms.min()), int(chunk.ts_ms.max())
    files = [
        file
        for file in lake.table(SAMPLES).pin().files
        if file.day is not None and first_ms // _DAY_MS <= file.day <= last_ms // _DAY_MS
    ]
    if not files:
        return
    order = in_table_order(series, chunk.refs)
    counts = np.diff(chunk.offsets)[np.searchsorted(chunk.refs, order.refs)]
    ends = np.cumsum(counts)
    low = 0
    while low < len(ends):
        begin = ends[low] - counts[low]
        high = max(low + 1, int(np.searchsorted(ends, begin + _AT_ONCE, "right")))
        piece = order.slice(low, high)
        found = reader.read(files, piece.ids_by_name(), first_ms, last_ms)
        if len(found.owners):
            refs = piece.refs[np.argsort(piece.ids)][found.owners]
            yield chunk_of([Rows(refs.astype(np.int64), found.ts_ms, found.values)])[0]
        low = high
