"""A JSON body → its records' exact bytes: the elements of an array, or the one object."""

from __future__ import annotations

import msgspec
import numpy as np
import pyarrow as pa

from madang.collect.bodies.limits import MAX_RECORDS, check_lines, check_records
from madang.collect.lines import from_bounds, split_lines
from madang.core.errors import InvalidInputError, TooLargeError
from madang.core.units import format_size

_BLANK = b" \t\r\n"
_ELEMENTS = msgspec.json.Decoder(type=list[msgspec.Raw])
_VALUE = msgspec.json.Decoder(type=msgspec.Raw)
_SCAN_LIMIT_BYTES = 16 * 2**20
_BLOCK_BYTES = 2**20
_RUN = 65_536
"""Elements that are copied at once."""
_QUOTE, _BACKSLASH, _COMMA, _SPACE = 34, 92, 44, 32
_OPEN, _CLOSE = (91, 123), (93, 125)
_STEPS = np.zeros(256, np.int8)
_STEPS[list(_OPEN)] = 1
_STEPS[list(_CLOSE)] = -1
_MARKS = _STEPS != 0
_MARKS[_COMMA] = True


def split_json(body: bytes | memoryview) -> pa.BinaryArray:
    """The elements of a JSON array, or the whole of another JSON value, byte for byte.

    Numbers beyond 64 bits, repeated keys and odd spacing come through untouched. An element that is
    not JSON (``NaN``, invalid UTF-8, 10,000 levels) is cut out by its brackets and quotes instead,
    and left for delivery to judge. Several objects one after another count as NDJSON.

    Raises:
        InvalidInputError: an array whose elements cannot be told apart.
        TooLargeError: such an array in more than 16 MiB, or more than two million elements.
    """
    text = bytes(body).strip(_BLANK)
    if text.startswith(b"["):
        # Counting what may be elements is cheap; only where there are many, they are told apart.
        if len(text) > MAX_RECORDS and text.count(b",") >= MAX_RECORDS:
            check_records(_elements_up_to(text, MAX_RECORDS + 1), "elements")
        try:
            elements = _ELEMENTS.decode(text)
        except (msgspec.MsgspecError, RecursionError) as error:
            return _scan_array(text, error)
        parts = [
            pa.array([bytes(element) for element in elements[start : start + _RUN]], pa.binary())
            for start in range(0, len(elements), _RUN)
        ]
        return pa.concat_arrays(parts) if parts else pa.array([], pa.binary())
    try:
        _VALUE.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        if b"\n" in text and not _is_one_value(text):
            check_lines(text)
            return split_lines(text)
    return pa.array([text] if text else [], pa.binary())


def _scan_array(text: bytes, cause: Exception) -> pa.BinaryArray:
    if len(text) > _SCAN_LIMIT_BYTES:
        raise TooLargeError(
            f"a JSON array of {format_size(len(text))} with broken elements ({cause})",
            hint="send newline-delimited JSON, where each line stands for itself",
        )
    marks, steps, depths = _structure(text)
    commas = marks[(steps == 0) & (depths == 1)]
    whole = text.endswith(b"]") and depths[-1] == 0 and marks[-1] == len(text) - 1
    if not whole or (depths[:-1] < 1).any():
        raise InvalidInputError(
            f"the JSON array is broken: {cause}",
            hint="send newline-delimited JSON, where each line stands for itself",
        )
    array = np.frombuffer(text, np.uint8)
    starts = np.concatenate([[1], commas + 1])
    ends = np.append(commas, len(text) - 1)
    starts, ends = _stripped(array, starts, ends)
    return from_bounds(pa.py_buffer(text), starts, ends)


def _is_one_value(text: bytes) -> bool:
    """Whether the brackets of ``text`` close no earlier than at its end."""
    if len(text) > _SCAN_LIMIT_BYTES:
        return False
    marks, _, depths = _structure(text)
    return len(marks) > 0 and bool((depths[:-1] > 0).all())


def _elements_up_to(text: bytes, most: int) -> int:
    """The number of elements of the array ``text``, block by block; at least ``most`` if more."""
    depth, inside, escaped, count = 0, 0, False, 1
    for start in range(0, len(text), _BLOCK_BYTES):
        block = text[start : start + _BLOCK_BYTES]
        array = np.frombuffer(block, np.uint8)
        if escaped:
            array = array.copy()
            array[0] = _SPACE
        escaped = bool((len(block) - len(array.tobytes().rstrip(b"\\"))) % 2)
        marks = array == _QUOTE
        if b"\\" in block:
            marks = np.zeros(len(array), np.bool_)
            marks[_quotes(array)] = True
        strings = np.bitwise_xor.accumulate(marks.view(np.uint8)) ^ inside
        inside = int(strings[-1])
        steps = np.where(strings == 0, _STEPS[array], 0)
        depths = np.cumsum(steps, dtype=np.int32) + depth
        depth = int(depths[-1])
        count += int(np.count_nonzero((array == _COMMA) & (strings == 0) & (depths == 1)))
        if count >= most:
            break
    return count


def _structure(text: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Brackets and commas outside strings: positions, steps (+1, -1, 0), depth behind each."""
    array = np.frombuffer(text, np.uint8)
    quotes = _quotes(array)
    marks = np.flatnonzero(_MARKS[array])
    marks = marks[np.searchsorted(quotes, marks) % 2 == 0]
    steps = _STEPS[array[marks]]
    return marks, steps, np.cumsum(steps, dtype=np.int32)


def _quotes(array: np.ndarray) -> np.ndarray:
    """Where quotes stand that are not escaped."""
    quotes = np.flatnonzero(array == _QUOTE)
    slashes = np.flatnonzero(array == _BACKSLASH)
    if len(slashes) and len(quotes):
        # A quote behind an odd run of backslashes is escaped.
        first = np.concatenate([[True], np.diff(slashes) != 1])
        starts = slashes[first]
        ends = slashes[np.append(first[1:], True)]
        run = np.searchsorted(ends, quotes) - 1
        run_end = ends[np.maximum(run, 0)]
        touching = (run >= 0) & (run_end == quotes - 1)
        odd = (run_end - starts[np.maximum(run, 0)]) % 2 == 0
        quotes = quotes[~(touching & odd)]
    return quotes


def _stripped(
    array: np.ndarray, starts: np.ndarray, ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The bounds without the blanks at either side."""
    solid = np.flatnonzero((array != 32) & ((array < 9) | (array > 13)))
    first = np.searchsorted(solid, starts)
    last = np.searchsorted(solid, ends) - 1
    empty = first > last
    first, last = np.minimum(first, len(solid) - 1), np.maximum(last, 0)
    return np.where(empty, starts, solid[first]), np.where(empty, starts, solid[last] + 1)
