"""CSV text → records: a line, or several where a quoted field holds line ends."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from madang.collect.lines import NEWLINE, from_bounds, lengths_of, split_lines
from madang.core.errors import InvalidInputError

_QUOTE = 34
_CARRIAGE_RETURN = 13


def split_csv(body: bytes | memoryview, *, with_header: bool) -> tuple[pa.BinaryArray, str | None]:
    """The records of a CSV text, and its header line.

    A line end inside quotes belongs to the field: it ends a record only behind an even number of
    quotes (RFC 4180; a doubled quote inside a field counts twice). Where a quote is never closed,
    the lines behind it are records each, so that a stray one costs its own record and not the rest.

    Raises:
        InvalidInputError: the header is not UTF-8, or there is nothing else.
    """
    records = _records(body)
    if not with_header or len(records) == 0:
        return records, None
    try:
        header = records[0].as_py().decode()
    except UnicodeDecodeError as error:
        raise InvalidInputError(
            f"the header line is not UTF-8: {error}", hint="name the charset in Content-Type"
        ) from None
    if len(records) == 1:
        raise InvalidInputError(
            f"the body holds a header ({header[:100]!r}) and no record",
            hint="name the columns as header: in the stream's file if the input has no header line",
        )
    return records[1:], header


def _records(body: bytes | memoryview) -> pa.BinaryArray:
    array = np.frombuffer(body, np.uint8)
    quotes = np.flatnonzero(array == _QUOTE)
    if len(quotes) == 0:
        return split_lines(body)
    newlines = np.flatnonzero(array == NEWLINE)
    ends = newlines[np.searchsorted(quotes, newlines) % 2 == 0]
    if len(quotes) % 2:
        # Never closed: the newlines behind the last record end count all, as in a plain text.
        behind = ends[-1] if len(ends) else -1
        ends = np.concatenate([ends, newlines[newlines > behind]])
    if len(ends) == 0 or ends[-1] != len(array) - 1:
        ends = np.append(ends, len(array))
    starts = np.concatenate([[0], ends[:-1] + 1])
    ends = ends - ((ends > starts) & (array[np.maximum(ends, 1) - 1] == _CARRIAGE_RETURN))
    records = from_bounds(pa.py_buffer(body), starts, ends)
    lengths = lengths_of(records)
    return records if lengths.all() else records.filter(pa.array(lengths > 0))
