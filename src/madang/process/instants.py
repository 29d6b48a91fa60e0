"""Times written as text or numbers → microseconds UTC, in bulk."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from madang.core.errors import InvalidInputError
from madang.process.engine import Engine, literal
from madang.process.zones import ANY_TIME, EVENT_TIME, to_utc

__all__ = ["ANY_TIME", "EVENT_TIME", "InstantReader", "Instants"]

_Attempt = Callable[[pa.Array, npt.NDArray[np.int64]], "Instants"]
"""A way to read times: text (no nulls) and arrival times in, instants out."""
_UNITS = {"epoch_s": 1_000_000.0, "epoch_ms": 1000.0, "epoch_us": 1.0, "epoch_ns": 0.001}
"""Microseconds of one unit."""
_MAGNITUDES = ((1e11, "epoch_s"), (1e14, "epoch_ms"), (1e17, "epoch_us"), (np.inf, "epoch_ns"))
"""What a bare number means in ``auto``: below the limit, the unit. 1e11 s is the year 5138, and
1e11 ms is 1973."""

_ISO = (
    r"^\s*(\d{4})-?(\d\d)-?(\d\d)(?:[Tt ]\s*(\d\d):?(\d\d)(?::?(\d\d)(?:[.,](\d+))?)?)?"
    r"\s*(Z|z|UTC|GMT|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)?\s*$"
)
_NO_OFFSET = r"[+-](?:(?:2[4-9]|[3-9]\d)(?::?\d\d)?|\d\d:?[6-9]\d)\s*$"
"""At a text's end: further from UTC than a day, or minutes beyond 59; strptime takes them."""
_LEAP = (r"(\d\d:\d\d):60(\D|$)", r"\1:59\2")
"""A leap second and the second before it."""
_SECOND_US = 1_000_000
_NUMBER = r"^\s*[+-]?\d+(\.\d+)?([eE][+-]?\d+)?\s*$"
_PATTERNS = (
    "%d/%b/%Y:%H:%M:%S %z",
    "%a, %d %b %Y %H:%M:%S %z",
    "%a %b %d %H:%M:%S %Y",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M:%S.%f",
    "%d/%b/%Y %H:%M:%S",
    "%d/%b/%Y:%H:%M:%S.%f %z",
)
"""Patterns beyond ISO 8601 and numbers that ``auto`` reads."""
_YEARLESS = ("%b %d %H:%M:%S", "%b %d %H:%M:%S.%f")
_LOOKS = (
    (re.compile(r"\d\d?/[A-Z][a-z]{2}/\d{4}:"), _PATTERNS[0]),
    (re.compile(r"[A-Z][a-z]{2} +\d\d? \d\d:\d\d:\d\d$"), _YEARLESS[0]),
)
"""What the two commonest patterns look like; trying the others first costs a query each."""
_AHEAD_US = 86_400_000_000
"""A time without a year is the last one that is at most a day ahead of its arrival."""


@dataclass(frozen=True, slots=True)
class Instants:
    """Times of rows: ``us`` counts where ``valid``; the others were absent or unreadable.

    ``outside``: times that were read and lie outside the bounds; never ``valid``.
    """

    us: npt.NDArray[np.int64]
    valid: npt.NDArray[np.bool_]
    outside: npt.NDArray[np.bool_]

    @classmethod
    def within(
        cls,
        us: npt.NDArray[np.int64],
        valid: npt.NDArray[np.bool_],
        bounds: tuple[int, int],
        beyond: npt.NDArray[np.bool_] | None = None,
    ) -> Instants:
        """Times that are ``valid`` only within ``bounds``; ``beyond``: too far away for ``us``."""
        first_us, end_us = bounds
        inside = (us >= first_us) & (us < end_us)
        outside = valid & ~inside
        return cls(us, valid & inside, outside if beyond is None else outside | beyond)


