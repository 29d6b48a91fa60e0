"""The decoder of a stream: raw chunks in, rows and dead letters out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
from madang.lake.tally import Misfit, Tally, added
from madang.process.contract import Contract
from madang.process.engine import Engine, identifier
from madang.process.event_time import EventTime, Times, typed_times
from madang.process.formats.choose import make_splitter
from madang.process.formats.split import Splitter, column
from madang.process.instants import ANY_TIME, InstantReader
from madang.process.intake import TS, Batch, gather, has_ts
from madang.process.json_records import JsonRecords
from madang.process.layout import Layout
from madang.process.parsed import Dead, Parsed, Rows
from madang.process.text import as_text, trim_line_ends
from madang.process.text_columns import TextColumns
from madang.process.typed_rows import TypedRows
from madang.process.typed_text import TypedText
from madang.process.zones import load_zone
from madang.project import RecordFormat, StreamSpec, TimeFault, TimeSpec
from madang.project.reading import READING, read_as
from madang.stream import Chunk

_FORMATS = frozenset(RecordFormat)


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
        self._engine = Engine()
        time_zone = load_zone(spec.time.zone if spec.time and spec.time.zone else zone)
        self._time_zone = time_zone
        typed = TypedText(self._engine, InstantReader(self._engine, "auto", time_zone, ANY_TIME))
        self._contract = (
            Contract(self._engine, spec.contract, FilePath(project_dir)) if spec.contract else None
        )
        self._json = JsonRecords(self._engine, typed, self._contract)
        self._typed_rows = TypedRows(self._engine)
        self._text_columns = TextColumns(self._engine, typed)
        self._specs: dict[str | None, StreamSpec] = {None: spec}
        self._splitters: dict[tuple[str | None, RecordFormat], Splitter] = {}
        self._time = EventTime(self._engine, spec.time, time_zone) if spec.time else None
        self._log_time = EventTime(self._engine, TimeSpec(field="time"), time_zone)
        if spec.format not in (RecordFormat.JSON, RecordFormat.TYPED):
            self._splitter(None, spec.format)

    def decode(self, chunks: Sequence[Chunk], schema: pa.Schema | None) -> Decoded:
        """Decode ``chunks``; see :class:`madang.lake.decoder.Decoder`."""
        layout = Layout(schema, self._spec.columns)
        done: list[_Decoded] = [self._living(batch, layout) for batch in gather(chunks)]
        return _merge(self._spec.name, layout, done)

    def _spec_of(self, reading: str | None) -> StreamSpec:
        """The spec as it was when the records arrived."""
        spec = self._specs.get(reading)
        if spec is None:
            spec = self._specs[reading] = read_as(self._spec, reading)
        return spec

    def _splitter(self, reading: str | None, record_format: RecordFormat) -> Splitter:
        splitter = self._splitters.get((reading, record_format))
        if splitter is None:
            splitter = make_splitter(self._engine, self._spec_of(reading), record_format)
            self._splitters[reading, record_format] = splitter
        return splitter

    def _format(self, batch: Batch) -> RecordFormat:
        named = batch.attributes.get("format")
        if named in _FORMATS:
            return RecordFormat(named)
        return self._spec_of(batch.attributes.get(READING)).format

    def _event_time(self, record_format: RecordFormat) -> EventTime | None:
        logs = (RecordFormat.COMBINED, RecordFormat.SYSLOG)
        return self._time or (self._log_time if record_format in logs else None)

    def _parse(
        self, record_format: RecordFormat, text: pa.Array, batch: Batch, rows: Rows, layout: Layout
    ) -> Parsed:
        arrival_us = batch.ts.cast(pa.int64()).to_numpy()
        if len(rows) != len(arrival_us):
            arrival_us = arrival_us[rows]
        if record_format is RecordFormat.JSON:
            return self._json.parse(text, layout, arrival_us)
        text = trim_line_ends(text)
        splitter = self._splitter(batch.attributes.get(READING), record_format)
        split = splitter.split(text, batch.attributes)
        return self._checked(self._text_columns.fit(text, split, layout, arrival_us))

    def _checked(self, parsed: Parsed) -> Parsed:
        """Without the rows that break the contract, checked as JSON, ``_rest`` included."""
        if self._contract is None or not len(parsed.rows) or not parsed.columns:
            return parsed
        names = list(parsed.columns)
        row = ", ".join(f"{identifier(name)} := c{i}" for i, name in enumerate(names))
        columns = {f"c{i}": parsed.columns[name] for i, name in enumerate(names)}
        text = self._engine.query(
            # A merge patch drops nulls: an empty column is a field that is not there.
            f"SELECT json_merge_patch('{{}}', to_json(struct_pack({row})),"
            " coalesce(r, '{}'))::VARCHAR AS x FROM t",
            t=pa.table({**columns, "r": parsed.rest}),
        )
        return parsed.without(self._contract.broken(column(text, "x")))

    def _typed_batch(self, batch: Batch, table: pa.Table, layout: Layout) -> _Decoded:
        parsed = self._checked(self._typed_rows.parse(table, layout))
        field = self._spec.time.field if self._spec.time else TS
        if field == TS and has_ts(table.schema):
            times = typed_times(column(table, TS), batch.ts).take(parsed.rows)
            return self._timed(batch, parsed, times)
        return self._timed(batch, parsed, self._read_times(self._time, parsed, batch))

    def _read_times(self, reader: EventTime | None, parsed: Parsed, batch: Batch) -> Times:
        arrival = batch.ts
        if len(parsed.rows) != len(arrival):
            arrival = arrival.take(pa.array(parsed.rows))
        return reader.read(parsed, arrival) if reader else Times.of_arrival(arrival)

    def _timed(self, batch: Batch, parsed: Parsed, times: Times) -> _Decoded:
        spec = self._spec.time
        if spec is None or spec.on_error is TimeFault.ARRIVAL or not times.faults.any():
            return _Decoded(batch, parsed, times.values, times.fallbacks())
        dead = times.dead(spec.field)
        fine = pa.array(times.faults == 0)
        return _Decoded(batch, parsed.without(dead), times.values.filter(fine), {})

    def _living(self, batch: Batch, layout: Layout) -> _Decoded:
        """The batch, its columns planned by the records alone that become rows.

        That one dies often shows only once its values were read. A column for ever is too much for
        a record that is none, so then the others are read again as if it had not been there.
        """
        before = layout.mark()
        done = self._batch(batch, layout)
        dead = done.parsed.dead
        if not dead or not layout.grown(before):
            return done
        layout.restore(before)
        if not len(done.parsed.rows):
            return done
        rows = np.delete(np.arange(len(batch.ordinal)), [entry.row for entry in dead])
        again = self._batch(batch.take(rows), layout)
        return replace(again, batch=batch, parsed=again.parsed.within(rows, dead))

    def _batch(self, batch: Batch, layout: Layout) -> _Decoded:
        record_format = self._format(batch)
        if batch.typed is not None:
            return self._typed_batch(batch, batch.typed, layout)
        sizes = pc.binary_length(batch.value).to_numpy(zero_copy_only=False)
        large = np.flatnonzero(sizes > self._spec.max_record_size)
        dead = [
            Dead(int(row), "too_large", f"{sizes[row]} bytes, at most {self._spec.max_record_size}")
            for row in large
        ]
        text, rows, broken = as_text(
            batch.value, np.flatnonzero(sizes <= self._spec.max_record_size)
        )
        parsed = self._parse(record_format, text, batch, rows, layout).within(rows, dead + broken)
        times = self._read_times(self._event_time(record_format), parsed, batch)
        return self._timed(batch, parsed, times)


@dataclass(frozen=True, slots=True)
class _Decoded:
    batch: Batch
    parsed: Parsed
    times: pa.Array
    fallbacks: dict[str, Tally]


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
    misfits: dict[Misfit, Tally] = {}
    fallbacks: dict[str, Tally] = {}
    tables, letters, ordinals, dead_ordinals = [], [], [], []
    for part in done:
        parsed, batch = part.parsed, part.batch
        misfits = added(misfits, parsed.misfits)
        fallbacks = added(fallbacks, part.fallbacks)
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
        misfits,
        fallbacks,
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
    return pa.table(
        [
            batch.ts.take(take),
            pa.array([stream] * count, pa.string()),
            pa.array(batch.partition[rows]),
            pa.array(batch.offset[rows]),
            pa.array([entry.code for entry in dead], pa.string()),
            pa.array([entry.reason for entry in dead], pa.string()),
            pa.array(
                [list(batch.origins[i].items()) for i in batch.origin[rows]],
                pa.map_(pa.string(), pa.string()),
            ),
            batch.key.take(take),
            batch.value.take(take),
        ],
        schema=DEAD_LETTER_SCHEMA,
    )
