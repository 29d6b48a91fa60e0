"""Results as bytes: JSON, NDJSON, CSV, Arrow and Parquet, in pieces of about a MiB.

The text of every row is made by DuckDB in the query itself: one string column whose value buffer
is the answer's bytes. Python touches batches, never values.
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from madang.core.errors import TooLargeError
from madang.core.units import format_size
from madang.query.request import QueryMeta, QueryStats, ResultFormat
from madang.query.rewrite import Rewritten
from madang.query.text_forms import csv_text, json_text
from madang.query.types import literal, quoted

PIECE_BYTES = 2**20
_BATCH_ROWS = 16_384
Piece = bytes | memoryview
Runner = Callable[[Rewritten], Any]
"""Binds a SQL text (with the query's parameters) and gives a DuckDB relation, not yet run."""


class Encoder:
    """Writes one result.

    Args:
        run: Binds SQL.
        statement: The user's statement, as it runs.
        names: What its columns are called in the answer.
        types: Their types, as DuckDB has them.
        max_rows: Rows to answer; one more is asked for to know whether there are more.
        max_bytes: Bytes to answer.
        complete: Fills in the statistics that are known at the end.
        folder: Where a Parquet file may be written before it is sent.
    """

    def __init__(
        self,
        run: Runner,
        statement: Rewritten,
        names: Sequence[str],
        types: Sequence[Any],
        *,
        max_rows: int,
        max_bytes: int,
        complete: Callable[[QueryStats], None],
        folder: Path,
    ) -> None:
        self._run = run
        self._statement = statement
        self._names: list[str] = list(names)
        self._types: list[Any] = list(types)
        self._max_rows = max_rows
        self._max_bytes = max_bytes
        self._folder = folder
        self._complete = complete

    def pieces(self, meta: QueryMeta, stats: QueryStats) -> Iterator[Piece]:
        """The bytes of the answer; ``stats`` counts rows and bytes as they are made.

        Raises:
            TooLargeError: The answer is over its limit.
            duckdb.Error: The query failed.
        """
        source = {
            ResultFormat.JSON: self._json,
            ResultFormat.NDJSON: self._ndjson,
            ResultFormat.CSV: self._csv,
            ResultFormat.ARROW: self._arrow,
            ResultFormat.PARQUET: self._parquet,
        }[meta.format]
        for piece in _sized(source(meta, stats)):
            stats.result_bytes += len(piece)
            if stats.result_bytes > self._max_bytes:
                raise TooLargeError(
                    f"the result is larger than {format_size(self._max_bytes)}",
                    hint="ask for fewer rows or columns",
                )
            yield piece

    def statement(self, projection: str) -> Rewritten:
        """The statement that computes ``projection`` over the user's rows ``c0, c1, …``."""
        names = ", ".join(f"c{number}" for number in range(len(self._names)))
        return self._statement.wrapped(
            f"SELECT {projection} FROM (\n", f"\n) AS _rows({names}) LIMIT {self._max_rows + 1}"
        )

    def _batches(self, projection: str, stats: QueryStats) -> Iterator[pa.RecordBatch]:
        reader = self._run(self.statement(projection)).to_arrow_reader(_BATCH_ROWS)
        yield from self._limited(reader, stats)

    def _limited(self, reader: pa.RecordBatchReader, stats: QueryStats) -> Iterator[pa.RecordBatch]:
        for batch in reader:
            left = self._max_rows - stats.rows
            if batch.num_rows > left:
                stats.truncated = True
                batch = batch.slice(0, left)  # noqa: PLW2901
            stats.rows += batch.num_rows
            if batch.num_rows:
                yield batch
            if stats.truncated:
                return

    def _json(self, meta: QueryMeta, stats: QueryStats) -> Iterator[Piece]:
        head = orjson.dumps(
            {
                "query_id": meta.query_id,
                "columns": [{"name": c.name, "type": c.type} for c in meta.columns],
            }
        )
        yield head[:-1] + b',"rows":['
        cells = _joined(self._forms(json_text), "','")
        skip = 1
        for batch in self._batches(f"concat(',[', {cells}, ']')", stats):
            yield text_bytes(batch)[skip:]
            skip = 0
        yield b"]"
        self._complete(stats)
        tail = {"row_count": stats.rows, "truncated": stats.truncated, "stats": answer_stats(stats)}
        yield b"," + orjson.dumps(tail)[1:]

    def _ndjson(self, meta: QueryMeta, stats: QueryStats) -> Iterator[Piece]:
        names = [orjson.dumps(column.name).decode() for column in meta.columns]
        forms = [
            f"{literal(name + ':')}, {form}"
            for name, form in zip(names, self._forms(json_text), strict=True)
        ]
        for batch in self._batches(f"concat('{{', {_joined(forms, _COMMA)}, '}}\n')", stats):
            yield text_bytes(batch)

    def _csv(self, meta: QueryMeta, stats: QueryStats) -> Iterator[Piece]:
        yield ",".join(_csv_field(column.name) for column in meta.columns).encode() + b"\r\n"
        cells = _joined(self._forms(csv_text), _COMMA)
        for batch in self._batches(f"concat({cells}, '\r\n')", stats):
            yield text_bytes(batch)

    def _forms(self, form: Callable[[str, Any], str]) -> list[str]:
        return [form(f"c{number}", type_) for number, type_ in enumerate(self._types)]

    def _columns(self, *, parquet: bool) -> str:
        return ", ".join(
            f"{_stored(f'c{number}', type_) if parquet else f'c{number}'} AS {quoted(name)}"
            for number, (name, type_) in enumerate(zip(self._names, self._types, strict=True))
        )

    def _arrow(self, meta: QueryMeta, stats: QueryStats) -> Iterator[Piece]:
        del meta
        relation = self._run(self.statement(self._columns(parquet=False)))
        reader = relation.to_arrow_reader(_BATCH_ROWS * 4)
        sink = io.BytesIO()
        with pa.ipc.new_stream(sink, reader.schema) as writer:
            for batch in self._limited(reader, stats):
                writer.write_batch(batch)
                yield _drained(sink)
        yield _drained(sink)

    def _parquet(self, meta: QueryMeta, stats: QueryStats) -> Iterator[Piece]:
        del meta
        relation = self._run(self.statement(self._columns(parquet=True)))
        reader = relation.to_arrow_reader(_BATCH_ROWS * 8)
        with tempfile.TemporaryFile(dir=self._folder) as file:
            with pq.ParquetWriter(file, reader.schema, compression="zstd") as writer:
                for batch in self._limited(reader, stats):
                    writer.write_batch(batch)
                    if file.tell() > self._max_bytes:
                        raise TooLargeError(
                            f"the result is larger than {format_size(self._max_bytes)}",
                            hint="ask for fewer rows or columns",
                        )
            file.seek(0, os.SEEK_SET)
            while piece := file.read(PIECE_BYTES):
                yield piece


_COMMA = "','"


def answer_stats(stats: QueryStats) -> dict[str, Any]:
    """The statistics as the JSON answer shows them."""
    shown: dict[str, Any] = {
        "duration_s": round(stats.duration_s, 6),
        "rows": stats.rows,
        "bytes_read": stats.bytes_read,
        "tables": stats.tables,
        "fresh_rows": stats.fresh_rows,
    }
    if stats.fresh_incomplete:
        shown["fresh_incomplete"] = stats.fresh_incomplete
    return shown


def text_bytes(batch: pa.RecordBatch) -> memoryview:
    """The bytes of a one-column batch of strings, one after the other; no copy."""
    column = batch.column(0)
    width = 8 if pa.types.is_large_string(column.type) else 4
    _, offsets, values = column.buffers()
    ends = memoryview(offsets).cast("q" if width == 8 else "i")
    first, last = ends[column.offset], ends[column.offset + len(column)]
    return memoryview(values)[first:last] if values else memoryview(b"")


def _joined(forms: list[str], comma: str) -> str:
    return f", {comma}, ".join(forms)


def _csv_field(text: str) -> str:
    if text == "" or any(mark in text for mark in '",\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def _stored(column: str, type_: Any) -> str:  # noqa: ANN401
    """A column as Parquet can hold it."""
    if not _not_in_parquet(type_):
        return column
    if str(type_.id) in ("struct", "list", "array", "map"):
        return f"nullif({json_text(column, type_)}, 'null')"
    return f"{column}::VARCHAR"


def _not_in_parquet(type_: Any) -> bool:  # noqa: ANN401
    kind = str(type_.id)
    if kind in ("struct", "list", "array", "map"):
        return any(_not_in_parquet(child) for _, child in type_.children if hasattr(child, "id"))
    return kind in ("interval", "bignum", "uhugeint", "hugeint", "bit", "union", "variant")


def _drained(sink: io.BytesIO) -> bytes:
    data = sink.getvalue()
    sink.seek(0)
    sink.truncate()
    return data


def _sized(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """The same bytes in pieces of about ``PIECE_BYTES``."""
    waiting: list[Piece] = []
    size = 0
    for piece in pieces:
        if len(piece) == 0:
            continue
        waiting.append(piece)
        size += len(piece)
        if size < PIECE_BYTES:
            continue
        whole = memoryview(waiting[0] if len(waiting) == 1 else b"".join(waiting))
        waiting, size = [], 0
        for start in range(0, len(whole), PIECE_BYTES):
            yield whole[start : start + PIECE_BYTES]
    if waiting:
        yield b"".join(waiting)
