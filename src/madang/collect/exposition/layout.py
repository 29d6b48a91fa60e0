"""Where things are in a page: compared with the page before in bulk, as most pages repeat it.

A page is cut at its newlines, and each line into its *key* (a series and the blanks behind it, or
all of a line that is no sample) and its *tail* (value, and what follows it). If all keys are those
of the page before, in their order, then only tails are read.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from madang.collect.exposition.page import Exemplar, PageLimits
from madang.core.errors import Place, TooLargeError

_NEWLINE = 10


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """A page's lines: ``body[starts[i]:ends[i]]``, int32 [n], without newlines."""

    body: bytes
    starts: npt.NDArray[np.int32]
    ends: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.starts)


def split_lines(body: bytes, limits: PageLimits) -> Lines:
    """Cut a page at its newlines; the last line may lack its own.

    Raises:
        TooLargeError: the page, a line or the number of lines is over its limit.
    """
    size = len(body)
    if size > limits.body_bytes:
        raise _too_large(f"the page has {size} bytes, {limits.body_bytes} are allowed")
    is_newline = np.frombuffer(body, np.uint8) == _NEWLINE
    count = int(np.count_nonzero(is_newline)) + (not body.endswith(b"\n") and size > 0)
    if count > limits.lines:
        raise _too_large(f"the page has {count} lines, {limits.lines} are allowed")
    ends = np.empty(count, np.int32)
    newlines = np.flatnonzero(is_newline)
    ends[: len(newlines)] = newlines
    ends[len(newlines) :] = size
    starts = np.empty(count, np.int32)
    starts[:1] = 0
    starts[1:] = ends[:-1] + 1
    if count:
        longest = int((ends - starts).max())
        if longest > limits.line_bytes:
            line = int((ends - starts).argmax()) + 1
            message = f"the line has {longest} bytes, {limits.line_bytes} are allowed"
            raise _too_large(message, line)
    return Lines(body, starts, ends)


def _too_large(message: str, line: int = 0) -> TooLargeError:
    return TooLargeError(message, where=Place("page", line))


@dataclass(slots=True, eq=False)
class Layout:
    """The page before, ready to be compared with the next.

    ``key_sizes`` is int32 [lines]; ``samples`` int32 [m] the lines that hold samples, ``series``
    their series, of which ``kept`` (None: all) are in the page as ``page_series``; ``repeats`` says
    that a series is there more than once, be it at several times. ``values`` are those of all m
    samples, or None if the page had times; ``exemplars`` have places among the m. ``rest`` is what
    the format keeps beside.
    """

    lines: Lines
    pieces: pa.BinaryArray
    key_sizes: npt.NDArray[np.int32]
    samples: npt.NDArray[np.int32]
    series: npt.NDArray[np.int32]
    page_series: npt.NDArray[np.int32]
    kept: npt.NDArray[np.intp] | None
    repeats: bool
    values: npt.NDArray[np.float64] | None
    exemplars: list[Exemplar]
    rest: object

    def tails_of(self, lines: Lines) -> tuple[pa.BinaryArray, npt.NDArray[np.bool_]] | None:
        """The pieces of a page with the same keys, and whose tails changed; None for another page.

        Returns:
            The pieces, and bool [m] by sample: is its tail another.
        """
        if len(lines) != len(self.lines):
            return None
        middles = lines.starts + self.key_sizes
        if (middles > lines.ends).any():
            return None
        is_sample = np.zeros(len(lines), np.bool_)
        is_sample[self.samples] = True
        if not (is_sample | (middles == lines.ends)).all():  # a line that is no sample went on
            return None
        pieces = cut(lines, middles)
        equal = pc.equal(pieces, self.pieces).to_numpy(zero_copy_only=False)
        if not equal[::2].all():
            return None
        return pieces, ~equal[1::2][self.samples]


def cut(lines: Lines, middles: npt.NDArray[np.int32]) -> pa.BinaryArray:
    """Keys and tails by turns, as views of the page; a tail has its newline with it."""
    bounds = np.empty(2 * len(lines) + 1, np.int32)
    bounds[0:-1:2] = lines.starts
    bounds[1::2] = middles
    bounds[-1] = len(lines.body)
    buffers = [None, pa.py_buffer(bounds), pa.py_buffer(lines.body)]
    return pa.Array.from_buffers(pa.binary(), 2 * len(lines), buffers)


def first_of_each(
    series: npt.NDArray[np.int32], ts_ms: npt.NDArray[np.int64] | None, no_timestamp: int
) -> npt.NDArray[np.intp] | None:
    """Which samples stay: of one series at one time, or without times of their own, the first.

    Returns:
        Their places, or None if all stay.
    """
    count = len(series)
    if count == 0:
        return None
    first = np.empty(int(series.max()) + 1, np.int64)
    first[series[::-1]] = np.arange(count - 1, -1, -1)
    is_first = first[series] == np.arange(count)
    if is_first.all():
        return None
    if ts_ms is not None:
        order = np.lexsort((ts_ms, series))
        same = (np.diff(series[order]) == 0) & (np.diff(ts_ms[order]) == 0)
        at_a_new_time = np.ones(count, np.bool_)
        at_a_new_time[order[1:]] = ~same
        is_first |= (ts_ms != no_timestamp) & at_a_new_time
        if is_first.all():
            return None
    return np.flatnonzero(is_first)
