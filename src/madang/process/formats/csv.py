"""CSV records (RFC 4180), with the header from the request or the stream's spec."""

from __future__ import annotations

import csv as python_csv
import re
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from madang.process.engine import Engine, literal
from madang.process.formats.split import Split, TextColumn, column
from madang.process.parsed import Dead

INVALID_CSV = "invalid_csv"
_BLOCK_BYTES = 2**24


class CsvSplitter:
    """Splits CSV records; an empty field is null, a quoted empty one the empty text.

    Args:
        header: Column names where the input brings none; without either, ``column1`` and so on.
        delimiter: One character.
    """

    def __init__(self, engine: Engine, header: Sequence[str], delimiter: str) -> None:
        self._engine = engine
        self._header = list(header)
        self._delimiter = delimiter
        end = re.escape(delimiter)
        field = rf'(?:"(?:[^"]|"")*"|[^"{end}\r\n][^{end}\r\n]*|)'
        self._record = rf"{field}(?:{end}{field})*"

    def split(self, text: pa.Array, attributes: Mapping[str, str]) -> Split:
        """A column per name of the header; records with another number of fields are dead."""
        header = self._names(attributes.get("header"), text)
        fine = self._well_formed(text)
        dead = [
            Dead(row, INVALID_CSV, "a quote is opened and not closed, or closed inside a field")
            for row in np.flatnonzero(~fine).tolist()
        ]
        if len(header) > 1:
            # Arrow would take an empty line for a record of nulls.
            empty = pc.equal(text, "").to_numpy(zero_copy_only=False)
            dead += [
                Dead(row, INVALID_CSV, "an empty line") for row in np.flatnonzero(empty).tolist()
            ]
            fine &= ~empty
        rows = np.flatnonzero(fine)
        table, wrong = self._read(text.take(pa.array(rows)) if dead else text, header)
        for row, count in wrong:
            reason = f"{count} fields, the header names {len(header)}"
            dead.append(Dead(int(rows[row]), INVALID_CSV, reason))
        if wrong:
            rows = np.delete(rows, [row for row, _ in wrong])
        assert table.num_rows == len(rows)
        columns = [TextColumn(name, column(table, str(i))) for i, name in enumerate(header)]
        return Split(rows, columns, dead)

    def _names(self, line: str | None, text: pa.Array) -> list[str]:
        names = list(self._header)
        if line is not None:
            trimmed = line.lstrip("\ufeff").rstrip("\r\n")
            names = self._fields(trimmed)
        if not names:
            first = text[0].as_py() if len(text) else ""
            return [f"column{i + 1}" for i in range(max(len(self._fields(first)), 1))]
        return _distinct([name.strip() for name in names])

    def _fields(self, line: str) -> list[str]:
        try:
            return next(python_csv.reader([line], delimiter=self._delimiter), [])
        except python_csv.Error:  # A bare line end, or a field beyond 128 KiB.
            return line.split(self._delimiter)

    def _well_formed(self, text: pa.Array) -> npt.NDArray[np.bool_]:
        """Whether each record is one record: no open quote, no line end outside quotes."""
        doubtful = pc.match_substring_regex(text, '["\r\n]').to_numpy(zero_copy_only=False)
        fine = np.ones(len(text), np.bool_)
        rows = np.flatnonzero(doubtful)
        if len(rows):
            found = self._engine.query(
                f"SELECT regexp_full_match(v, {literal(self._record)}, 's') AS m FROM t",
                t=pa.table({"v": text.take(pa.array(rows))}),
            )
            fine[rows] = column(found, "m").to_numpy(zero_copy_only=False)
        return fine

    def _read(
        self, text: pa.Array, header: Sequence[str]
    ) -> tuple[pa.Table, list[tuple[int, int]]]:
        """The fields, and (row, number of fields) of records with the wrong number."""
        names = [str(i) for i in range(len(header))]
        schema = pa.schema([pa.field(name, pa.string()) for name in names])
        if not len(text):
            return schema.empty_table(), []
        wrong: list[tuple[int, int]] = []

        def skip(row: arrow_csv.InvalidRow) -> str:
            wrong.append((row.number - 1, row.actual_columns))
            return "skip"

        joined = pc.binary_join(pa.ListArray.from_arrays(pa.array([0, len(text)]), text), "\n")
        body = pa.py_buffer(joined[0].as_buffer().to_pybytes() + b"\n")
        table = arrow_csv.read_csv(
            pa.BufferReader(body),
            # Only a single thread tells the number of a wrong row.
            read_options=arrow_csv.ReadOptions(
                column_names=names, use_threads=False, block_size=max(len(body), _BLOCK_BYTES)
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=self._delimiter,
                newlines_in_values=True,
                ignore_empty_lines=False,
                invalid_row_handler=skip,
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=schema,
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
        return table, wrong


def _distinct(names: list[str]) -> list[str]:
    """Names without repeats: the second ``id`` becomes ``id_2``; a missing one ``column<n>``."""
    seen: dict[str, int] = {}
    out = []
    for index, name in enumerate(names):
        wanted = name or f"column{index + 1}"
        seen[wanted] = seen.get(wanted, 0) + 1
        out.append(wanted if seen[wanted] == 1 else f"{wanted}_{seen[wanted]}")
    return out
