"""Why a text is no JSON: what DuckDB does not say, or is too kind to see."""

from __future__ import annotations

import json
import re
from typing import NoReturn

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

_COMMA = re.compile(r",[ \t\r\n]*[\]}]")
_BLOCK_BYTES = 2**17
"""Bytes that are looked at at once; they stay in the cache."""
_KINDS = {"[": "array", '"': "string", "t": "boolean", "f": "boolean", "n": "null"}


class NotJsonError(ValueError):
    """A text that DuckDB takes for JSON and that is none."""


def trailing_commas(text: pa.Array) -> list[int]:
    """Rows that may have a comma before a closing bracket, which DuckDB reads over."""
    if not pc.any(pc.greater(pc.binary_length(text), 0)).as_py():
        return []
    offsets = np.frombuffer(text.buffers()[1], np.int32)[text.offset : text.offset + len(text) + 1]
    data = np.frombuffer(text.buffers()[2], np.uint8)[offsets[0] : offsets[-1]]
    found = []
    for start in range(0, len(data), _BLOCK_BYTES):
        block = data[start : start + _BLOCK_BYTES]
        # ``]`` and ``}`` differ in the bit 0x20 only.
        closing = np.flatnonzero((block | 0x20) == 0x7D) + start
        before = data[np.maximum(closing, 1) - 1]
        found.append(closing[(before == 0x2C) | (before <= 0x20)])
    suspects = np.concatenate(found)
    rows = np.unique(np.searchsorted(offsets, suspects + offsets[0], side="right") - 1)
    return [int(row) for row in rows if _COMMA.search(text[int(row)].as_py())]


def strictly_invalid(record: str) -> str | None:
    """Why ``record``, which DuckDB takes for JSON, is none; None if it is.

    For records that something is suspected of: where they are nested too deeply to tell, that is
    the reason.
    """
    try:
        json.loads(record, parse_constant=refuse_constant, parse_int=len, parse_float=len)
    except RecursionError:
        return "nested too deeply to be checked"
    except json.JSONDecodeError as error:
        return _at(record, error.pos, error.msg)
    except NotJsonError as error:
        return str(error)
    return None


def why_invalid(record: str) -> str:
    """What is wrong with a text that is no JSON, with the byte where it shows."""
    if not record.strip():
        return "empty"
    try:
        orjson.loads(record)
    except orjson.JSONDecodeError as error:
        return _at(record, error.pos, error.msg.split(": line ")[0])
    return strictly_invalid(record) or "not JSON"


def type_name(record: str) -> str:
    """The JSON type of a valid JSON text, in words."""
    return _KINDS.get(record.lstrip()[:1], "number")


def refuse_constant(constant: str) -> NoReturn:
    """For ``parse_constant``: NaN and Infinity are no JSON.

    Raises:
        NotJsonError: always.
    """
    raise NotJsonError(f"{constant} is no JSON number")


def _at(record: str, position: int, message: str) -> str:
    return f"at byte {len(record[:position].encode())}: {message}"
