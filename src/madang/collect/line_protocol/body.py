"""One body of line protocol, part by part: plain lines all at once, the others strictly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from madang.collect.line_protocol.layout import Layout, layout_of
from madang.collect.line_protocol.naming import series_of
from madang.collect.line_protocol.numbers import field_values, integers
from madang.collect.line_protocol.parse import LineError, parse_line
from madang.collect.line_protocol.point import Point
from madang.collect.line_protocol.templates import KnownTemplates
from madang.collect.pushed import TEXT_LIMIT, Pushed, Refusals
from madang.collect.series_table import SeriesTable
from madang.core.errors import TooLargeError
from madang.core.samples import Samples

_NS_PER_MS = 1_000_000
# Lines that are not plain cost as much as a hundred plain ones.
_STRICT_LIMIT = 500_000
# A body is laid out in parts: a part takes some 80 times its size, if it is all line ends.
_PART_BYTES = 1 << 20
# Whoever sends so many lines that are wrong sends something else.
_REFUSED_LIMIT = 100_000
STRING_FIELD = "string field"


@dataclass(slots=True)
class _Rows:
    """Samples, and the lines (from 0) that they stand in."""

    lines: npt.NDArray[np.int64]
    numbers: npt.NDArray[np.int64]
    times_ms: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]


class BodyReader:
    """Reads one body.

    Args:
        body: The text.
        unit_ns: The nanoseconds of one unit of its timestamps.
        arrived_at_ms: The time of lines without one.
        series: Numbers the series.
        templates: Those that are known.
    """

    def __init__(
        self,
        body: bytes,
        unit_ns: int,
        arrived_at_ms: int,
        series: SeriesTable,
        templates: KnownTemplates,
    ) -> None:
        self._series = series
        self._templates = templates
        self._body = body if body.endswith(b"\n") else body + b"\n"
        self._unit_ns = unit_ns
        self._arrived_at_ms = arrived_at_ms
        self._refusals = Refusals()
        self._rows: list[_Rows] = []
        self._strict: list[tuple[int, int, int, float]] = []
        self._strings = 0
        self._strictly = 0
        # Where the part that is read begins, and the number of its first line.
        self._part_at = 0
        self._part_line = 0

    def pushed(self) -> Pushed:
        """What it says."""
        body, size = self._body, len(self._body)
        while self._part_at < size:
            end = body.rfind(b"\n", self._part_at, self._part_at + _PART_BYTES) + 1
            if end:
                layout = layout_of(body[self._part_at : end])
                swallowed, end = self._odd_lines(layout, end)
                self._rows.append(self._plain_lines(layout, swallowed))
            else:
                end = self._part_at + self._read(0, 0)
            self._part_line += body.count(b"\n", self._part_at, end)
            self._part_at = end
        rows = self._all_rows()
        labels, ids, series = self._series.places(rows.numbers)
        return Pushed(
            Samples(labels, series, rows.times_ms, rows.values),
            ids,
            refused=self._refusals.sorted(),
            refused_count=self._refusals.count,
            left_out={STRING_FIELD: self._strings} if self._strings else {},
        )

    def _all_rows(self) -> _Rows:
        if self._strict:
            lines, numbers, times_ms, values = zip(*self._strict, strict=True)
            self._rows.append(
                _Rows(
                    np.array(lines, np.int64),
                    np.array(numbers, np.int64),
                    np.array(times_ms, np.int64),
                    np.array(values, np.float64),
                )
            )
        if len(self._rows) == 1:
            return self._rows[0]
        if not self._rows:
            nothing = np.empty(0, np.int64)
            return _Rows(nothing, nothing, nothing, np.empty(0))
        order = np.argsort(np.concatenate([one.lines for one in self._rows]), kind="stable")
        return _Rows(
            order,
            np.concatenate([one.numbers for one in self._rows])[order],
            np.concatenate([one.times_ms for one in self._rows])[order],
            np.concatenate([one.values for one in self._rows])[order],
        )

    def _odd_lines(self, layout: Layout, end: int) -> tuple[npt.NDArray[np.bool_], int]:
        """Read the lines that are not plain.

        Returns:
            Which lines were inside of the strings of others, and where the next part begins:
            behind ``end``, if the last string reaches so far.
        """
        swallowed = np.zeros(len(layout.line_starts), np.bool_)
        done = 0
        for line in np.flatnonzero(~(layout.is_plain | layout.is_nothing)).tolist():
            at = int(layout.line_starts[line])
            if at < done:
                continue
            done = self._read(line, at)
            if done > layout.line_ends[line] + 1:
                swallowed[line + 1 : int(np.searchsorted(layout.line_starts, done))] = True
        return swallowed, max(end, self._part_at + done)

    def _plain_lines(self, layout: Layout, swallowed: npt.NDArray[np.bool_]) -> _Rows:
        counts = layout.value_counts
        values, bad = field_values(layout.data, layout.value_starts, layout.value_ends)
        times_ms, bad_times = self._times(layout)
        first_slots = self._templates.first_slots(layout.templates())
        wrong = bad_times | (first_slots < 0)
        line_of = np.repeat(np.arange(len(counts)), counts)
        wrong[line_of[bad]] = True
        wrong &= ~swallowed[layout.lines]
        for line in layout.lines[wrong].tolist():
            self._read(line, int(layout.line_starts[line]))
        nth = np.arange(len(line_of)) - np.repeat(np.cumsum(counts) - counts, counts)
        taken = ~(wrong | swallowed[layout.lines])[line_of]
        of = line_of[taken]
        numbers = self._templates.numbers(first_slots[of] + nth[taken])
        return _Rows(layout.lines[of] + self._part_line, numbers, times_ms[of], values[taken])

    def _times(self, layout: Layout) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        starts, ends = layout.time_starts, layout.line_ends[layout.lines]
        times_ms = np.full(len(starts), self._arrived_at_ms)
        bad = np.zeros(len(starts), np.bool_)
        at = np.flatnonzero((starts < ends) | (layout.data[starts - 1] == ord(" ")))
        units, wrong = integers(layout.data, starts[at], ends[at])
        wrong |= np.abs(units) > np.iinfo(np.int64).max // self._unit_ns
        times_ms[at] = units * self._unit_ns // _NS_PER_MS
        bad[at] = wrong
        return times_ms, bad

    def _read(self, line: int, at: int) -> int:
        """Read a line of the part strictly; where the next one begins, from the part's begin."""
        self._strictly += 1
        if self._strictly > _STRICT_LIMIT:
            raise TooLargeError(
                f"the body has more than {_STRICT_LIMIT} lines with strings, escapes or errors",
                hint="send fewer lines in a request (Telegraf: metric_batch_size)",
            )
        at += self._part_at
        position = self._part_line + line + 1
        if self._refusals.count >= _REFUSED_LIMIT:
            if self._refusals.count == _REFUSED_LIMIT:
                self._refusals.add(position, "too many lines are wrong: the rest was not read")
            return len(self._body) - self._part_at
        try:
            point, end = parse_line(self._body, at, self._unit_ns)
        except LineError as error:
            self._refuse(position, error.reason, at, error.end)
            return error.end - self._part_at
        if point is not None:
            try:
                self._take(position - 1, point)
            except ValueError as error:
                self._refuse(position, str(error), at, end)
        return end - self._part_at

    def _refuse(self, position: int, reason: str, at: int, end: int) -> None:
        text = self._body[at : min(end, at + TEXT_LIMIT)]
        self._refusals.add(position, reason, text.rstrip(b"\r\n"))

    def _take(self, line: int, point: Point) -> None:
        fields = dict(point.fields)
        numeric = {name: value for name, value in fields.items() if not isinstance(value, str)}
        series = series_of(point.measurement, point.tags, list(numeric))
        self._strings += len(fields) - len(numeric)
        time_ms = self._arrived_at_ms
        if point.time_ns is not None:
            time_ms = point.time_ns // _NS_PER_MS
        for labels, value in zip(series, numeric.values(), strict=True):
            number = self._series.number(labels)
            self._strict.append((line, number, time_ms, float(value)))
