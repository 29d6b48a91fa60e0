"""The catalog port over the lake and the streams of a data directory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import pyarrow as pa

from madang.core.datadir import DataDir
from madang.core.errors import ConflictError, NotFoundError
from madang.core.names import SAMPLES, SERIES
from madang.lake import Lake
from madang.lake.decoder import OFFSET_COLUMN
from madang.lake.doubles import whole_columns
from madang.lake.lineage import offsets_of, starts
from madang.lake.replays import Place, copies, stored_rows, without_doubles
from madang.lake.widening import may_widen
from madang.process import StreamDecoder
from madang.project import Project, RecordFormat, StreamSpec
from madang.query.catalog_port import Column, FreshPart, PinnedTable
from madang.query.fresh_rows import FreshRows
from madang.query.fresh_samples import FreshSamples
from madang.query.zone import zone_name
from madang.stream import Chunk, LogStore, Stream

MAX_FRESH_BYTES = 256 * 2**20
"""Raw bytes of one table's stream that one fresh read decodes at most."""
_ARRIVAL = "ts"
"""A typed stream's column that becomes ``_time``."""
_KEPT_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class _Kept:
    """Rows decoded for an earlier query, from ``start`` to ``end`` by partition of one log."""

    log: str
    start: Mapping[int, int]
    end: Mapping[int, int]
    schema: pa.Schema | None
    version: str
    rows: pa.Table
    raw_bytes: int
    left_out: int


