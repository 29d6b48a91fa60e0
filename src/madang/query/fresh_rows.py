"""Decoding what streams hold beyond a snapshot: in runs, and at worst record by record."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import pyarrow as pa

from madang.lake.decoder import Decoder
from madang.lake.doubles import inexact, met_fractions, whole_columns, with_doubles
from madang.lake.evolution import conform
from madang.lake.row_buffer import MAX_POISON, halves, passes, runs
from madang.stream import Chunk

_log = logging.getLogger(__name__)


class FreshRows:
    """Rows of several runs of the decoder, each decoded in the schema that the ones before it left.

    Args:
        stream: Name of the stream, for the log.
        decoder: Turns chunks into rows.
        schema: The table's schema, or None before it exists.
        before: Rows that were decoded earlier, which the new ones follow.
        widens: Whether delivery will make a column of whole numbers that the table has one of
            doubles, because fractions came; then it is one here already.
    """

    def __init__(
        self,
        stream: str,
        decoder: Decoder,
        schema: pa.Schema | None,
        before: pa.Table | None,
        widens: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._widens = widens
        self._in_table = whole_columns(schema or ())
        self._stream = stream
        self._decoder = decoder
        self._parts = [] if before is None else [before]
        self._schema = schema if before is None else before.schema
        self.left_out = 0
        """Records that broke the decoder: delivery will make dead letters of them."""

    def add(self, chunks: Sequence[Chunk]) -> None:
        """Decode ``chunks``, without the records that break the decoder, alone.

        Raises:
            Exception: whatever the decoder raised, if more than a few do: it is broken.
        """
        for run in runs(chunks):
            self._decode(run)

    def rows(self) -> pa.Table:
        """All rows in one schema, in the order of their chunks."""
        if not self._parts:
            return self._decoder.decode((), self._schema).rows
        # Columns keep their types and places, so the last rows have them all.
        schema = self._parts[-1].schema
        return pa.concat_tables(
            [part if part.schema == schema else conform(part, schema) for part in self._parts]
        )

    def _rows_of(self, chunks: Sequence[Chunk]) -> pa.Table:
        decoded = self._decoder.decode(chunks, self._schema)
        wider = {
            column
            for column in met_fractions(decoded.misfits)
            # One that the table does not have yet becomes what its rows need.
            if column not in self._in_table or self._widens(column)
        }
        # A number that a double would round keeps its column whole; so will delivery.
        wider -= set().union(*(inexact(part, wider) for part in [*self._parts, decoded.rows]))
        if not wider or self._schema is None:
            return decoded.rows
        return self._decoder.decode(chunks, with_doubles(self._schema, wider)).rows

    def _decode(self, chunks: Sequence[Chunk]) -> None:
        try:
            rows = self._rows_of(chunks)
        except Exception as error:
            if passes(error):
                raise
            if sum(chunk.batch.num_rows for chunk in chunks) > 1:
                for half in halves(chunks):
                    self._decode(half)
                return
            self.left_out += 1
            if self.left_out > MAX_POISON:
                raise
            _log.warning(
                "a fresh read leaves out offset %d of %s/%d, which cannot be decoded: %s",
                chunks[0].base_offset,
                self._stream,
                chunks[0].partition,
                error,
            )
        else:
            self._parts.append(rows)
            self._schema = rows.schema
