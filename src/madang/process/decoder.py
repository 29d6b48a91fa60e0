"""The decoder of a stream: raw chunks in, rows and dead letters out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from madang.lake.decoder import (
    DEAD_LETTER_SCHEMA,
    OFFSET_COLUMN,
    PARTITION_COLUMN,
    REST_COLUMN,
    TIME_COLUMN,
    Decoded,
)
from madang.process.engine import Engine
from madang.process.event_time import EventTime
from madang.process.intake import Batch, gather
from madang.process.json_records import JsonRecords
from madang.process.layout import Layout
from madang.process.parsed import Dead, Parsed
from madang.process.text import as_text
from madang.process.zones import load_zone
from madang.project import StreamSpec
from madang.stream import Chunk


class StreamDecoder:
    """Decodes chunks of one stream by its spec.

    Thread-safe; makes its DuckDB connection on first use in a thread or process.

    Args:
        spec: The stream.
        zone: IANA zone of times that carry none.
        project_dir: Where the path of a contract's schema starts.
    """

    def __init__(self, spec: StreamSpec, *, zone: str, project_dir: str | FilePath) -> None:
        self._spec = spec
        self._zone = zone
        self._project_dir = FilePath(project_dir)
        self._engine = Engine()
        self._json = JsonRecords(self._engine)
        own_zone = load_zone(spec.time.zone if spec.time and spec.time.zone else zone)
        self._time = EventTime(self._engine, spec.time, own_zone) if spec.time else None

    def decode(self, chunks: Sequence[Chunk], schema: pa.Schema | None) -> Decoded:
        """Decode ``chunks``; see :class:`madang.lake.decoder.Decoder`."""
        layout = Layout(schema, self._spec.columns)
        done: list[_Decoded] = [self._batch(batch, layout) for batch in gather(chunks)]
        return _merge(self._spec.name, layout, done)

    def _batch(self, batch: Batch, layout: Layout) -> _Decoded:
        sizes = pc.binary_length(batch.value).to_numpy(zero_copy_only=False)
        large = np.flatnonzero(sizes > self._spec.max_record_size)
        dead = [
            Dead(int(row), "too_large", f"{sizes[row]} bytes, at most {self._spec.max_record_size}")
            for row in large
        ]
        text, rows, broken = as_text(
            batch.value, np.flatnonzero(sizes <= self._spec.max_record_size)
        )
        parsed = self._json.parse(text, layout).within(rows, dead + broken)
        arrival = batch.ts
        if len(parsed.rows) != len(arrival):
            arrival = arrival.take(pa.array(parsed.rows))
        times = self._time.read(parsed, arrival) if self._time else arrival
        return _Decoded(batch, parsed, times)


@dataclass(frozen=True, slots=True)
class _Decoded:
    batch: Batch
    parsed: Parsed
    times: pa.Array


def _merge(stream: str, layout: Layout, done: Sequence[_Decoded]) -> Decoded:
    """One table of rows in the order of the chunks, one of dead letters."""
    fields = [node.field() for node in layout.columns.values()]
    schema = pa.schema(
        [
            pa.field(TIME_COLUMN, pa.timestamp("us", "UTC"), nullable=False),
            pa.field(PARTITION_COLUMN, pa.int32()),
            pa.field(OFFSET_COLUMN, pa.int64()),
            *fields,
            pa.field(REST_COLUMN, pa.string()),
        ]
    )
    misfits: Counter[str] = Counter()
    tables, letters, ordinals, dead_ordinals = [], [], [], []
    for part in done:
        parsed, batch = part.parsed, part.batch
        misfits.update(parsed.misfits)
        size = len(parsed.rows)
        columns = [
            parsed.columns[field.name].cast(field.type)
            if field.name in parsed.columns
            else pa.nulls(size, field.type)
            for field in fields
        ]
        tables.append(
            pa.Table.from_arrays(
                [
                    part.times,
                    pa.array(batch.partition[parsed.rows]),
                    pa.array(batch.offset[parsed.rows]),
                    *columns,
                    parsed.rest,
                ],
                schema=schema,
            )
        )
        ordinals.append(batch.ordinal[parsed.rows])
        dead = sorted(parsed.dead)
        dead_rows = np.array([entry.row for entry in dead], np.int64)
        letters.append(_letters(stream, batch, dead, dead_rows))
        dead_ordinals.append(batch.ordinal[dead_rows])
    return Decoded(
        _ordered(tables, ordinals, schema),
        _ordered(letters, dead_ordinals, DEAD_LETTER_SCHEMA),
        dict(misfits),
    )


def _ordered(
    tables: list[pa.Table], ordinals: list[npt.NDArray[np.int64]], schema: pa.Schema
) -> pa.Table:
    if len(tables) < 2:
        return tables[0] if tables else schema.empty_table()
    order = np.argsort(np.concatenate(ordinals), kind="stable")
    return pa.concat_tables(tables).take(pa.array(order))


def _letters(
    stream: str, batch: Batch, dead: Sequence[Dead], rows: npt.NDArray[np.int64]
) -> pa.Table:
    take = pa.array(rows)
    count = len(dead)
    attributes = list(batch.attributes.items())
    return pa.table(
        [
            batch.ts.take(take),
            pa.array([stream] * count, pa.string()),
            pa.array(batch.partition[rows]),
            pa.array(batch.offset[rows]),
            pa.array([entry.code for entry in dead], pa.string()),
            pa.array([entry.reason for entry in dead], pa.string()),
            pa.array([attributes] * count, pa.map_(pa.string(), pa.string())),
            batch.key.take(take),
            batch.value.take(take),
        ],
        schema=DEAD_LETTER_SCHEMA,
    )
