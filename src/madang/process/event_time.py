"""``_time``: the event time from a record's field, the arrival time where there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from madang.lake.tally import Tally
from madang.process.engine import Engine, literal
from madang.process.instants import InstantReader, Instants
from madang.process.layout import Path, pointer
from madang.process.parsed import Dead, Parsed
from madang.project import TimeSpec

FAULTS: Final = ("", "missing", "unreadable", "out_of_range")
"""Why a record has no event time, by :attr:`Times.faults`; the first: it has one."""
_MISSING, _UNREADABLE, _OUTSIDE = 1, 2, 3
_LONGEST = 100
"""Characters of a value that are shown."""


@dataclass(frozen=True, slots=True)
class Times:
    """Event times of rows.

    ``values`` (timestamp[us, UTC], no nulls) hold the arrival where there is a fault. ``faults``
    are indices of ``FAULTS``. ``written`` says how a faulty row writes its time, cut at 100
    characters; None where it is missing.
    """

    values: pa.Array
    faults: npt.NDArray[np.uint8]
    written: Callable[[int], str | None]

    @classmethod
    def of_arrival(cls, arrival: pa.Array) -> Times:
        """The arrival, where no other time is asked for: no fault."""
        return cls(arrival, np.zeros(len(arrival), np.uint8), lambda _: None)

    def take(self, rows: npt.NDArray[np.int64]) -> Times:
        """Those of ``rows``."""
        return Times(
            self.values.take(pa.array(rows)),
            self.faults[rows],
            lambda row: self.written(int(rows[row])),
        )

    def fallbacks(self) -> dict[str, Tally]:
        """How often the arrival stands in, by reason, each with an example."""
        counts = np.bincount(self.faults, minlength=len(FAULTS)).tolist()
        return {
            FAULTS[code]: Tally(
                counts[code], self.written(int(np.flatnonzero(self.faults == code)[0]))
            )
            for code in range(1, len(FAULTS))
            if counts[code]
        }

    def dead(self, field: str) -> list[Dead]:
        """Dead letters of the rows that have no event time in ``field``."""
        return [
            Dead(row, f"time_{FAULTS[fault]}", _reason(field, fault, self.written(row)))
            for row, fault in enumerate(self.faults.tolist())
            if fault
        ]


def _reason(field: str, fault: int, written: str | None) -> str:
    if fault == _MISSING:
        return f"there is no {field}"
    if fault == _OUTSIDE:
        return f"{field}: {written!r} lies outside the years 1970 to 2199"
    return f"{field}: {written!r} cannot be read as a time"


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

    def read(self, parsed: Parsed, arrival: pa.Array) -> Times:
        """``_time`` of the rows.

        Where the field is missing, cannot be read, or lies outside 1970-2200, the arrival time
        stands in.
        """
        arrival_us: npt.NDArray[np.int64] = arrival.cast(pa.int64()).to_numpy()
        us = arrival_us.copy()
        faults = np.full(len(us), _MISSING, np.uint8)
        path, column = self._column(parsed)
        if column is not None:
            found = self._of(column, arrival_us)
            us[found.valid] = found.us[found.valid]
            faults = _judged(column, found)
        rows = np.flatnonzero(
            (faults == _MISSING) & parsed.rest.is_valid().to_numpy(zero_copy_only=False)
        )
        texts = None
        if len(rows):
            texts = self._left(parsed.rest.take(pa.array(rows)), path)
            found = self._reader.text(texts, arrival_us[rows])
            us[rows[found.valid]] = found.us[found.valid]
            faults[rows] = _judged(texts, found)
        values = pa.array(us).cast(pa.timestamp("us", "UTC"))
        return Times(values, faults, partial(_written, column, texts, rows))

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
            return self._reader.micros(
                pc.fill_null(micros, 0).to_numpy(zero_copy_only=False), valid
            )
        nothing = np.zeros(len(column), np.bool_)
        return Instants(np.zeros(len(column), np.int64), nothing, nothing)

    def _left(self, rest: pa.Array, path: Path) -> pa.Array:
        """The field's text where it fitted no column."""
        found = self._engine.query(
            f"SELECT json_extract_string(v, {literal(pointer(path))}) AS x FROM t",
            t=pa.table({"v": rest}),
        ).column("x")
        return found.combine_chunks() if found.num_chunks != 1 else found.chunk(0)


def typed_times(ts: pa.Array, times: pa.Array) -> Times:
    """Those of a typed stream's column ``ts``; ``times`` has the arrival where it has none."""
    micros = ts.cast(pa.timestamp("us", "UTC"), safe=False)
    faults = np.where(pc.equal(micros, times).fill_null(False), 0, _OUTSIDE).astype(np.uint8)
    faults[ts.is_null().to_numpy(zero_copy_only=False)] = _MISSING
    return Times(times, faults, partial(_written, micros, None, np.empty(0, np.int64)))


def _judged(column: pa.Array, found: Instants) -> npt.NDArray[np.uint8]:
    faults = np.full(len(column), _UNREADABLE, np.uint8)
    faults[column.is_null().to_numpy(zero_copy_only=False)] = _MISSING
    faults[found.outside] = _OUTSIDE
    faults[found.valid] = 0
    return faults


def _written(
    column: pa.Array | None, texts: pa.Array | None, rows: npt.NDArray[np.int64], row: int
) -> str | None:
    """How row ``row`` writes its time: in its column, else among ``texts``, those of ``rows``."""
    value = None if column is None else _shown(column[row])
    if value is None and texts is not None:
        place = int(np.searchsorted(rows, row))
        value = texts[place].as_py() if place < len(rows) and rows[place] == row else None
    return None if value is None else str(value)[:_LONGEST]


def _shown(scalar: pa.Scalar) -> object:
    try:
        return scalar.as_py()
    except (OverflowError, ValueError):  # A year that Python has not.
        return scalar.cast(pa.int64()).as_py()
