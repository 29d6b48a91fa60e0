"""A block of a followed file → whole records, and how many bytes they took."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from madang.collect.lines import NEWLINE, from_bounds, lengths_of, split_lines
from madang.core.errors import InvalidInputError
from madang.project import MultilineSpec

MAX_RECORD_BYTES = 16 * 2**20
"""A longer line is cut here, into records of a batch with the attribute ``split``."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Records from the start of a block.

    ``values`` (binary, no nulls) took the block's first ``consumed`` bytes; what is behind them is
    not finished yet. ``split``: the one value is a piece of a record that is too long.
    """

    values: pa.BinaryArray
    consumed: int
    split: bool = False


class LineFraming:
    """Each line is a record; blank lines are none.

    Args:
        charset: ``utf-16-le`` and ``utf-16-be`` are turned into UTF-8, anything else passes as is.
    """

    def __init__(self, charset: str = "utf-8") -> None:
        self._wide = charset if charset.startswith("utf-16") else None

    def cut(self, block: bytes, *, final: bool) -> Cut:
        """The lines of ``block`` that are whole, or with ``final`` all of it."""
        end = len(block) if final else self._last_newline(block)
        if end == 0 and len(block) >= MAX_RECORD_BYTES:
            piece = self._text(block[:MAX_RECORD_BYTES])
            return Cut(pa.array([piece], pa.binary()), MAX_RECORD_BYTES, split=True)
        if end == 0:
            return Cut(pa.array([], pa.binary()), 0)
        text = block if end == len(block) else memoryview(block)[:end]
        return Cut(split_lines(self._text(text)), end)

    def _last_newline(self, block: bytes) -> int:
        if self._wide is None:
            return block.rfind(b"\n") + 1
        newline = "\n".encode(self._wide)
        at = block.rfind(newline)
        while at > 0 and at % 2 == 1:  # across two characters, such as U+0A00
            at = block.rfind(newline, 0, at + 1)
        return at + 2 if at >= 0 else 0

    def _text(self, block: bytes | memoryview) -> bytes | memoryview:
        if self._wide is None:
            return block
        text = str(block, self._wide, "replace").removeprefix("\ufeff")
        return text.encode("utf-8")


class MultilineFraming:
    """Several lines make a record: one that matches ``start``, and those behind it that do not.

    Raises:
        InvalidInputError: the pattern is not a regular expression.
    """

    def __init__(self, spec: MultilineSpec) -> None:
        self._max_lines = spec.max_lines
        self._pattern = spec.start
        try:
            self._compiled = re.compile(spec.start.encode())
        except re.error as error:
            raise InvalidInputError(
                f"multiline.start {spec.start!r} is not a regular expression: {error}"
            ) from None
        self._vectorised = _re2_knows(spec.start)

    def cut(self, block: bytes, *, final: bool) -> Cut:
        """The records of ``block`` behind which another begins, or with ``final`` all of it."""
        end = len(block) if final else block.rfind(b"\n") + 1
        if end == 0 and len(block) >= MAX_RECORD_BYTES:
            piece = block[:MAX_RECORD_BYTES]
            return Cut(pa.array([piece], pa.binary()), MAX_RECORD_BYTES, split=True)
        if end == 0:
            return Cut(pa.array([], pa.binary()), 0)
        array = np.frombuffer(block, np.uint8, end)
        line_ends = np.flatnonzero(array == NEWLINE) + 1
        if len(line_ends) == 0 or line_ends[-1] != end:
            line_ends = np.append(line_ends, end)
        line_starts = np.concatenate([[0], line_ends[:-1]])
        first = self._record_starts(block, line_starts, line_ends)
        starts = line_starts[first]
        if not final and len(block) < MAX_RECORD_BYTES:
            # The last record may go on, unless it is full.
            lines_in_last = len(line_starts) - first[-1]
            if lines_in_last < self._max_lines:
                end = int(starts[-1])
                starts = starts[:-1]
        if len(starts) == 0:
            return Cut(pa.array([], pa.binary()), 0)
        ends = np.append(starts[1:], end)
        values = from_bounds(pa.py_buffer(block), *_without_line_end(array, starts, ends))
        lengths = lengths_of(values)
        if not lengths.all():
            values = values.filter(pa.array(lengths > 0))
        return Cut(values, end)

    def _record_starts(
        self, block: bytes, line_starts: np.ndarray, line_ends: np.ndarray
    ) -> np.ndarray:
        """Indexes of the lines that begin a record; the first line always does."""
        array = np.frombuffer(block, np.uint8)
        bounds = _without_line_end(array, line_starts, line_ends)
        lines = from_bounds(pa.py_buffer(block), *bounds)
        if self._vectorised:
            begins = pc.match_substring_regex(lines, self._pattern).to_numpy(zero_copy_only=False)
        else:
            search = self._compiled.search
            begins = np.fromiter((search(line) is not None for line in lines.to_pylist()), bool)
        begins[0] = True
        index = np.arange(len(begins))
        inside = index - np.maximum.accumulate(np.where(begins, index, 0))
        return np.flatnonzero(inside % self._max_lines == 0)


def _without_line_end(
    array: np.ndarray, starts: np.ndarray, ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    ends = ends - ((ends > starts) & (array[np.maximum(ends, 1) - 1] == NEWLINE))
    ends = ends - ((ends > starts) & (array[np.maximum(ends, 1) - 1] == 13))
    return starts, ends


def _re2_knows(pattern: str) -> bool:
    """Whether Arrow's engine takes the pattern (it has no look-around and no back-references)."""
    try:
        pc.match_substring_regex(pa.array([b""], pa.binary()), pattern)
    except pa.ArrowException:
        return False
    return True
