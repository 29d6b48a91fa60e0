"""Files of any size → request bodies of a few MiB that end with a record."""

from __future__ import annotations

import gzip
import io
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from madang.cli.wrong_call import chosen
from madang.core.errors import InvalidInputError, TooLargeError

PIECE_BYTES = 4 * 2**20
MAX_BODY_BYTES = 64 * 2**20
_ARROW_BYTES = 16 * 2**20
"""Rows of numbers are several times as long as JSON, which the server bounds, too."""
_ARROW_ROWS = 2**18

FORMATS = ("ndjson", "json", "csv", "plain", "arrow", "parquet")
CONTENT_TYPES = {
    "ndjson": "application/x-ndjson",
    "json": "application/json",
    "csv": "text/csv",
    "plain": "text/plain",
    "arrow": "application/vnd.apache.arrow.stream",
}
_BY_SUFFIX = {
    ".ndjson": "ndjson", ".jsonl": "ndjson", ".json": "json", ".csv": "csv",
    ".arrow": "arrow", ".arrows": "arrow", ".ipc": "arrow", ".feather": "arrow",
    ".parquet": "parquet", ".log": "plain", ".txt": "plain",
}  # fmt: skip
_PACKED = (".gz", ".zst", ".zstd")
_BLANK = re.compile(rb"(?:\r?\n)*\r?")
"""Lines without a byte."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One request: a body that begins and ends with whole records."""

    body: bytes
    content_type: str


def check_format(form: str) -> str:
    """``form`` if files can have it.

    Raises:
        WrongCallError: otherwise, with the near match.
    """
    return chosen("format", form, FORMATS)


def format_of(file: str, stream_format: str) -> str:
    """The format of a file by its name; where that says nothing, as the stream is read."""
    path = Path(file)
    while path.suffix in _PACKED:
        path = path.with_suffix("")
    found = _BY_SUFFIX.get(path.suffix.lower())
    by_stream = {"json": "ndjson", "csv": "csv", "typed": "ndjson"}.get(stream_format, "plain")
    if found in (None, "plain"):
        # A .log file may well hold JSON lines; the stream knows.
        return by_stream
    return found


@contextmanager
def open_file(file: str) -> Iterator[IO[bytes]]:
    """The decompressed bytes of a file; ``-`` is standard input.

    Raises:
        OSError: it cannot be opened.
        InvalidInputError: its name says that it is compressed, but it is not.
    """
    if file == "-":
        yield _unpacked(cast("io.BufferedReader", sys.stdin.buffer))
        return
    with Path(file).open("rb") as raw:
        opened = _unpacked(raw)
        if opened is raw and Path(file).suffix in _PACKED and raw.peek(1):
            raise InvalidInputError(
                f"named {Path(file).suffix}, but it is not compressed so",
                hint="is it damaged? Or give it another name",
            )
        yield opened


def _unpacked(raw: io.BufferedReader) -> IO[bytes]:
    head = raw.peek(4)[:4]
    if head.startswith(b"\x1f\x8b"):
        return cast("IO[bytes]", gzip.GzipFile(fileobj=raw))
    if head == b"\x28\xb5\x2f\xfd":
        from madang.core.zstd import open_zstd

        return cast("IO[bytes]", open_zstd(cast("BinaryIO", raw)))
    return raw


def pieces(file: IO[bytes], form: str, *, header: bool) -> Iterator[Piece]:
    """The bodies of one file.

    Args:
        file: Decompressed bytes.
        form: One of ``FORMATS``.
        header: The CSV begins with a header line, which then begins every body.

    Raises:
        TooLargeError: a record, or a JSON array, is larger than a body may be.
        InvalidInputError: the file cannot be read as ``form``.
    """
    if form == "parquet":
        yield from _parquet(file)
    elif form == "arrow":
        yield from _arrow(file)
    elif form == "json":
        yield from _json(file)
    else:
        yield from _lines(file, form, header=header)


