"""Bodies of line protocol → samples."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from madang.collect.line_protocol.layout import Layout, layout_of
from madang.collect.line_protocol.naming import series_of
from madang.collect.line_protocol.numbers import field_values, integers
from madang.collect.line_protocol.parse import LineError, parse_line
from madang.collect.line_protocol.point import Point
from madang.collect.pushed import Pushed, Refusals
from madang.collect.series_table import SeriesTable
from madang.core.errors import TooLargeError
from madang.core.samples import Samples

_NS_PER_MS = 1_000_000
# Positions in a body are 32 bits where Arrow holds them.
_BODY_LIMIT_BYTES = 1 << 30
STRING_FIELD = "string field"


class LineProtocolDecoder:
    """Decodes ``/write`` bodies; keeps the series it has met, so one serves many bodies.

    Safe across threads: bodies are decoded one after the other.

    Floats, integers and booleans (1 and 0) become samples; strings are no samples and are counted
    in ``Pushed.left_out``. Times are milliseconds; what is finer is cut off. Of a field that a line
    gives twice the last one counts. Names: see ``naming``. A line that is wrong is refused with its
    number and the reason, and the others are taken; a string that is never closed reaches to the
    end of the body, as strings may hold line ends.

    Args:
        limit_bytes: About how much memory the known series may take; past it they are forgotten.
    """

    def __init__(self, limit_bytes: int = 256 << 20) -> None:
        self._lock = threading.Lock()
        self._series = SeriesTable(limit_bytes)
        self._forget()

    def decode(self, body: bytes, *, unit_ns: int, arrived_at_ms: int) -> Pushed:
        """Decode one body.

        Args:
            body: The text, uncompressed.
            unit_ns: The nanoseconds of one unit of its timestamps (``precision_ns``).
            arrived_at_ms: The time of lines without one; cut to the unit, as InfluxDB does.

        Raises:
            TooLargeError: the body is larger than 1 GiB.
        """
        if len(body) > _BODY_LIMIT_BYTES:
            raise TooLargeError(f"the body has {len(body)} bytes; {_BODY_LIMIT_BYTES} are the most")
        arrived_ns = arrived_at_ms * _NS_PER_MS
        arrived_at_ms = arrived_ns // unit_ns * unit_ns // _NS_PER_MS
        with self._lock:
            if self._series.is_full:
                self._series.clear()
                self._forget()
            return _Body(self, body, unit_ns, arrived_at_ms).pushed()

    def _forget(self) -> None:
        # A template's place → where its series' numbers begin in `_slots`, and how many there are.
        self._templates: dict[bytes, int] = {}
        self._first_slot = _Numbers()
        self._slots = _Numbers()

    def _first_slots(self, templates: list[bytes]) -> npt.NDArray[np.int64]:
        """Where each template's series begin in ``_slots``; -1: it is for the strict parser."""
        known = self._templates
        if not all(map(known.__contains__, templates)):
            for template in dict.fromkeys(templates):
                if template not in known:
                    known[template] = self._learn(template)
                    self._series.note(template)
        return np.fromiter(map(known.__getitem__, templates), np.int64, len(templates))

    def _learn(self, template: bytes) -> int:
        head, _, fields = template.partition(b" ")
        try:
            point, _ = parse_line(head + b" " + fields.replace(b"=", b"=0"), 0)
            assert point is not None
            names = [name for name, _ in point.fields]
            if len(set(names)) < len(names):
                return -1
            series = series_of(point.measurement, point.tags, names)
        except (LineError, ValueError):
            return -1
        return self._slots.extend([self._series.number(labels) for labels in series])


