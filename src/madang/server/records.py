"""Records of a stream as JSON rows, for the eyes of people: at most a thousand at once."""

from __future__ import annotations

import base64
import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa

from madang.core.clock import from_us
from madang.core.samples import SAMPLES_SCHEMA
from madang.stream import RECORD_SCHEMA, Chunk, LogStream

MAX_VALUE_BYTES = 64 * 1024
_READ_BYTES = 8 * 2**20
_TS = RECORD_SCHEMA.field("ts").type

Row = dict[str, Any]
Sight = Callable[[pa.RecordBatch], pa.BooleanArray]
"""Which records of a batch somebody may see."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Some records and where to go on: partition → offset."""

    rows: list[Row]
    next: dict[int, int]


Names = Callable[[pa.RecordBatch], list[Row]]
"""What is known of each sample of a batch, by the number of its series."""


def newest(
    stream: LogStream,
    partitions: list[int],
    limit: int,
    sight: Sight | None = None,
    names: Names | None = None,
) -> Slice:
    """The newest ``limit`` records of the partitions, in order of arrival; those in ``sight``.

    Samples are shown with their ``names``.
    """
    runs: list[list[Row]] = []
    ends: dict[int, int] = {}
    for part in partitions:
        bounds = stream.bounds(part)
        rows, ends[part] = _take(
            stream, part, max(bounds.earliest, bounds.end - limit), limit, sight, names
        )
        runs.append(rows)
    return Slice(_merged(runs)[-limit:], ends)


def forward(
    stream: LogStream,
    starts: Mapping[int, int],
    limit: int,
    sight: Sight | None = None,
    names: Names | None = None,
) -> Slice:
    """At most ``limit`` records from the offsets on, in order of arrival; those in ``sight``.

    Samples are shown with their ``names``.
    """
    runs: list[list[Row]] = []
    ends: dict[int, int] = {}
    for part, start in starts.items():
        rows, ends[part] = _take(stream, part, start, limit, sight, names)
        runs.append(rows)
    merged = _merged(runs)
    # Where not everything was chosen, the next read begins with the first that was not.
    for row in reversed(merged[limit:]):
        ends[row["partition"]] = row["offset"]
    return Slice(merged[:limit], ends)


def _merged(runs: list[list[Row]]) -> list[Row]:
    # A merge keeps each partition's order even where clocks or producers' times do not.
    return list(heapq.merge(*runs, key=_arrival))


def _take(  # noqa: PLR0917 - what is read, and how it is shown
    stream: LogStream,
    part: int,
    start: int,
    limit: int,
    sight: Sight | None,
    names: Names | None,
) -> tuple[list[Row], int]:
    rows: list[Row] = []
    offset, looked_at = start, 0
    while looked_at < limit:
        chunks = stream.read(part, offset, max_bytes=_READ_BYTES)
        if not chunks:
            break
        for chunk in chunks:
            wanted = limit - looked_at
            if wanted <= 0:
                break
            rows += chunk_rows(chunk, wanted, sight, names)
            looked_at += min(wanted, chunk.batch.num_rows)
            offset = min(chunk.end_offset, chunk.base_offset + wanted)
    return rows, offset


def chunk_rows(
    chunk: Chunk, limit: int, sight: Sight | None = None, names: Names | None = None
) -> list[Row]:
    """The first ``limit`` records of a chunk; those in ``sight``."""
    batch = chunk.batch.slice(0, limit)
    if batch.schema.equals(RECORD_SCHEMA):
        rows = _raw_rows(chunk, batch)
    elif names is not None and batch.schema.equals(SAMPLES_SCHEMA):
        rows = _typed_rows(chunk, batch, names(batch))
    else:
        rows = _typed_rows(chunk, batch)
    if sight is None:
        return rows
    return [row for row, seen in zip(rows, sight(batch).to_pylist(), strict=True) if seen]


def encode_value(value: bytes) -> dict[str, Any]:
    """``value``, ``encoding`` and ``size_bytes`` of raw bytes; long ones are cut."""
    shown = value[:MAX_VALUE_BYTES]
    size_bytes = len(value)
    try:
        return {"value": shown.decode(), "encoding": "utf8", "size_bytes": size_bytes}
    except UnicodeDecodeError as error:
        # A cut may fall within a character; that alone does not make it binary.
        if size_bytes > len(shown) and error.start >= len(shown) - 3:
            return {
                "value": shown[: error.start].decode(),
                "encoding": "utf8",
                "size_bytes": size_bytes,
            }
    text = base64.b64encode(shown).decode()
    return {"value": text, "encoding": "base64", "size_bytes": size_bytes}


def show_time(us: int) -> str:
    """A time as the API writes it; years that a datetime cannot hold are cut to its ends."""
    least, most = -62_135_596_800_000_000, 253_402_300_799_999_999
    return from_us(min(max(us, least), most)).isoformat(timespec="microseconds")


def _raw_rows(chunk: Chunk, batch: pa.RecordBatch) -> list[Row]:
    stamps = batch.column("ts").cast(pa.int64()).to_pylist()
    keys = batch.column("key").to_pylist()
    headers = batch.column("headers").to_pylist()
    attributes = dict(chunk.attributes)
    return [
        {
            "partition": chunk.partition,
            "offset": chunk.base_offset + position,
            "ts": show_time(stamp),
            "key": None if key is None else key.decode("utf-8", "backslashreplace"),
            **encode_value(value),
            "attributes": {**attributes, **dict(header)} if header else attributes,
        }
        for position, (stamp, key, header, value) in enumerate(
            zip(stamps, keys, headers, batch.column("value").to_pylist(), strict=True)
        )
    ]


def _typed_rows(
    chunk: Chunk, batch: pa.RecordBatch, named: Sequence[Row] | None = None
) -> list[Row]:
    shown = []
    attributes = dict(chunk.attributes)
    arrival = show_time(chunk.appended_at_us)
    plain = pa.RecordBatch.from_arrays(
        [_plain(column) for column in batch.columns], names=batch.schema.names
    )
    stamps: list[str] = [arrival] * batch.num_rows
    if "ts" in batch.schema.names and pa.types.is_timestamp(batch.schema.field("ts").type):
        micros = batch.column("ts").cast(_TS, safe=False).cast(pa.int64()).to_pylist()
        stamps = [arrival if us is None else show_time(us) for us in micros]
    for position, row in enumerate(plain.to_pylist()):
        # What a sample is comes first; its labels as bytes would say no more.
        told = row
        if named is not None:
            told = {**named[position], "value": row["value"]}
            told |= {key: value for key, value in row.items() if key != "labels"}
        text = orjson.dumps(told, default=str, option=orjson.OPT_NON_STR_KEYS)
        shown.append(
            {
                "partition": chunk.partition,
                "offset": chunk.base_offset + position,
                "ts": stamps[position],
                "key": None,
                **encode_value(text),
                "attributes": attributes,
            }
        )
    return shown


def _plain(column: pa.Array) -> pa.Array:
    """Times as microseconds' text and bytes as text, so that no value stops the others."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        micros = column.cast(pa.timestamp("us", kind.tz), safe=False).cast(pa.int64())
        return pa.array([None if us is None else show_time(us) for us in micros.to_pylist()])
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return pa.array(
            [
                None if raw is None else raw.decode("utf-8", "backslashreplace")
                for raw in column.to_pylist()
            ],
            pa.string(),
        )
    return column


def _arrival(row: Row) -> str:
    return str(row["ts"])
