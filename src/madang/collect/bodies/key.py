"""The key column of JSON records."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from operator import attrgetter
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from madang.collect.bodies.engine import column_of


def extract_keys(values: pa.BinaryArray, field: str) -> pa.BinaryArray:
    """The text of ``field`` (a dotted path) in each JSON record; null where there is none.

    Records that are not JSON or not UTF-8 have no key.
    """
    parts = field.replace('"', "").split(".")
    # Where every record is sound and its key a string, msgspec is six times faster than DuckDB.
    try:
        joined = pc.binary_join(_as_one_list(values), b"\n")[0].as_buffer()
        found = _decoder(tuple(parts)).decode_lines(memoryview(joined))
        if len(found) == len(values):
            return pa.array(map(_getter(len(parts)), found), pa.string()).cast(pa.binary())
    except (msgspec.MsgspecError, UnicodeError, RecursionError, AttributeError):
        pass
    path = "$" + "".join(f'."{part}"' for part in parts)
    return column_of(
        pa.table({"value": values}),
        "SELECT encode(CASE WHEN json_valid(text) THEN json_extract_string(text, $path) END)"
        " FROM (SELECT TRY(decode(value)) AS text FROM rows)",
        {"path": path},
    ).cast(pa.binary())


def _as_one_list(values: pa.BinaryArray) -> pa.ListArray:
    return pa.ListArray.from_arrays(pa.array([0, len(values)], pa.int32()), values)


@lru_cache(maxsize=256)
def _decoder(parts: tuple[str, ...]) -> msgspec.json.Decoder[msgspec.Struct]:
    kind: Any = str
    for part in reversed(parts):
        kind = msgspec.defstruct("Keyed", [("part", kind)], rename={"part": part}, gc=False)
    return msgspec.json.Decoder(kind)


@lru_cache(maxsize=16)
def _getter(depth: int) -> Callable[[msgspec.Struct], str]:
    return attrgetter(".".join(["part"] * depth))