class InstantReader:
    """Reads times of one format.

    Args:
        engine: Runs the SQL.
        pattern: As in :class:`madang.project.TimeSpec`: ``auto``, ``iso8601``, ``epoch_s`` and so
            on, or a strptime pattern.
        zone: Of times that carry none.
        bounds: First and end, microseconds; times outside count as unreadable.

    Raises:
        InvalidInputError: the strptime pattern cannot be read.
    """

    def __init__(
        self,
        engine: Engine,
        pattern: str,
        zone: ZoneInfo,
        bounds: tuple[int, int] = EVENT_TIME,
    ) -> None:
        self._engine = engine
        self._pattern = pattern
        self._zone = zone
        self._bounds = bounds

    def check(self) -> None:
        """Raise InvalidInputError if the pattern cannot be read."""
        if self._pattern in ("auto", "iso8601", *_UNITS):
            return
        try:
            self._engine.check(f"SELECT try_strptime('', {literal(self._pattern)}) AS x")
        except duckdb.Error as error:
            raise InvalidInputError(
                f"the time format {self._pattern!r} cannot be read: {str(error).splitlines()[0]}",
                hint="write auto, iso8601, epoch_ms or a pattern such as %d/%b/%Y:%H:%M:%S %z",
            ) from None

    def text(self, text: pa.Array, arrival_us: npt.NDArray[np.int64]) -> Instants:
        """Times of ``text`` (string, null where there is none)."""
        quick = self._quick(text) if self._pattern in ("auto", "iso8601") else None
        if quick is not None:
            return quick
        us = np.zeros(len(text), np.int64)
        valid = np.zeros(len(text), np.bool_)
        outside = np.zeros(len(text), np.bool_)
        todo = np.flatnonzero(text.is_valid().to_numpy(zero_copy_only=False))
        text, leaps = self._without_leaps(text)
        for attempt in self._promising_first(text, todo):
            if not len(todo):
                break
            found = attempt(text.take(pa.array(todo)), arrival_us[todo])
            us[todo[found.valid]] = found.us[found.valid]
            valid[todo] = found.valid
            outside[todo] |= found.outside
            todo = todo[~found.valid]
        if leaps is not None:
            us[valid & leaps] += _SECOND_US
        return Instants(us, valid, outside & ~valid)

    def _without_leaps(self, text: pa.Array) -> tuple[pa.Array, npt.NDArray[np.bool_] | None]:
        """``text`` with leap seconds as the second before, and which rows they are, if any.

        A leap second is taken for the second after, as POSIX counts: 23:59:60 is 00:00:00.
        """
        clock = self._pattern in ("auto", "iso8601") or any(
            code in self._pattern for code in ("%H:%M:%S", "%I:%M:%S", "%T")
        )
        if not clock:
            return text, None
        pattern, before = _LEAP
        found = pc.fill_null(pc.match_substring_regex(text, pattern), False)
        leaps: npt.NDArray[np.bool_] = found.to_numpy(zero_copy_only=False)
        if not leaps.any():
            return text, None
        return pc.replace_substring_regex(text, pattern, before, max_replacements=1), leaps

    def numbers(self, values: npt.NDArray[np.float64]) -> Instants:
        """Times of numbers (NaN where there is none)."""
        with np.errstate(invalid="ignore", over="ignore"):
            if self._pattern in _UNITS:
                us = values * _UNITS[self._pattern]
            else:
                sizes = np.abs(values)
                us = np.full(len(values), np.nan)
                for limit, unit in reversed(_MAGNITUDES):
                    us = np.where(sizes < limit, values * _UNITS[unit], us)
            valid = np.isfinite(us) & (np.abs(us) < 2.0**62)
            micros = np.where(valid, np.round(us), 0).astype(np.int64)
        return self._found(micros, valid, ~np.isnan(values) & ~valid)

    def micros(self, us: npt.NDArray[np.int64], valid: npt.NDArray[np.bool_]) -> Instants:
        """Times that are times already: microseconds UTC."""
        return self._found(us, valid)

    def _found(
        self,
        us: npt.NDArray[np.int64],
        valid: npt.NDArray[np.bool_],
        beyond: npt.NDArray[np.bool_] | None = None,
    ) -> Instants:
        return Instants.within(us, valid, self._bounds, beyond)

    def _promising_first(self, text: pa.Array, todo: npt.NDArray[np.int64]) -> list[_Attempt]:
        """The attempts, in front the one that the first text looks like: no two read the same."""
        attempts = self._attempts()
        if self._pattern == "auto" and len(todo):
            first = text[int(todo[0])].as_py()
            for look, pattern in _LOOKS:
                if look.match(first):
                    attempts.insert(0, self._strptime(pattern))
        return attempts

    def _attempts(self) -> list[_Attempt]:
        if self._pattern == "iso8601":
            return [self._iso]
        if self._pattern in _UNITS:
            return [self._numeric]
        if self._pattern == "auto":
            return [
                self._numeric,
                self._iso,
                *(self._strptime(pattern) for pattern in (*_PATTERNS, *_YEARLESS)),
            ]
        return [self._strptime(self._pattern)]

    def _quick(self, text: pa.Array) -> Instants | None:
        """ISO 8601 as most systems write it, a hundred times faster than the general way."""
        valid = text.is_valid().to_numpy(zero_copy_only=False)
        try:
            us = pc.cast(text, pa.timestamp("us", "UTC"))
            return self._found(_micros(us), valid)
        except pa.ArrowInvalid:
            pass
        try:
            local = pc.cast(text, pa.timestamp("us"))
        except pa.ArrowInvalid:
            return None
        return self._found(to_utc(_micros(local), self._zone), valid)

    def _numeric(self, text: pa.Array, arrival_us: npt.NDArray[np.int64]) -> Instants:
        del arrival_us
        numeric = pc.match_substring_regex(text, _NUMBER)
        values = pc.cast(
            pc.utf8_trim_whitespace(pc.if_else(numeric, text, pa.scalar(None, pa.string()))),
            pa.float64(),
        )
        return self.numbers(pc.fill_null(values, np.nan).to_numpy(zero_copy_only=False))

    def _iso(self, text: pa.Array, arrival_us: npt.NDArray[np.int64]) -> Instants:
        del arrival_us
        parts = "['y','m','d','h','i','s','f','z']"
        found = self._engine.query(
            "SELECT epoch_us(try_cast(p.y || '-' || p.m || '-' || p.d || ' ' ||"
            " coalesce(nullif(p.h, ''), '00') || ':' || coalesce(nullif(p.i, ''), '00') || ':' ||"
            " coalesce(nullif(p.s, ''), '00') || '.' || left(p.f || '000000', 6) AS TIMESTAMP))"
            " AS t, p.z <> '' AS zoned, CASE WHEN left(p.z, 1) IN ('+', '-') THEN"
            " (CASE left(p.z, 1) WHEN '-' THEN -1 ELSE 1 END) * (substr(p.z, 2, 2)::INT * 3600 +"
            " coalesce(try_cast(right(replace(p.z[4:], ':', ''), 2) AS INT), 0) * 60)"
            " ELSE 0 END AS o FROM (SELECT regexp_extract(v,"
            f" {literal(_ISO)}, {parts}) AS p FROM t)",
            t=pa.table({"v": text}),
        )
        naive, valid = _longs(found.column("t"))
        zoned = pc.fill_null(found.column("zoned"), False).to_numpy().astype(np.bool_)
        offset_s = found.column("o").to_numpy().astype(np.int64)
        us = naive - offset_s * 1_000_000
        local = valid & ~zoned
        us[local] = to_utc(naive[local], self._zone)
        return self._found(us, valid)

    def _strptime(self, pattern: str) -> _Attempt:
        def attempt(text: pa.Array, arrival_us: npt.NDArray[np.int64]) -> Instants:
            fields = pattern.replace("%%", "")
            yearless = not any(code in fields for code in ("%Y", "%y", "%c", "%x", "%s", "%G"))
            if yearless:
                return self._without_year(text, pattern, arrival_us)
            found = self._engine.query(
                f"SELECT epoch_us(try_strptime(v, {literal(pattern)})) AS t FROM t",
                t=pa.table({"v": text}),
            )
            us, valid = _longs(found.column("t"))
            if fields.endswith("%z"):
                absurd = pc.match_substring_regex(text, _NO_OFFSET)
                valid &= ~absurd.to_numpy(zero_copy_only=False)
            if not any(code in fields for code in ("%z", "%Z", "%s")):
                us = to_utc(us, self._zone)
            return self._found(us, valid)

        return attempt

    def _without_year(
        self, text: pa.Array, pattern: str, arrival_us: npt.NDArray[np.int64]
    ) -> Instants:
        """The last time that the pattern fits and that is not later than a day after arrival."""
        years = arrival_us.astype("datetime64[us]").astype("datetime64[Y]").astype(np.int64) + 1970
        best = np.full(len(text), np.iinfo(np.int64).min)
        valid = np.zeros(len(text), np.bool_)
        # Five years back reach the last 29 February.
        ahead = arrival_us + _AHEAD_US
        next_year = (ahead.astype("datetime64[us]").astype("datetime64[Y]").astype(np.int64)) + 1970
        for back in range(-1 if (next_year > years).any() else 0, 6):
            table = pa.table({"v": text, "y": pa.array(years - back)})
            found = self._engine.query(
                "SELECT epoch_us(try_strptime(y::VARCHAR || ' ' || v,"
                f" {literal('%Y ' + pattern)})) AS t FROM t",
                t=table,
            )
            us, ok = _longs(found.column("t"))
            us = to_utc(us, self._zone)
            better = ok & ~valid & (us <= ahead)
            best[better] = us[better]
            valid |= better
            if valid.all():
                break
        return self._found(np.where(valid, best, 0), valid)


def _micros(times: pa.Array) -> npt.NDArray[np.int64]:
    filled = pc.fill_null(times.cast(pa.int64()), 0)
    micros: npt.NDArray[np.int64] = filled.to_numpy(zero_copy_only=False)
    return micros


def _longs(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    valid: npt.NDArray[np.bool_] = column.is_valid().to_numpy()
    values = pc.fill_null(column, 0).to_numpy().astype(np.int64)
    return values, valid
