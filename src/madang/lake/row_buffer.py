"""What delivery holds between two commits: decoded rows and dead letters, in one growing schema."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Final

import pyarrow as pa
from pyiceberg.schema import Schema

from madang.core.clock import from_us
from madang.core.errors import MadangError
from madang.lake.decoder import (
    DEAD_LETTER_SCHEMA,
    OFFSET_COLUMN,
    PARTITION_COLUMN,
    REST_COLUMN,
    TIME_COLUMN,
    Decoded,
    Decoder,
)
from madang.lake.doubles import inexact, met_fractions, whole_ids, widened
from madang.lake.evolution import conform, evolve
from madang.lake.replays import Place, copies, named
from madang.lake.tally import Misfit, Tally, added
from madang.lake.types import to_arrow
from madang.stream import Chunk

MAX_POISON: Final = 8
"""Records of one run that may break the decoder; with more, the decoder itself is broken."""

_RUN_RECORDS: Final = 2**18
"""What becomes a dead letter is handled record by record, at some hundred bytes each."""

_OWN_COLUMNS: Final = pa.schema(
    [
        pa.field(TIME_COLUMN, pa.timestamp("us", "UTC"), nullable=False),
        pa.field(PARTITION_COLUMN, pa.int32()),
        pa.field(OFFSET_COLUMN, pa.int64()),
        pa.field(REST_COLUMN, pa.string()),
    ]
)
"""What a table begins with when no record of its first delivery could be read."""


class RowBuffer:
    """Rows of several runs of the decoder, each decoded in the schema that the ones before it left.

    Args:
        stream: Name of the stream, for its dead letters.
        decoder: Turns chunks into rows.
        schema: The table's schema, or None before it exists.
    """

    def __init__(self, stream: str, decoder: Decoder, schema: Schema | None) -> None:
        self._stream = stream
        self._decoder = decoder
        self._schema = schema
        self._last_id = self._table_id = schema.highest_field_id if schema else 0
        self._rows: list[pa.Table] = []
        self._dead: list[pa.Table] = []
        self.copies: dict[Place, Place] = {}
        """Of replayed records, the places of those that they are copies of."""
        self.misfits: dict[Misfit, Tally] = {}
        self.time_fallbacks: dict[str, Tally] = {}
        self.size_bytes = 0

    @property
    def columns(self) -> int:
        """Number of columns that the next run is decoded into."""
        return len(self._schema.fields) if self._schema else 0

    def add(self, chunks: Sequence[Chunk]) -> None:
        """Decode a run of chunks.

        A record that breaks the decoder, alone, becomes a dead letter; if more than a few do, the
        decoder is broken.

        Raises:
            Exception: whatever the decoder raised; nothing of the run was kept.
        """
        before = self._schema, self._last_id, len(self._rows), len(self._dead)
        counted = self.misfits, self.time_fallbacks
        poison: list[Chunk] = []
        try:
            self._decode(chunks, poison)
        except BaseException:
            self._schema, self._last_id = before[0], before[1]
            del self._rows[before[2] :], self._dead[before[3] :]
            self.misfits, self.time_fallbacks = counted
            raise
        self.copies |= copies(chunks)

    def _decode(self, chunks: Sequence[Chunk], poison: list[Chunk]) -> None:
        try:
            self._take(self._decoded(chunks))
        except Exception as error:
            if passes(error):
                raise
            if sum(chunk.batch.num_rows for chunk in chunks) == 1:
                poison += chunks
                if len(poison) > MAX_POISON:
                    raise
                self._dead.append(_poisoned(self._stream, chunks[0], error))
                return
            for half in halves(chunks):
                self._decode(half, poison)

    def _decoded(self, chunks: Sequence[Chunk]) -> Decoded:
        """Decode once, and again where a column that is not in the table yet has to be wider."""
        decoded = self._decoder.decode(chunks, to_arrow(self._schema) if self._schema else None)
        if self._schema is None or not (met := met_fractions(decoded.misfits)):
            return decoded
        ids = {
            field_id: name
            for name, field_id in whole_ids(self._schema.fields)
            if name in met and field_id > self._table_id
        }
        too_large = self.inexact(ids.values()) | inexact(decoded.rows, ids.values())
        ids = {field_id: name for field_id, name in ids.items() if name not in too_large}
        if not ids:
            return decoded
        self._schema = widened(self._schema, ids, self._last_id)
        self._last_id = self._schema.highest_field_id
        return self._decoder.decode(chunks, to_arrow(self._schema))

    def _take(self, decoded: Decoded) -> None:
        known = self._schema or Schema()
        self._schema = evolve(known, decoded.rows.schema, last_id=self._last_id)
        self._last_id = max(self._last_id, self._schema.highest_field_id)
        self._rows.append(decoded.rows)
        self._dead.append(decoded.dead)
        self.misfits = added(self.misfits, decoded.misfits)
        self.time_fallbacks = added(self.time_fallbacks, decoded.time_fallbacks)
        self.size_bytes += decoded.rows.nbytes + decoded.dead.nbytes

    def inexact(self, columns: Collection[str]) -> set[str]:
        """Those of ``columns`` (dotted names) that hold a number which a double would round."""
        return set().union(*(inexact(rows, columns) for rows in self._rows))

    def rows(self) -> pa.Table:
        """All rows in one schema, in the order of their chunks."""
        if self._schema is None:
            return _OWN_COLUMNS.empty_table()
        schema = to_arrow(self._schema)
        if not self._rows:
            return schema.empty_table()
        return pa.concat_tables([conform(rows, schema) for rows in self._rows])

    def dead(self) -> pa.Table:
        """All dead letters."""
        letters = pa.concat_tables([DEAD_LETTER_SCHEMA.empty_table(), *self._dead])
        return named(letters, self.copies)


def runs(chunks: Sequence[Chunk]) -> Iterator[Sequence[Chunk]]:
    """``chunks`` in runs of at most 262,144 records: a body may hold millions of tiny ones."""
    run: list[Chunk] = []
    room = _RUN_RECORDS
    for chunk in chunks:
        left = chunk
        while left.batch.num_rows > room:
            head, left = _cut(left, room)
            yield [*run, head]
            run, room = [], _RUN_RECORDS
        run.append(left)
        room -= left.batch.num_rows
    if run:
        yield run


def passes(error: Exception) -> bool:
    """Whether the machine is in trouble, not the record: then the record waits."""
    return isinstance(error, OSError) or (isinstance(error, MadangError) and error.retryable)


def halves(chunks: Sequence[Chunk]) -> tuple[Sequence[Chunk], Sequence[Chunk]]:
    """``chunks``, which hold two records at least, in two."""
    if len(chunks) > 1:
        middle = len(chunks) // 2
        return chunks[:middle], chunks[middle:]
    (chunk,) = chunks
    first, second = _cut(chunk, chunk.batch.num_rows // 2)
    return [first], [second]


def _cut(chunk: Chunk, records: int) -> tuple[Chunk, Chunk]:
    first = replace(chunk, batch=chunk.batch.slice(0, records))
    offset = chunk.base_offset + records
    return first, replace(chunk, base_offset=offset, batch=chunk.batch.slice(records))


def _poisoned(stream: str, chunk: Chunk, error: Exception) -> pa.Table:
    row = chunk.batch.to_pylist()[0]
    value = row.get("value")
    reason = error.message if isinstance(error, MadangError) else f"{type(error).__name__}: {error}"
    letter = {
        "ts": row.get("ts") or from_us(chunk.appended_at_us),
        "stream": stream,
        "partition": chunk.partition,
        "offset": chunk.base_offset,
        "code": "undecodable",
        "reason": reason[:1000],
        "attributes": list(chunk.attributes.items()),
        "key": row.get("key") if isinstance(row.get("key"), bytes) else None,
        "value": value if isinstance(value, bytes) else repr(row).encode(),
    }
    return pa.Table.from_pylist([letter], schema=DEAD_LETTER_SCHEMA)
