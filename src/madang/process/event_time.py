"""``_time``: the event time from a record's field, the arrival time where there is none."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from madang.lake.decoder import TIME_COLUMN
from madang.process.engine import Engine, literal
from madang.process.instants import InstantReader, Instants
from madang.process.layout import Path, pointer
from madang.process.parsed import Parsed
from madang.process.zones import EVENT_TIME
from madang.project import TimeSpec


class EventTime:
    """Reads the event time of rows.

    Args:
        spec: The field, its format and zone.
        zone: Of times that carry none, where ``spec`` names no zone.
    """

    def __init__(self, engine: Engine, spec: TimeSpec, zone: ZoneInfo) -> None:
        self._engine = engine
        self._field = spec.field
        self._reader = InstantReader(engine, spec.format, zone)
        self._reader.check()

    def read(self, parsed: Parsed, arrival: pa.Array) -> pa.Array:
        """``_time`` of the rows (timestamp[us, UTC], no nulls).

        Values that are there and cannot be read, or lie outside 1970-2200, count as misfits of
        ``_time``; the arrival time stands in for them.
        """
        arrival_us: npt.NDArray[np.int64] = arrival.cast(pa.int64()).to_numpy()
        us, missing = arrival_us.copy(), np.ones(len(arrival_us), np.bool_)
        unreadable = np.zeros(len(arrival_us), np.bool_)
        path, column = self._column(parsed)
        if column is not None:
            found = self._of(column, arrival_us)
            us[found.valid] = found.us[found.valid]
            present = column.is_valid().to_numpy(zero_copy_only=False)
            unreadable = present & ~found.valid
            missing = ~present
        rows = np.flatnonzero(missing & parsed.rest.is_valid().to_numpy(zero_copy_only=False))
        if len(rows):
            texts = self._left(parsed.rest.take(pa.array(rows)), path)
            found = self._reader.text(texts, arrival_us[rows])
            us[rows[found.valid]] = found.us[found.valid]
            present = texts.is_valid().to_numpy(zero_copy_only=False)
            unreadable[rows[present & ~found.valid]] = True
        count = int(unreadable.sum())
        if count:
            parsed.misfits[TIME_COLUMN] += count
        return pa.array(us).cast(pa.timestamp("us", "UTC"))

    def _column(self, parsed: Parsed) -> tuple[Path, pa.Array | None]:
        if self._field in parsed.columns:
            return (self._field,), parsed.columns[self._field]
        path = tuple(self._field.split("."))
        column = parsed.columns.get(path[0])
        for name in path[1:]:
            if column is None or not pa.types.is_struct(column.type):
                return path, None
            index = column.type.get_field_index(name)
            column = pc.struct_field(column, index) if index >= 0 else None
        return path, column

    def _of(self, column: pa.Array, arrival_us: npt.NDArray[np.int64]) -> Instants:
        kind = column.type
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            return self._reader.text(column.cast(pa.string()), arrival_us)
        if pa.types.is_integer(kind) or pa.types.is_floating(kind):
            numbers = pc.fill_null(column.cast(pa.float64(), safe=False), np.nan)
            return self._reader.numbers(numbers.to_numpy(zero_copy_only=False))
        if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
            valid = column.is_valid().to_numpy(zero_copy_only=False)
            micros = column.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
            us = pc.fill_null(micros, 0).to_numpy(zero_copy_only=False)
            return Instants(us, valid).bounded(EVENT_TIME)
        return Instants(np.zeros(len(column), np.int64), np.zeros(len(column), np.bool_))

    def _left(self, rest: pa.Array, path: Path) -> pa.Array:
        """The field's text where it fitted no column."""
        found = self._engine.query(
            f"SELECT json_extract_string(v, {literal(pointer(path))}) AS x FROM t",
            t=pa.table({"v": rest}),
        ).column("x")
        return found.combine_chunks() if found.num_chunks != 1 else found.chunk(0)
