"""Dead letters for the eyes of people: listed, and counted by reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from madang.operate.replay import Taken, taken
from madang.server.records import encode_value, show_time
from madang.stream import Chunk, LogStream

_COUNT_BYTES = 64 * 2**20
_READ_BYTES = 8 * 2**20
_PARTITION = 0
"""Dead letters have one partition: they are few, and their order is that of delivery."""


def listed(dead: LogStream, limit: int, before: int | None) -> list[dict[str, Any]]:
    """At most ``limit`` dead letters below offset ``before``, newest first."""
    bounds = dead.bounds(_PARTITION)
    end = bounds.end if before is None else min(before, bounds.end)
    start = max(bounds.earliest, end - limit)
    done = taken(dead)
    rows: list[dict[str, Any]] = []
    for chunk in _chunks(dead, start, end):
        columns = {name: chunk.batch.column(name).to_pylist() for name in _SHOWN}
        stamps = chunk.batch.column("ts").cast(pa.int64()).to_pylist()
        rows += [
            {
                "offset": chunk.base_offset + position,
                "ts": show_time(stamps[position]),
                "stream": columns["stream"][position],
                "partition": columns["partition"][position],
                "source_offset": columns["offset"][position],
                "code": columns["code"][position],
                "replayed": chunk.base_offset + position < done.reached(columns["code"][position]),
                "reason": columns["reason"][position],
                "attributes": dict(columns["attributes"][position] or ()),
                **encode_value(columns["value"][position]),
            }
            for position in range(chunk.batch.num_rows)
        ]
    return rows[::-1]


def reasons(dead: LogStream) -> tuple[list[dict[str, Any]], bool]:
    """Dead letters by code, most frequent first, and whether all were counted.

    Of more than 64 MiB, only the newest are.
    """
    bounds = dead.bounds(_PARTITION)
    count = bounds.end - bounds.earliest
    start = bounds.earliest
    if bounds.size_bytes > _COUNT_BYTES and count:
        start = bounds.end - max(1, count * _COUNT_BYTES // bounds.size_bytes)
    table = _columns(dead, start, bounds.end, ["code", "reason", "ts"])
    if table is None:
        return [], True
    left = Counter(_left(table, taken(dead))["code"].to_pylist())
    grouped = table.group_by("code", use_threads=False).aggregate(
        [("code", "count"), ("ts", "max"), ("reason", "last")]
    )
    micros = grouped["ts_max"].cast(pa.int64()).to_pylist()
    rows = [
        {
            "code": code,
            "reason": reason,
            "count": number,
            "waiting": left[code],
            "last_at": show_time(last_us),
        }
        for code, reason, number, last_us in zip(
            grouped["code"].to_pylist(),
            grouped["reason_last"].to_pylist(),
            grouped["code_count"].to_pylist(),
            micros,
            strict=True,
        )
    ]
    return sorted(rows, key=lambda row: -row["count"]), start == bounds.earliest


def waiting(dead: LogStream, done: Taken) -> int:
    """How many dead letters were not replayed; reads letters where a code was replayed alone."""
    end = dead.bounds(_PARTITION).end
    if not done.further:
        return max(0, end - done.below)
    ahead = min(end, max(done.further.values()))
    table = _columns(dead, done.below, ahead, ["code"])
    return end - ahead + (0 if table is None else _left(table, done).num_rows)


_SHOWN = ("stream", "partition", "offset", "code", "reason", "attributes", "value")


def _columns(dead: LogStream, start: int, end: int, names: list[str]) -> pa.Table | None:
    """Columns of the letters from ``start`` to ``end``, with their offset as ``_offset``."""
    batches = []
    for chunk in _chunks(dead, start, end):
        first = chunk.base_offset
        offsets = pa.array(range(first, first + chunk.batch.num_rows), pa.int64())
        batches.append(chunk.batch.select(names).append_column("_offset", offsets))
    return pa.Table.from_batches(batches) if batches else None


def _left(letters: pa.Table, done: Taken) -> pa.Table:
    """Those that were not replayed."""
    reached = {code: done.reached(code) for code in pc.unique(letters["code"]).to_pylist()}
    least = pc.index_in(letters["code"], value_set=pa.array(list(reached), pa.string()))
    offsets = pa.array(list(reached.values()), pa.int64()).take(least.combine_chunks())
    return letters.filter(pc.greater_equal(letters["_offset"], offsets))


def _chunks(dead: LogStream, start: int, end: int) -> Iterator[Chunk]:
    """Chunks from ``start`` to ``end``."""
    offset = start
    while offset < end:
        found = dead.read(_PARTITION, offset, max_bytes=_READ_BYTES)
        if not found:
            return
        for chunk in found:
            size = min(chunk.batch.num_rows, end - chunk.base_offset)
            if size > 0:
                batch = chunk.batch.slice(0, size)
                yield replace(chunk, batch=batch)
            offset = chunk.end_offset
