"""Rows → Parquet files of one day each, sorted, durable, with the statistics of their columns."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.schema import Schema
from pyiceberg.typedef import Record

from madang.core.durable_files import sync_folder
from madang.core.errors import InvalidInputError
from madang.lake.decoder import OFFSET_COLUMN, PARTITION_COLUMN, TIME_COLUMN
from madang.lake.files import make_folder, sync_file, to_location
from madang.lake.stats import file_stats, leaves
from madang.lake.types import to_arrow

DAY_US = 86_400_000_000
GROUP_ROWS = 122_880
"""Rows of a row group: DuckDB's unit of parallel work."""
GROUP_BYTES = 64 * 2**20
"""Row groups of wide rows are cut at this size in memory, so that reading them stays bounded."""
_DICTIONARY_BYTES = 256 * 2**10
"""Of a row group's column; one with more distinct values is written plainly from there on. A
megabyte, Parquet's default, cost 17 % more CPU on API logs and made files 5 % larger."""
_PAGE_BYTES = 2**20
_FIRST_US = -62_135_596_800_000_000
_LAST_US = 253_402_300_799_999_999
_DELTA_COLUMNS = (TIME_COLUMN, OFFSET_COLUMN)


@dataclass(frozen=True, slots=True)
class FileForm:
    """What is special in the data files of a table; it stands in the table's properties.

    ``sort_by``: columns that the rows of every file are sorted by, so that files can be merged
    piece by piece. ``encodings``: Parquet's, by column. ``dictionary``: columns of text of which a
    row group has few, which stay codes on their way. ``compression_level``: of zstd.
    ``group_rows``: of a row group at most, which is what a query reads at least. A row group's
    column is one page, as far as it goes: what repeats in it is found over all its rows.
    """

    sort_by: tuple[str, ...]
    encodings: Mapping[str, str] = field(default_factory=dict)
    dictionary: tuple[str, ...] = ()
    compression_level: int = 3
    group_rows: int = GROUP_ROWS


@dataclass(frozen=True, slots=True)
class FileLayout:
    """How the data files of a table are written.

    ``folder`` is the table's ``data`` folder; ``by_day``: whether it is partitioned by the day of
    ``_time``; ``sort_by``: columns that rows are sorted by within a file; ``form``: what else is
    special.
    """

    folder: Path
    schema: Schema
    by_day: bool = True
    sort_by: tuple[str, ...] = ()
    spec_id: int = 0
    form: FileForm | None = None