class _Numbers:
    """Integers that grow in number."""

    def __init__(self) -> None:
        self._room = np.empty(1024, np.int64)
        self._count = 0

    def extend(self, numbers: list[int]) -> int:
        """Add some; where they begin."""
        first, self._count = self._count, self._count + len(numbers)
        while self._count > len(self._room):
            self._room = np.concatenate([self._room, np.empty_like(self._room)])
        self._room[first : self._count] = numbers
        return first

    def at(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Those at ``places``."""
        return self._room[places]


@dataclass(slots=True)
class _Strict:
    """What the strict parser found, beside the line of each."""

    lines: list[int] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    times_ms: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)


class _Body:
    def __init__(
        self, decoder: LineProtocolDecoder, body: bytes, unit_ns: int, arrived_at_ms: int
    ) -> None:
        self._decoder = decoder
        self._body = body if body.endswith(b"\n") else body + b"\n"
        self._unit_ns = unit_ns
        self._arrived_at_ms = arrived_at_ms
        self._refusals = Refusals()
        self._strict = _Strict()
        self._strings = 0

    def pushed(self) -> Pushed:
        layout = layout_of(self._body)
        swallowed = self._odd_lines(layout)
        lines, numbers, times_ms, values = self._plain_lines(layout, swallowed)
        strict = self._strict
        if strict.lines:
            lines = np.concatenate([lines, np.array(strict.lines, np.int64)])
            order = np.argsort(lines, kind="stable")
            numbers = np.concatenate([numbers, np.array(strict.numbers, np.int64)])[order]
            times_ms = np.concatenate([times_ms, np.array(strict.times_ms, np.int64)])[order]
            values = np.concatenate([values, np.array(strict.values, np.float64)])[order]
        labels, ids, series = self._decoder._series.places(numbers)
        return Pushed(
            Samples(labels, series, times_ms, values),
            ids,
            refused=self._refusals.sorted(),
            refused_count=self._refusals.count,
            left_out={STRING_FIELD: self._strings} if self._strings else {},
        )

    def _odd_lines(self, layout: Layout) -> npt.NDArray[np.bool_]:
        """Read the lines that are not plain; which plain ones were inside of their strings."""
        swallowed = np.zeros(len(layout.line_starts), np.bool_)
        done = 0
        for line in np.flatnonzero(~layout.is_plain).tolist():
            at = int(layout.line_starts[line])
            if at < done:
                continue
            done = self._read(line, at)
            if done > layout.line_ends[line] + 1:
                swallowed[line + 1 : int(np.searchsorted(layout.line_starts, done))] = True
        return swallowed

    def _plain_lines(
        self, layout: Layout, swallowed: npt.NDArray[np.bool_]
    ) -> tuple[
        npt.NDArray[np.int64],
        npt.NDArray[np.int64],
        npt.NDArray[np.int64],
        npt.NDArray[np.float64],
    ]:
        counts = layout.value_counts
        values, bad = field_values(layout.data, layout.value_starts, layout.value_ends)
        times_ms, bad_times = self._times(layout)
        first_slots = self._decoder._first_slots(layout.templates())
        wrong = bad_times | (first_slots < 0)
        line_of = np.repeat(np.arange(len(counts)), counts)
        wrong[line_of[bad]] = True
        wrong &= ~swallowed[layout.lines]
        for line in layout.lines[wrong].tolist():
            self._read(line, int(layout.line_starts[line]))
        nth = np.arange(len(line_of)) - np.repeat(np.cumsum(counts) - counts, counts)
        taken = ~(wrong | swallowed[layout.lines])[line_of]
        of = line_of[taken]
        numbers = self._decoder._slots.at(first_slots[of] + nth[taken])
        return layout.lines[of], numbers, times_ms[of], values[taken]

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
        """Read the line that begins at ``at`` strictly; where the next one begins."""
        try:
            point, end = parse_line(self._body, at, self._unit_ns)
        except LineError as error:
            self._refusals.add(line + 1, error.reason, self._body[at : error.end].rstrip(b"\r\n"))
            return error.end
        if point is not None:
            try:
                self._take(line, point)
            except ValueError as error:
                self._refusals.add(line + 1, str(error), self._body[at:end].rstrip(b"\r\n"))
        return end

    def _take(self, line: int, point: Point) -> None:
        fields = dict(point.fields)
        numeric = {name: value for name, value in fields.items() if not isinstance(value, str)}
        series = series_of(point.measurement, point.tags, list(numeric))
        self._strings += len(fields) - len(numeric)
        time_ms = self._arrived_at_ms
        if point.time_ns is not None:
            time_ms = point.time_ns // _NS_PER_MS
        for labels, value in zip(series, numeric.values(), strict=True):
            self._strict.lines.append(line)
            self._strict.numbers.append(self._decoder._series.number(labels))
            self._strict.times_ms.append(time_ms)
            self._strict.values.append(float(value))
