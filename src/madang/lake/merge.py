"""Rows of many sorted files as one sorted run, in bounded memory.

First the sort columns alone are read, and sorted: that tells, for every piece of the run, how many
rows each file gives to it. As the files are sorted themselves, those are each time the next ones,
so the files are read once, side by side, a batch at a time. A file that is sorted otherwise (the
setting changed since) is sorted in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from madang.lake.evolution import conform
from madang.lake.writer import GROUP_BYTES, GROUP_ROWS

_BATCH_ROWS = 8192
_BATCHES_BYTES = 64 * 2**20
"""Room for the batches that all files together hold ready."""
_Positions = npt.NDArray[np.int64]


def merged(paths: Sequence[str], schema: pa.Schema, keys: Sequence[str]) -> Iterator[pa.Table]:
    """The rows of Parquet files, sorted by ``keys``, in pieces of about a row group.

    Args:
        paths: The files; their columns are brought into the shape of ``schema``.
        schema: The table's Arrow schema.
        keys: Columns to sort by; none keeps the order of the files.
    """
    counts = np.array([pq.read_metadata(path).num_rows for path in paths], np.int64)
    starts = np.r_[np.int64(0), np.cumsum(counts)]
    order = _order(paths, schema, keys, int(starts[-1]))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    row_bytes = _row_bytes(paths, schema)
    batch_rows = max(64, min(_BATCH_ROWS, _BATCHES_BYTES // (row_bytes * len(paths))))
    cursors = [
        _Cursor(path, schema, rank[start:end], batch_rows)
        for path, start, end in zip(paths, starts, starts[1:], strict=False)
    ]
    owners = np.searchsorted(starts, order, side="right") - 1
    piece_rows = max(1024, min(GROUP_ROWS, GROUP_BYTES // row_bytes))
    for first in range(0, len(order), piece_rows):
        yield _piece(cursors, owners[first : first + piece_rows])


def _order(paths: Sequence[str], schema: pa.Schema, keys: Sequence[str], rows: int) -> _Positions:
    if not keys:
        return np.arange(rows)
    wanted = pa.schema([schema.field(key) for key in keys])
    tables = []
    for path in paths:
        file = pq.ParquetFile(path)
        known = [key for key in keys if key in file.schema_arrow.names]
        found = file.read(columns=known)
        if not known:
            found = pa.table({keys[0]: pa.nulls(file.metadata.num_rows, wanted.field(0).type)})
        tables.append(conform(found, wanted))
    by = [(key, "ascending") for key in keys]
    found_order: _Positions = pc.sort_indices(pa.concat_tables(tables), sort_keys=by).to_numpy()
    return found_order.astype(np.int64)


def _row_bytes(paths: Sequence[str], schema: pa.Schema) -> int:
    """About how much memory a row takes."""
    rows = size = 0
    for path in paths:
        footer = pq.read_metadata(path)
        rows += footer.num_rows
        size += sum(footer.row_group(i).total_byte_size for i in range(footer.num_row_groups))
    # The footers count encoded values, about a third of what they take in memory. Nulls are not
    # counted at all there, and take their place here all the same.
    return max(1, 3 * size // max(1, rows), 8 * len(schema))


def _piece(cursors: Sequence[_Cursor], owners: _Positions) -> pa.Table:
    counts = np.bincount(owners, minlength=len(cursors))
    rows = pa.concat_tables(
        [cursor.take(int(count)) for cursor, count in zip(cursors, counts, strict=True) if count]
    )
    # Row i of the piece is, within the rows of its owner, as far down as the owner occurred before.
    positions = np.empty(len(owners), np.int64)
    positions[np.argsort(owners, kind="stable")] = np.arange(len(owners))
    return rows if (positions[1:] > positions[:-1]).all() else rows.take(pa.array(positions))


class _Cursor:
    """The rows of one file, in the order that ``rank`` gives them."""

    def __init__(self, path: str, schema: pa.Schema, rank: _Positions, batch_rows: int) -> None:
        self._schema = schema
        self._batch_rows = batch_rows
        self._rest: list[pa.Table] = []
        self._held = 0
        if (rank[1:] > rank[:-1]).all():
            self._batches = self._stream(path)
        else:
            rows = conform(pq.read_table(path, partitioning=None), schema)
            self._batches = iter([rows.take(pa.array(np.argsort(rank)))])

    def _stream(self, path: str) -> Iterator[pa.Table]:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=self._batch_rows, use_threads=False):
                yield conform(pa.Table.from_batches([batch]), self._schema)

    def take(self, count: int) -> pa.Table:
        while self._held < count:
            batch = next(self._batches)
            self._rest.append(batch)
            self._held += batch.num_rows
        rows = pa.concat_tables(self._rest)
        self._held -= count
        self._rest = [rows.slice(count)]
        return rows.slice(0, count)