class DayFile:
    """One Parquet file of one day, being written; on an error nothing of it stays."""

    def __init__(self, layout: FileLayout, day: int | None) -> None:
        self._layout = layout
        self._day = day
        folder = layout.folder
        if day is not None:
            folder = folder / f"{TIME_COLUMN}_day={day_text(day)}"
        make_folder(folder)
        self.path = folder / f"{uuid.uuid4().hex}.parquet"
        self._codes = layout.form.dictionary if layout.form else ()
        self._schema = with_codes(to_arrow(layout.schema, with_ids=True), self._codes)
        self._writer = pq.ParquetWriter(
            str(self.path),
            self._schema,
            compression="zstd",
            dictionary_pagesize_limit=_DICTIONARY_BYTES,
            write_page_index=True,
            store_schema=False,
            **_encodings(layout.schema, layout.form),
        )

    def __enter__(self) -> DayFile:
        return self

    def __exit__(
        self,
        exctype: type[BaseException] | None,
        excinst: BaseException | None,
        exctb: TracebackType | None,
    ) -> None:
        if exctype is not None:
            self.discard()

    def write(self, rows: pa.Table) -> None:
        """Append rows of this file's day, in the table's schema, as whole row groups."""
        if not rows.num_rows:
            return
        row_bytes = max(1, rows.nbytes // rows.num_rows)
        most = self._layout.form.group_rows if self._layout.form else GROUP_ROWS
        group_rows = max(1024, min(most, GROUP_BYTES // row_bytes))
        if not self._codes:
            whole = pa.Table.from_arrays(rows.columns, schema=self._schema)
            self._writer.write_table(whole, row_group_size=group_rows)
            return
        for start in range(0, rows.num_rows, group_rows):
            # A dictionary goes to the file whole, for every row group.
            part = rows.slice(start, group_rows)
            columns = [
                _fewest(column) if field.name in self._codes else column
                for column, field in zip(part.columns, self._schema, strict=True)
            ]
            self._writer.write_table(pa.Table.from_arrays(columns, schema=self._schema))

    def finish(self) -> DataFile:
        """Close the file, make it durable, and describe it."""
        self._writer.close()
        sync_file(self.path)
        sync_folder(self.path.parent)
        stats = file_stats(self._writer.writer.metadata, self._layout.schema)
        described = DataFile.from_args(
            content=DataFileContent.DATA,
            file_path=to_location(self.path),
            file_format=FileFormat.PARQUET,
            partition=Record() if self._day is None else Record(self._day),
            file_size_in_bytes=self.path.stat().st_size,
            record_count=stats.record_count,
            column_sizes=stats.column_sizes,
            value_counts=stats.value_counts,
            null_value_counts={k: n for k, n in stats.null_value_counts.items() if n >= 0},
            nan_value_counts={},
            lower_bounds=stats.lower_bounds,
            upper_bounds=stats.upper_bounds,
            split_offsets=stats.split_offsets,
            sort_order_id=None,
            equality_ids=None,
            key_metadata=None,
        )
        described.spec_id = self._layout.spec_id
        return described

    def discard(self) -> None:
        """Remove what was written."""
        try:
            self._writer.close()
        finally:
            self.path.unlink(missing_ok=True)


def _encodings(schema: Schema, form: FileForm | None) -> dict[str, Any]:
    # Times and offsets rise by small steps: their differences take a byte where they took eight.
    paths = [path for _, path, _, _ in leaves(schema)]
    encoded = {path: "DELTA_BINARY_PACKED" for path in paths if path in _DELTA_COLUMNS}
    found: dict[str, Any] = {"compression_level": 1}
    if form is not None:
        encoded |= form.encodings
        found = {
            "compression_level": form.compression_level,
            "data_page_size": _PAGE_BYTES,
            "max_rows_per_page": GROUP_ROWS,
        }
    found["use_dictionary"] = [path for path in paths if path not in encoded]
    return found | {"column_encoding": encoded}


def with_codes(schema: pa.Schema, columns: Sequence[str]) -> pa.Schema:
    """``schema`` with some columns of text as dictionaries."""
    for name in columns:
        place = schema.get_field_index(name)
        coded = schema.field(place).with_type(pa.dictionary(pa.int32(), pa.string()))
        schema = schema.set(place, coded)
    return schema


def _fewest(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The same texts, with a dictionary of no others."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    array = column.unify_dictionaries().combine_chunks()
    codes = array.indices.to_numpy()
    used = np.zeros(len(array.dictionary), np.bool_)
    used[codes] = True
    fewer = pa.array((np.cumsum(used) - 1).astype(np.int32)[codes])
    texts = array.dictionary.filter(pa.array(used))
    return pa.chunked_array([pa.DictionaryArray.from_arrays(fewer, texts)])


def in_groups(pieces: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in tables of a whole row group, but for the last one."""
    waiting: list[pa.Table] = []
    count = 0
    for piece in pieces:
        waiting.append(piece)
        count += piece.num_rows
        while count >= GROUP_ROWS:
            whole = pa.concat_tables(waiting)
            yield whole.slice(0, GROUP_ROWS)
            waiting, count = [whole.slice(GROUP_ROWS)], count - GROUP_ROWS
    if count:
        yield pa.concat_tables(waiting)


def day_text(day: int) -> str:
    """``2026-11-21`` of days since 1970-01-01; works for any year."""
    return str(np.datetime64(day, "D"))


def write_rows(rows: pa.Table, layout: FileLayout) -> list[DataFile]:
    """Write ``rows``, one file for each day.

    Args:
        rows: In the Arrow form of ``layout.schema``, in any order.
        layout: Where and how.
    """
    written: list[DataFile] = []
    try:
        for day, part in split_by_day(rows, layout):
            with DayFile(layout, day) as file:
                file.write(part)
                written.append(file.finish())
    except BaseException:
        discard(written)
        raise
    return written


def discard(files: Iterable[DataFile]) -> None:
    """Remove data files that no snapshot refers to."""
    for file in files:
        Path(file.file_path.removeprefix("file://")).unlink(missing_ok=True)


def split_by_day(rows: pa.Table, layout: FileLayout) -> Iterator[tuple[int | None, pa.Table]]:
    """The rows of each day, sorted; ``(None, all)`` where the table has no days."""
    if not rows.num_rows:
        return
    keys = sort_keys(layout.schema, layout.sort_by)
    if not layout.by_day:
        yield None, _sorted(rows, keys)
        return
    days = _days(rows[TIME_COLUMN])
    if days[0] == days[-1] and (days == days[0]).all():
        yield int(days[0]), _sorted(rows, keys)
        return
    order = np.argsort(days, kind="stable")
    ordered = days[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    for start, end in zip(starts, np.r_[starts[1:], len(ordered)], strict=True):
        part = rows.take(pa.array(order[start:end]))
        yield int(ordered[start]), _sorted(part, keys)


def within_years(rows: pa.Table) -> pa.Table:
    """The rows with a ``_time`` in the years 0001 to 9999, moved to the nearer end if need be.

    Further days have no name: PyIceberg, and much that reads tables, fails on them.

    Raises:
        InvalidInputError: a row has no ``_time``.
    """
    index = rows.schema.get_field_index(TIME_COLUMN)
    if index < 0 or not rows.num_rows:
        return rows
    field = rows.schema.field(index)
    times = rows.column(index).cast(pa.int64())
    if times.null_count:
        raise InvalidInputError(f"{times.null_count} rows have no {TIME_COLUMN}")
    found = pc.min_max(times)
    if found["min"].as_py() >= _FIRST_US and found["max"].as_py() <= _LAST_US:
        return rows
    clamped = pc.min_element_wise(pc.max_element_wise(times, _FIRST_US), _LAST_US)
    return rows.set_column(index, field, clamped.cast(field.type))


def _days(times: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    values: npt.NDArray[np.int64] = times.cast(pa.int64()).to_numpy()
    return values // DAY_US


def sort_keys(schema: Schema, sort_by: Sequence[str]) -> list[str]:
    """The columns to sort by that the table has and that have an order, ``_time`` by default."""
    plain = {column.name for column in schema.fields if column.field_type.is_primitive}
    chosen = [name for name in sort_by if name in plain]
    if not chosen and TIME_COLUMN in plain:
        chosen = [TIME_COLUMN]
    for name in (TIME_COLUMN, PARTITION_COLUMN, OFFSET_COLUMN):
        if chosen and name in plain and name not in chosen:
            chosen.append(name)
    return chosen


def _sorted(rows: pa.Table, keys: list[str]) -> pa.Table:
    if not keys or rows.num_rows < 2:
        return rows
    if keys[0] == TIME_COLUMN:
        # Rows come in the order of their offsets, so that a stable sort by time is enough; numpy's
        # is quick on data in runs, which logs are.
        times = rows[TIME_COLUMN].cast(pa.int64()).to_numpy()
        if (times[1:] >= times[:-1]).all():
            return rows
        return rows.combine_chunks().take(pa.array(np.argsort(times, kind="stable")))
    order = pc.sort_indices(rows.select(keys), sort_keys=[(key, "ascending") for key in keys])
    return rows.take(order)