def _lines(file: IO[bytes], form: str, *, header: bool, first: bytes = b"") -> Iterator[Piece]:
    content_type = CONTENT_TYPES[form]
    prefix = file.readline(2**20) if form == "csv" and header else b""
    left = first
    while True:
        block = file.read(PIECE_BYTES)
        data = left + block
        if not block:
            if not _BLANK.fullmatch(data):
                yield Piece(prefix + data, content_type)
            return
        end = _record_end(data, quoted=form == "csv")
        if end == 0:
            if len(data) > MAX_BODY_BYTES:
                raise TooLargeError(f"a record is larger than {MAX_BODY_BYTES // 2**20} MiB")
            left = data
            continue
        left = data[end:]
        # Blank lines are no records, and a body without one is refused.
        if not _BLANK.fullmatch(data, 0, end):
            yield Piece(prefix + data[:end], content_type)


def _record_end(data: bytes, *, quoted: bool) -> int:
    # The offset behind the last line end that ends a record; within CSV quotes it ends none.
    end = data.rfind(b"\n") + 1
    while quoted and end and data.count(b'"', 0, end) % 2:
        end = data.rfind(b"\n", 0, end - 1) + 1
    return end


def _json(file: IO[bytes]) -> Iterator[Piece]:
    # A .json file is one document (often a large array), or lines of JSON under the wrong name.
    import json

    head = file.read(PIECE_BYTES)
    first_line = head.partition(b"\n")[0].strip()
    if first_line.startswith(b"{"):
        try:
            json.loads(first_line)
        except (ValueError, RecursionError):
            pass
        else:
            yield from _lines(file, "ndjson", header=False, first=head)
            return
    data = head + file.read(MAX_BODY_BYTES + 1 - len(head))
    if len(data) > MAX_BODY_BYTES:
        raise TooLargeError(
            f"a JSON document is larger than {MAX_BODY_BYTES // 2**20} MiB",
            hint="write one record a line (ndjson), such as with `jq -c .[]`",
        )
    if data.strip():
        yield Piece(data, CONTENT_TYPES["json"])


def _parquet(file: IO[bytes]) -> Iterator[Piece]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        source = pq.ParquetFile(file if file.seekable() else pa.BufferReader(file.read()))
        for batch in source.iter_batches(batch_size=16_384):
            yield from _arrow_pieces(batch)
    except pa.ArrowException as error:
        raise InvalidInputError(f"not a Parquet file: {error}") from None


def _arrow(file: IO[bytes]) -> Iterator[Piece]:
    import pyarrow as pa

    try:
        if file.read(6) == b"ARROW1":
            with pa.ipc.open_file(pa.BufferReader(b"ARROW1" + file.read())) as whole:
                for number in range(whole.num_record_batches):
                    yield from _arrow_pieces(whole.get_batch(number))
            return
        file.seek(0)
        with pa.ipc.open_stream(file) as stream:
            for batch in stream:
                yield from _arrow_pieces(batch)
    except (pa.ArrowException, io.UnsupportedOperation) as error:
        raise InvalidInputError(f"not Arrow IPC: {error}") from None


def _arrow_pieces(batch: Any) -> Iterator[Piece]:  # noqa: ANN401 - pyarrow is imported late
    import pyarrow as pa

    count = batch.num_rows
    by_size = count * _ARROW_BYTES // pa.ipc.get_record_batch_size(batch)
    rows = max(1, min(by_size, _ARROW_ROWS))
    for start in range(0, max(count, 1), rows):
        yield from _fitting(batch.slice(start, rows))


def _fitting(batch: Any) -> Iterator[Piece]:  # noqa: ANN401 - pyarrow is imported late
    # Rows differ in length, so what was cut by their mean may still be too large.
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    body = sink.getvalue()
    if body.size <= MAX_BODY_BYTES:
        yield Piece(body.to_pybytes(), CONTENT_TYPES["arrow"])
        return
    if batch.num_rows < 2:
        raise TooLargeError(f"a row is larger than {MAX_BODY_BYTES // 2**20} MiB")
    del body, sink
    middle = batch.num_rows // 2
    yield from _fitting(batch.slice(0, middle))
    yield from _fitting(batch.slice(middle))
