"""Files that are all sorted by the same columns, as one sorted run, a batch of each at a time.

Unlike :mod:`madang.lake.merge`, which first ranks the sort columns of all rows, this never holds
more than a batch of each file: tables of samples have a hundred million rows in a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from madang.core.errors import CorruptionError
from madang.lake.evolution import conform
from madang.lake.writer import in_groups, with_codes

_BATCH_ROWS = 16_384
_LEAST_BATCH_ROWS = 1024
_BATCHES_ROWS = 2**20
"""How many rows all files together hold ready."""
_Key = tuple[Any, ...]


def merged_sorted(
    paths: Sequence[str], schema: pa.Schema, keys: Sequence[str], *, codes: Sequence[str] = ()
) -> Iterator[pa.Table]:
    """The rows of Parquet files, sorted by ``keys``, in pieces of a row group.

    Rows with equal keys come in any order.

    Args:
        paths: Files that are sorted by ``keys`` themselves.
        schema: The table's Arrow schema, which they have.
        keys: Columns of text, whole numbers or times without nulls, at least one.
        codes: Columns of text to be read as dictionaries.

    Raises:
        CorruptionError: a file is not sorted.
    """
    shape = with_codes(schema, codes)
    batch_rows = max(_LEAST_BATCH_ROWS, min(_BATCH_ROWS, _BATCHES_ROWS // max(1, len(paths))))
    cursors = [_Cursor(path, shape, keys, codes, batch_rows) for path in paths]
    yield from in_groups(_pieces(cursors, keys))


def _pieces(cursors: Sequence[_Cursor], keys: Sequence[str]) -> Iterator[pa.Table]:
    while cursors := [cursor for cursor in cursors if cursor.fill()]:
        # Up to here every file has shown its rows.
        bound = min(cursor.last for cursor in cursors)
        parts = [part for cursor in cursors if (part := cursor.take(bound)).num_rows]
        yield parts[0] if len(parts) == 1 else _in_order(parts, keys)


class _Cursor:
    """The rows of one file that were read and not taken yet."""

    def __init__(
        self,
        path: str,
        shape: pa.Schema,
        keys: Sequence[str],
        codes: Sequence[str],
        batch_rows: int,
    ) -> None:
        self._path = path
        self._keys = keys
        self._shape = shape
        self._batches = self._read(path, codes, batch_rows)
        self._rows = shape.empty_table()
        self.last: _Key = ()

    def _read(self, path: str, codes: Sequence[str], batch_rows: int) -> Iterator[pa.Table]:
        with pq.ParquetFile(path, read_dictionary=list(codes)) as file:
            for batch in file.iter_batches(batch_size=batch_rows, use_threads=False):
                yield conform(pa.Table.from_batches([batch]), self._shape)

    def fill(self) -> bool:
        """Have rows ready; False where there are no more."""
        while not self._rows.num_rows:
            rows = next(self._batches, None)
            if rows is None:
                return False
            if not rows.num_rows:
                continue
            before, self._rows, self.last = self.last, rows, self._key(rows, rows.num_rows - 1)
            first = self._key(rows, 0)
            if first < before or self.last < first:
                keys = ", ".join(self._keys)
                raise CorruptionError(f"{self._path} is not sorted by {keys}")
        return True

    def take(self, bound: _Key) -> pa.Table:
        """The rows up to a key, which is among them."""
        if self.last <= bound:
            taken, self._rows = self._rows, self._rows.slice(0, 0)
            return taken
        low, high = 0, self._rows.num_rows
        while low < high:
            middle = (low + high) // 2
            if self._key(self._rows, middle) <= bound:
                low = middle + 1
            else:
                high = middle
        taken, self._rows = self._rows.slice(0, low), self._rows.slice(low)
        return taken

    def _key(self, rows: pa.Table, place: int) -> _Key:
        scalars = [rows.column(key)[place] for key in self._keys]
        return tuple(
            scalar.value if pa.types.is_timestamp(scalar.type) else scalar.as_py()
            for scalar in scalars
        )


def _in_order(parts: Sequence[pa.Table], keys: Sequence[str]) -> pa.Table:
    rows = pa.concat_tables(parts).unify_dictionaries()
    # numpy's last key is the first to sort by.
    order = np.lexsort([_sortable(rows.column(key)) for key in reversed(keys)])
    return rows.take(pa.array(order))


def _sortable(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Whole numbers that are in the order of the values."""
    found: npt.NDArray[np.int64]
    if pa.types.is_timestamp(column.type) or pa.types.is_integer(column.type):
        found = column.cast(pa.int64()).to_numpy()
        return found
    array = column.combine_chunks()
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    order = pc.sort_indices(array.dictionary).to_numpy()
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    found = ranks[array.indices.to_numpy()]
    return found
