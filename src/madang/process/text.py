"""Bytes as text: UTF-8 that is proven, the end of the line cut off."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from madang.process.parsed import Dead, Rows

_BLOCK_ROWS = 64
"""Rows up to which looking at each is quicker than halving on."""


def as_text(value: pa.Array, rows: Rows) -> tuple[pa.Array, Rows, list[Dead]]:
    """The records ``rows`` of ``value`` (binary) that are UTF-8, as strings.

    Returns:
        The text, the rows that it belongs to, and the records that are no text.
    """
    if len(rows) != len(value):
        value = value.take(pa.array(rows))
    try:
        return value.cast(pa.string()), rows, []
    except pa.ArrowInvalid:
        bad: list[int] = []
        _find_bad(value, 0, bad)
    dead = [Dead(int(rows[row]), "invalid_utf8", _reason(value[row].as_py())) for row in bad]
    good = np.ones(len(value), np.bool_)
    good[bad] = False
    return value.filter(pa.array(good)).cast(pa.string()), rows[good], dead


def _find_bad(value: pa.Array, start: int, bad: list[int]) -> None:
    if len(value) <= _BLOCK_ROWS:
        for row, record in enumerate(value.to_pylist(), start):
            try:
                record.decode()
            except UnicodeDecodeError:
                bad.append(row)
        return
    try:
        value.cast(pa.string())
    except pa.ArrowInvalid:
        middle = len(value) // 2
        _find_bad(value.slice(0, middle), start, bad)
        _find_bad(value.slice(middle), start + middle, bad)


def _reason(value: bytes) -> str:
    try:
        value.decode()
    except UnicodeDecodeError as error:
        return f"at byte {error.start}: {error.reason} (0x{value[error.start]:02x})"
    return "not UTF-8"


def trim_line_ends(text: pa.Array) -> pa.Array:
    """``text`` without the line feeds and carriage returns at its end."""
    return pc.utf8_rtrim(text, characters="\r\n")
