"""Bytes → lines as one Arrow array, in C: a body, or a block of a followed file."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

NEWLINE = 10
CARRIAGE_RETURN = 13


def split_lines(
    data: bytes | memoryview | pa.Buffer, *, keep_blank: bool = False
) -> pa.BinaryArray:
    """The lines of ``data`` without their line ends (LF or CRLF), in order.

    The last line may lack its newline. Blank lines are dropped unless asked for. Arrow's splitter
    copies each byte once and cuts the newline on the way: 250 KB of 1,000 lines take 65 µs, against
    42 µs for a view over the same buffer that keeps the newline and would have every reader trim.

    Args:
        data: At most 2 GiB - 1.
        keep_blank: Whether empty lines are records too.
    """
    buffer = data if isinstance(data, pa.Buffer) else pa.py_buffer(data)
    if buffer.size == 0:
        return pa.array([], pa.binary())
    bounds = np.array([0, buffer.size], np.int32)
    whole = pa.Array.from_buffers(pa.binary(), 1, [None, pa.py_buffer(bounds), buffer])
    lines = pc.split_pattern(whole, "\n").values
    if len(lines) and len(lines[-1].as_buffer()) == 0:  # behind the last newline is no line
        lines = lines[:-1]
    lines = _without_carriage_returns(lines)
    if not keep_blank:
        lengths = lengths_of(lines)
        if len(lengths) and not lengths.all():
            lines = lines.filter(pa.array(lengths > 0))
    return lines


def lengths_of(values: pa.BinaryArray) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    """Bytes of each value, as int32 [n]."""
    return np.diff(offsets_of(values))


def offsets_of(values: pa.BinaryArray) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    """Where each value begins in the data buffer, and the last one ends, as int32 [n + 1]."""
    if len(values) == 0:
        return np.zeros(1, np.int32)
    raw = np.frombuffer(values.buffers()[1], np.int32)
    return raw[values.offset : values.offset + len(values) + 1]


def from_bounds(data: pa.Buffer, starts: np.ndarray, ends: np.ndarray) -> pa.BinaryArray:
    """The slices ``data[starts[i]:ends[i]]``, which must not overlap and must be ascending.

    Copies only if there is something between the slices.
    """
    count = len(starts)
    if count == 0:
        return pa.array([], pa.binary())
    if np.array_equal(starts[1:], ends[:-1]):
        offsets = np.append(starts, ends[-1]).astype(np.int32)
        return pa.Array.from_buffers(pa.binary(), count, [None, pa.py_buffer(offsets), data])
    # Every other value of [slice, gap, slice, …]: Arrow copies the slices, a memcpy each.
    offsets = np.empty(2 * count, np.int32)
    offsets[0::2], offsets[1::2] = starts, ends
    both = pa.Array.from_buffers(pa.binary(), 2 * count - 1, [None, pa.py_buffer(offsets), data])
    return both.take(pa.array(np.arange(0, 2 * count, 2)))


def _without_carriage_returns(lines: pa.BinaryArray) -> pa.BinaryArray:
    offsets = offsets_of(lines)
    data = lines.buffers()[2]
    if data is None or data.size == 0 or len(lines) == 0:
        return lines
    array = np.frombuffer(data, np.uint8)
    starts, ends = offsets[:-1], offsets[1:]
    trailing = (ends > starts) & (array[np.maximum(ends, 1) - 1] == CARRIAGE_RETURN)
    if not trailing.any():
        return lines
    return from_bounds(data, starts, ends - trailing)
