"""What lines say beside values and time: it repeats from body to body, and tells their series."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from madang.collect.line_protocol.layout import names_of
from madang.collect.line_protocol.naming import series_of
from madang.collect.series_table import SeriesTable


class KnownTemplates:
    """Templates of plain lines, and the series of their fields by slot.

    The fields of a template have slots in a row, in their order in the line.
    """

    def __init__(self, series: SeriesTable) -> None:
        self._series = series
        self._firsts: dict[bytes, int] = {}
        self._slots = _Numbers()

    def first_slots(self, templates: list[bytes]) -> npt.NDArray[np.int64]:
        """The slot of each template's first field; -1: it is for the strict parser."""
        known = self._firsts
        if not all(map(known.__contains__, templates)):
            for template in dict.fromkeys(templates):
                if template not in known:
                    known[template] = self._learn(template)
                    self._series.note(template)
        return np.fromiter(map(known.__getitem__, templates), np.int64, len(templates))

    def _learn(self, template: bytes) -> int:
        if (names := names_of(template)) is None:
            return -1
        try:
            series = series_of(*names)
        except ValueError:
            return -1
        return self._slots.extend([self._series.number(labels) for labels in series])

    def numbers(self, slots: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The series' numbers of slots."""
        return self._slots.at(slots)


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
