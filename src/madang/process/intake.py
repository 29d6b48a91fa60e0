"""Chunks put together: those that are read in the same way are decoded as one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from madang.process.zones import EVENT_TIME
from madang.project.reading import READING
from madang.stream import RECORD_SCHEMA, Chunk

TS = "ts"
"""The column of a typed stream that becomes ``_time``."""

_MAX_BYTES = 2**30
"""Values of one batch; Arrow's binary type ends at 2 GiB."""
_DECIDING = ("format", "header", READING)
"""Attributes that decide how a record is read; the others only say where it came from."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Records that are read in the same way, in the order of the chunks.

    ``attributes`` are those of the first chunk; a record's own are ``origins[origin[row]]``.
    ``ordinal`` is a record's place among all records of the call. ``typed``: the columns of a typed
    stream, whose ``key`` and ``value`` are null and empty.
    """

    attributes: Mapping[str, str]
    origins: list[Mapping[str, str]]
    origin: npt.NDArray[np.int64]
    ts: pa.Array
    key: pa.Array
    value: pa.Array
    partition: npt.NDArray[np.int32]
    offset: npt.NDArray[np.int64]
    ordinal: npt.NDArray[np.int64]
    typed: pa.Table | None = None

    def take(self, rows: npt.NDArray[np.int64]) -> Batch:
        """Only these records."""
        indices = pa.array(rows)
        return replace(
            self,
            origin=self.origin[rows],
            ts=self.ts.take(indices),
            key=self.key.take(indices),
            value=self.value.take(indices),
            partition=self.partition[rows],
            offset=self.offset[rows],
            ordinal=self.ordinal[rows],
            typed=None if self.typed is None else self.typed.take(indices),
        )


def gather(chunks: Sequence[Chunk]) -> list[Batch]:
    """Batches of ``chunks``, in the order in which their ways of reading first appear."""
    groups: dict[tuple[object, ...], list[tuple[int, Chunk]]] = {}
    sizes: dict[tuple[object, ...], int] = {}
    ordinal = 0
    for chunk in chunks:
        raw = _is_raw(chunk)
        how: tuple[object, ...] = (raw, *(chunk.attributes.get(name) for name in _DECIDING))
        if not raw:
            how = (*how, tuple(chunk.batch.schema.names), *chunk.batch.schema.types)
        sizes[how] = sizes.get(how, 0) + chunk.batch.nbytes
        groups.setdefault((*how, sizes[how] // _MAX_BYTES), []).append((ordinal, chunk))
        ordinal += chunk.batch.num_rows
    return [_batch(group) for group in groups.values()]


def _batch(group: Sequence[tuple[int, Chunk]]) -> Batch:
    chunks = [chunk for _, chunk in group]
    counts = [chunk.batch.num_rows for chunk in chunks]
    is_raw = _is_raw(chunks[0])
    typed = None if is_raw else pa.Table.from_batches([chunk.batch for chunk in chunks])
    within = np.arange(sum(counts)) - np.repeat(np.cumsum([0, *counts[:-1]]), counts)
    return Batch(
        chunks[0].attributes,
        [chunk.attributes for chunk in chunks],
        np.repeat(np.arange(len(chunks)), counts),
        _column(chunks, "ts") if is_raw else _arrival(chunks, typed),
        _column(chunks, "key") if is_raw else pa.nulls(sum(counts), pa.binary()),
        _column(chunks, "value") if is_raw else pa.array([b""] * sum(counts), pa.binary()),
        np.repeat(np.array([chunk.partition for chunk in chunks], np.int32), counts),
        np.repeat(np.array([chunk.base_offset for chunk in chunks], np.int64), counts) + within,
        np.repeat(np.array([start for start, _ in group], np.int64), counts) + within,
        typed,
    )


def has_ts(schema: pa.Schema) -> bool:
    """Whether a typed stream's batch says its records' times itself."""
    return TS in schema.names and pa.types.is_timestamp(schema.field(TS).type)


def _is_raw(chunk: Chunk) -> bool:
    # By its types, too: a typed stream may call its columns like this.
    return bool(chunk.batch.schema.equals(RECORD_SCHEMA))


def _arrival(chunks: Sequence[Chunk], typed: pa.Table) -> pa.Array:
    """The column ``ts`` of typed chunks; where it is null or missing, the time of appending."""
    counts = [chunk.batch.num_rows for chunk in chunks]
    appended = pa.array(
        np.repeat(np.array([chunk.appended_at_us for chunk in chunks], np.int64), counts)
    ).cast(pa.timestamp("us", "UTC"))
    if not has_ts(typed.schema):
        return appended
    ts = typed.column(TS).combine_chunks()
    micros = ts.cast(pa.timestamp("us", "UTC"), safe=False)
    inside = pc.if_else(_inside(ts), micros, pa.scalar(None, micros.type))
    return pc.coalesce(inside, appended)


def outside(ts: pa.Array) -> pa.Array:
    """Those of ``ts`` (timestamp) that are no event times; the others null."""
    return pc.if_else(_inside(ts), pa.scalar(None, ts.type), ts)


def _inside(ts: pa.Array) -> pa.Array:
    # Seconds of far-off years do not fit into microseconds, so each unit has its own bounds.
    per_s = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[ts.type.unit]
    first, end = (bound * per_s // 10**6 for bound in EVENT_TIME)
    ticks = ts.cast(pa.int64())
    return pc.and_(pc.greater_equal(ticks, first), pc.less(ticks, end))


def _column(chunks: Sequence[Chunk], name: str) -> pa.Array:
    arrays = [chunk.batch.column(name) for chunk in chunks]
    return arrays[0] if len(arrays) == 1 else pa.concat_arrays(arrays)