class LakeCatalog:
    """Tables of the lake, and of streams that were not delivered yet.

    Opens the lake and the streams at first use. Rows decoded for one query are kept for the next,
    which then decodes only what has come since.

    Args:
        data: The data directory.
        project: The project as it stands.
    """

    def __init__(self, data: DataDir, project: Callable[[], Project]) -> None:
        self._data = data
        self._project = project
        self._lake = Lake(data)
        self._store: LogStore | None = None
        self._decoders: dict[str, tuple[str, StreamDecoder]] = {}
        self._samples = FreshSamples(self._lake)
        self._kept: dict[str, _Kept] = {}
        self._starts: dict[str, tuple[object, dict[int, int]]] = {}

    @property
    def store(self) -> LogStore:
        """The streams."""
        if self._store is None:
            storage = self._project().platform.storage
            self._store = LogStore(
                self._data.streams,
                segment_size_bytes=storage.segment_size,
                min_free_bytes=storage.min_free,
                idempotency_window_s=storage.idempotency_window,
            )
        return self._store

    def names(self) -> Sequence[str]:
        """Full names of the lake's tables and of those that streams will fill."""
        streams = self._project().streams
        own = (SAMPLES, SERIES) if SAMPLES in streams else ()
        return sorted({*self._lake.names(), *self._feeds(), *own})

    def pin(self, name: str, as_of: int | datetime | None = None) -> PinnedTable:
        """Hold one snapshot of a table; see :class:`madang.query.catalog_port.Catalog`."""
        if not self._lake.exists(name):
            if as_of is not None:
                raise NotFoundError(f"the table {name} has no snapshot yet")
            return PinnedTable(name, (), (), None)
        pinned = self._lake.table(name).pin(as_of)
        columns = tuple(
            Column(column.name, column.type, column.field_id) for column in pinned.columns
        )
        return PinnedTable(
            name,
            columns,
            tuple(str(file.path) for file in pinned.files),
            pa.schema([pa.field(column.name, column.type) for column in columns]),
            pinned.offsets,
            lambda position, column: pinned.bounds(pinned.files[position], column),
            sources=pinned.sources,
        )

    def fresh(self, table: PinnedTable, *, max_bytes: int | None = None) -> FreshPart | None:
        """What the streams of a table hold beyond its snapshot, decoded."""
        if table.name == SAMPLES:
            return self._fresh_samples(table, max_bytes or MAX_FRESH_BYTES)
        if table.name == SERIES:
            samples = self._fresh_samples(self.pin(SAMPLES), max_bytes or MAX_FRESH_BYTES)
            rows = self._samples.series(table.files)
            return FreshPart(rows, samples.bytes_read, samples.incomplete)
        specs = self._feeds().get(table.name, [])
        parts = [self._fresh_of(spec, table, max_bytes or MAX_FRESH_BYTES) for spec in specs]
        if not parts:
            return None
        if len(parts) == 1:
            return parts[0]
        rows = pa.concat_tables([part.rows for part in parts], promote_options="permissive")
        return FreshPart(
            rows,
            sum(part.bytes_read for part in parts),
            any(part.incomplete for part in parts),
        )

    def close(self) -> None:
        """Release streams and lake."""
        if self._store is not None:
            self._store.close()
        self._lake.close()

    def _feeds(self) -> dict[str, list[StreamSpec]]:
        feeds: dict[str, list[StreamSpec]] = {}
        for spec in self._project().streams.values():
            if spec.table:
                feeds.setdefault(spec.table, []).append(spec)
        return feeds

    def _fresh_of(self, spec: StreamSpec, table: PinnedTable, max_bytes: int) -> FreshPart:
        decoder = self._decoder(spec)
        try:
            stream = self.store.get(spec.name)
        except NotFoundError:
            # The spec is there before the first record is.
            return FreshPart(decoder.decode((), table.schema).rows, 0)
        try:
            start = self._start(stream, table)
        except ConflictError:
            # Delivery stands still and says why; until then the table alone can be read.
            return FreshPart(decoder.decode((), table.schema).rows, 0, incomplete=True)
        # Before the read: what is read of another log that came since is kept for no later query.
        log = stream.identity.id
        kept = self._kept_for(stream, log, start, table.schema)
        raw_bytes = kept.raw_bytes if kept else 0
        chunks, end, size, incomplete = _read(
            stream, kept.end if kept else start, max_bytes - raw_bytes
        )
        fresh = FreshRows(
            spec.name,
            decoder,
            table.schema,
            kept.rows if kept else None,
            partial(self._widens, table.name),
        )
        fresh.add(chunks)
        left_out = fresh.left_out + (kept.left_out if kept else 0)
        rows = without_doubles(fresh.rows(), copies(chunks), partial(_stored_rows, stream, table))
        version, raw_bytes = self._project().version, raw_bytes + size
        self._keep(
            spec.name, _Kept(log, start, end, table.schema, version, rows, raw_bytes, left_out)
        )
        if spec.format is RecordFormat.TYPED:
            rows = _with_columns(rows, stream.schema)
        return FreshPart(rows, size, incomplete or left_out > 0)

    def _fresh_samples(self, table: PinnedTable, max_bytes: int) -> FreshPart:
        try:
            stream = self.store.get(SAMPLES)
        except NotFoundError:
            return FreshPart(self._samples.rows(()), 0)
        try:
            start = self._start(stream, table)
        except ConflictError:
            return FreshPart(self._samples.rows(()), 0, incomplete=True)
        log = stream.identity.id
        kept = self._kept_for(stream, log, start, table.schema)
        raw_bytes = kept.raw_bytes if kept else 0
        chunks, end, size, incomplete = _read(
            stream, kept.end if kept else start, max_bytes - raw_bytes
        )
        rows = self._samples.rows(chunks, kept.rows if kept else None)
        if kept:
            rows = pa.concat_tables([kept.rows, rows])
        version, raw_bytes = self._project().version, raw_bytes + size
        self._keep(SAMPLES, _Kept(log, start, end, table.schema, version, rows, raw_bytes, 0))
        return FreshPart(rows, size, incomplete)

    def _widens(self, name: str, column: str) -> bool:
        """Whether delivery makes ``column`` one of doubles, or has since the table was pinned."""
        if not self._lake.exists(name):
            return False
        table = self._lake.table(name)
        return column not in whole_columns(table.schema) or may_widen(table, [column])

    def _start(self, stream: Stream, table: PinnedTable) -> dict[int, int]:
        """Where the fresh part begins; records are looked at only when the table has moved."""
        source = table.sources.get(stream.name)
        offsets = offsets_of(stream, table.offsets)
        asked = (stream.identity.id, stream.partitions, offsets, source)
        known = self._starts.get(stream.name)
        if known is None or known[0] != asked:
            known = (asked, starts(table.name, stream, offsets, source))
            self._starts[stream.name] = known
        return dict(known[1])

    def _decoder(self, spec: StreamSpec) -> StreamDecoder:
        project = self._project()
        version, decoder = self._decoders.get(spec.name, ("", None))
        if decoder is None or version != project.version:
            decoder = StreamDecoder(
                spec, zone=zone_name(project.platform.time_zone), project_dir=project.directory
            )
            self._decoders[spec.name] = (project.version, decoder)
        return decoder

    def _kept_for(
        self, stream: Stream, log: str, start: Mapping[int, int], schema: pa.Schema | None
    ) -> _Kept | None:
        kept = self._kept.get(stream.name)
        if (
            kept is None
            # One that was made anew begins at 0 again, and may have grown past the old end.
            or kept.log != log
            or kept.start != start
            or kept.schema != schema
            or kept.version != self._project().version
            # A log that lost records (a power cut, an older copy) keeps its identity.
            or any(stream.bounds(partition).end < end for partition, end in kept.end.items())
        ):
            return None
        return kept

    def _keep(self, stream: str, kept: _Kept) -> None:
        if kept.rows.nbytes <= _KEPT_BYTES:
            self._kept[stream] = kept
        else:
            self._kept.pop(stream, None)


def _stored_rows(stream: Stream, table: PinnedTable, wanted: set[Place]) -> set[Place]:
    if stream.identity.follows:
        return set()
    return stored_rows(table.files, lambda number: table.bounds(number, OFFSET_COLUMN), wanted)


def _with_columns(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """``rows`` with every column of a typed stream, also those that no record has filled yet."""
    for field in schema:
        if field.name != _ARRIVAL and field.name not in rows.column_names:
            rows = rows.append_column(field.name, pa.nulls(rows.num_rows, field.type))
    return rows


def _read(
    stream: Stream, start: Mapping[int, int], max_bytes: int
) -> tuple[list[Chunk], dict[int, int], int, bool]:
    """Chunks from ``start`` on, where they end, their bytes, and whether there are more.

    A partition is read up to the end that it had at first, so a producer in a hurry does not keep
    the query from its answer.
    """
    chunks: list[Chunk] = []
    end = dict(start)
    size, incomplete = 0, False
    for partition, offset in start.items():
        bound = stream.bounds(partition).end
        position = offset
        while position < bound:
            if size >= max_bytes:
                incomplete = True
                break
            read = stream.read(partition, position)
            if not read:
                break
            chunks.extend(read)
            size += sum(chunk.batch.nbytes for chunk in read)
            position = read[-1].end_offset
        end[partition] = position
    return chunks, end, size, incomplete
