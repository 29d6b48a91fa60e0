"""Numbers that stand in a text: all at once; what is not plainly one is left to others."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_FLOAT = r"^-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$"
_BOOLEANS = pa.array(["t", "T", "true", "True", "TRUE", "f", "F", "false", "False", "FALSE"])
_BOOLEAN_VALUES = np.repeat([1.0, 0.0], 5)
# Integers of so many digits fit into 64 bits, if they do not begin with a 9.
_DIGITS = 19

Positions = npt.NDArray[np.int64]


def is_digit(data: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Which bytes are digits."""
    digit: npt.NDArray[np.bool_] = (data - np.uint8(ord("0"))) <= 9
    return digit


def field_values(
    data: npt.NDArray[np.uint8], starts: Positions, ends: Positions
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """The floats, integers (``i``, ``u``) and booleans at ``[starts, ends)``, and which are none.

    Some that are valid are among those that are none: integers of 19 digits and more.
    """
    values = np.zeros(len(starts), np.float64)
    filled = ends > starts
    first = data[starts]
    last = data[np.maximum(ends - 1, starts)]
    numeric = filled & (is_digit(first) | (first == ord("-")) | (first == ord(".")))
    signed = last == ord("i")
    whole = numeric & (signed | ((last == ord("u")) & (first != ord("-"))))
    floating = numeric & (is_digit(last) | (last == ord(".")))
    logical = filled & ~numeric & (ends - starts <= 5)

    if whole.any():
        at = np.flatnonzero(whole)
        values[at], bad = integers(data, starts[at], ends[at] - 1)
        whole[at[bad]] = False
    if floating.any():
        at = np.flatnonzero(floating)
        values[at], bad = _floats(_texts(data, starts[at], ends[at]))
        floating[at[bad]] = False
    if logical.any():
        at = np.flatnonzero(logical)
        found = pc.index_in(_texts(data, starts[at], ends[at]), _BOOLEANS)
        places = found.fill_null(-1).to_numpy(zero_copy_only=False)
        values[at] = _BOOLEAN_VALUES[places]
        logical[at[places < 0]] = False
    return values, ~(whole | floating | logical)


def integers(
    data: npt.NDArray[np.uint8], starts: Positions, ends: Positions
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """The integers at ``[starts, ends)``, and which are none or too long to be sure of."""
    numbers = np.zeros(len(starts), np.int64)
    negative = data[np.minimum(starts, len(data) - 1)] == ord("-")
    others = np.concatenate([[0], np.cumsum(~is_digit(data))])
    sizes = ends - starts - negative
    good = (sizes > 0) & (others[ends] - others[starts] == negative)
    leading = data[np.minimum(starts + negative, len(data) - 1)]
    good &= (sizes < _DIGITS) | ((sizes == _DIGITS) & (leading != ord("9")))
    if good.any():
        texts = _texts(data, starts[good], ends[good])
        numbers[good] = pc.cast(texts, pa.int64()).to_numpy(zero_copy_only=False)
    return numbers, ~good


def _floats(texts: pa.StringArray) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    try:
        numbers = pc.cast(texts, pa.float64()).to_numpy(zero_copy_only=False)
        return numbers, ~np.isfinite(numbers)
    except pa.ArrowInvalid:
        pass
    fits = pc.match_substring_regex(texts, _FLOAT)
    read = pc.cast(pc.if_else(fits, texts, "0"), pa.float64())
    numbers = read.to_numpy(zero_copy_only=False)
    return numbers, ~(fits.to_numpy(zero_copy_only=False) & np.isfinite(numbers))


def _texts(data: npt.NDArray[np.uint8], starts: Positions, ends: Positions) -> pa.StringArray:
    # Texts and the gaps between them take turns; every other one is taken.
    edges = np.empty(2 * len(starts), np.int32)
    edges[0::2] = starts
    edges[1::2] = ends
    count = len(edges) - 1
    both = pa.StringArray.from_buffers(count, pa.py_buffer(edges), pa.py_buffer(data))
    return both.take(pa.array(np.arange(0, count, 2)))
