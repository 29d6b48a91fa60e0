"""Files that the person at the machine names, as tables: asked without a platform.

The operator names the files; the SQL names only the tables, and reaches nothing else, as in any
query. Types come from a sample. Text stays text, nested and mixed values stay as they are written,
so a later record that differs does not end a long query; where one must (a word among numbers),
the error names the file and, in JSON and CSV, the line.
"""

from __future__ import annotations

import glob
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import orjson

from madang.core.errors import InvalidInputError, NotFoundError, Place
from madang.core.names import DEFAULT_NAMESPACE, RULE, is_name
from madang.query.catalog_port import FreshPart, PinnedTable
from madang.query.diagnose import diagnosed
from madang.query.rewrite import Rewritten
from madang.query.types import literal, quoted
from madang.query.zstd_frames import ends_whole

_KINDS = {
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
}
_COMPRESSED = (".gz", ".zst")
_SAMPLE_FILES = 16
_SAMPLE_RECORDS = 5_000
_JSON_FORMATS = {"ndjson": "newline_delimited", "json": "auto"}
_FILE_COLUMN = "__madang_file"


@dataclass(frozen=True, slots=True)
class LocalTable:
    """Files of one kind under one name. ``select`` reads them."""

    name: str
    files: tuple[str, ...]
    select: str


def local_table(name: str, pattern: str, *, as_text: bool = False) -> LocalTable:
    """The files that match ``pattern`` as the table ``name``.

    Args:
        name: What SQL calls it.
        pattern: A path, or a glob; ``.ndjson``, ``.jsonl``, ``.json``, ``.csv``, ``.tsv``, each
            also with ``.gz`` or ``.zst``, and ``.parquet``.
        as_text: Every column of JSON and CSV is text: nothing can fail to fit.

    Raises:
        NotFoundError: No file matches.
        InvalidInputError: Kinds are unknown or mixed, or the sample cannot be read.
    """
    if not is_name(name):
        raise InvalidInputError(f"{name!r} cannot name a table", hint=f"a name is {RULE}")
    files = tuple(sorted(path for path in _matches(pattern) if Path(path).is_file()))
    if not files:
        raise NotFoundError(f"no file matches {pattern!r}", hint="quote patterns for the shell")
    kinds = {_kind(file) for file in files}
    if kinds == {"json", "ndjson"}:
        kinds = {"json"}
    if len(kinds) > 1:
        raise InvalidInputError(
            f"{pattern!r} matches files of several kinds: {', '.join(sorted(kinds))}",
            hint="name them as separate tables",
        )
    for file in files:
        if file.lower().endswith(".zst") and not ends_whole(Path(file)):
            raise InvalidInputError("the compressed data ends too early", where=Place(file))
    select = _SELECTS[kinds.pop()]
    connection = duckdb.connect(":memory:", config={"threads": 1})
    try:
        return LocalTable(name, files, select(connection, files, as_text))
    except duckdb.Error as error:
        raise diagnosed(error, Rewritten(b"")) from error
    finally:
        connection.close()


class LocalCatalog:
    """A :class:`~madang.query.catalog_port.Catalog` of files; they have no past and no stream."""

    def __init__(self, tables: Sequence[LocalTable]) -> None:
        self._tables: Mapping[str, LocalTable] = {
            f"{DEFAULT_NAMESPACE}.{table.name}": table for table in tables
        }

    def names(self) -> Sequence[str]:
        """The tables' full names."""
        return list(self._tables)

    def pin(self, name: str, as_of: int | datetime | None = None) -> PinnedTable:
        """The table's files as they are.

        Raises:
            InvalidInputError: A moment of the past is asked for.
        """
        if as_of is not None:
            raise InvalidInputError(f"{name} is made of files, which have no snapshots")
        table = self._tables[name]
        return PinnedTable(name, (), table.files, None, select=table.select)

    def fresh(self, table: PinnedTable, *, max_bytes: int | None = None) -> FreshPart | None:
        """None: no stream stands behind files."""
        del table, max_bytes
        return None


def _matches(pattern: str) -> list[str]:
    expanded = str(Path(pattern).expanduser())
    found = [expanded] if Path(expanded).exists() else glob.glob(expanded, recursive=True)  # noqa: PTH207 - absolute and recursive patterns alike
    paths = [str(Path(path).absolute()) for path in found]
    if strange := next((path for path in paths if any(mark in path for mark in "*?[")), None):
        raise InvalidInputError(
            f"the path {strange!r} holds a sign of a pattern", hint="rename the file"
        )
    return paths


def _kind(path: str) -> str:
    bare = Path(path.lower())
    if bare.suffix in _COMPRESSED:
        bare = bare.with_suffix("")
    kind = _KINDS.get(bare.suffix)
    if kind is None or (kind == "parquet" and path.lower().endswith(_COMPRESSED)):
        raise InvalidInputError(
            f"{path!r} is of no known kind",
            hint=f"known endings: {', '.join(_KINDS)}, of text also with .gz or .zst",
        )
    return kind


def _list(files: Sequence[str]) -> str:
    return f"[{', '.join(literal(file) for file in files)}]"


def _json_select(kind: str) -> Callable[[Any, Sequence[str], bool], str]:
    def select(connection: Any, files: Sequence[str], as_text: bool) -> str:  # noqa: ANN401
        form = _JSON_FORMATS[kind]
        fields = _json_fields(connection, files, form)
        columns, values = [], []
        for name, structure in fields.items():
            is_whole = structure in ("BIGINT", "UBIGINT") and not as_text
            type_ = "VARCHAR" if is_whole or as_text else _json_type(structure)
            columns.append(f"{quoted(name)}: '{type_}'")
            values.append(_whole_number(name) if is_whole else quoted(name))
        return (
            f"SELECT {', '.join(values)} FROM read_json({_list(files)}, format = '{form}',"
            f" records = true, columns = {{{', '.join(columns)}}}, filename = '{_FILE_COLUMN}')"
        )

    return select


def _json_fields(connection: Any, files: Sequence[str], form: str) -> dict[str, Any]:  # noqa: ANN401
    """Field → its structure (a name of a type, or an object or list) in a sample of the files."""
    step = max(1, len(files) // _SAMPLE_FILES)
    samples = " UNION ALL ".join(
        f"(SELECT json FROM read_json_objects({literal(file)}, format = '{form}')"
        f" LIMIT {_SAMPLE_RECORDS})"
        for file in files[::step][-_SAMPLE_FILES:]
    )
    row = connection.execute(f"SELECT json_group_structure(json)::VARCHAR FROM ({samples})")
    text = row.fetchone()[0]
    if text is None:
        raise InvalidInputError(f"{files[0]} holds no records")
    fields = orjson.loads(text)
    if not isinstance(fields, dict) or not fields:
        raise InvalidInputError(f"the records of {files[0]} are not JSON objects with fields")
    known: dict[str, str] = {}
    for name in fields:
        if (other := known.setdefault(name.lower(), name)) != name:
            raise InvalidInputError(
                f"the records have fields {other!r} and {name!r}, which SQL cannot tell apart",
                hint="collect the files into a stream: its table numbers such columns",
            )
    return fields


def _json_type(structure: Any) -> str:  # noqa: ANN401
    if isinstance(structure, dict | list):
        return "JSON"
    return structure if structure in ("BOOLEAN", "DOUBLE") else "VARCHAR"


def _whole_number(name: str) -> str:
    """The text of a column as BIGINT; DuckDB's reader would round 1.5 without a word."""
    column = quoted(name)
    message = (
        f"concat({literal(f'the field {name} in ')}, {_FILE_COLUMN}, ' holds ', {column},"
        " ', which is not a whole number of 64 bits like those of the sample;"
        " --text reads all fields as text')"
    )
    return (
        f"CASE WHEN {column} IS NULL THEN NULL"
        f" WHEN contains({column}, '.') OR try_cast({column} AS BIGINT) IS NULL"
        f" THEN error({message})::BIGINT"
        f" ELSE try_cast({column} AS BIGINT) END AS {column}"
    )


def _csv_select(connection: Any, files: Sequence[str], as_text: bool) -> str:  # noqa: ANN401
    found = connection.execute(
        f"DESCRIBE SELECT * FROM read_csv({_list(files)}, all_varchar = {str(as_text).lower()})"
    ).fetchall()
    types, values = [], []
    for name, type_, *_ in found:
        read = type_ if type_ in ("DOUBLE", "BOOLEAN") else "VARCHAR"
        types.append(f"{quoted(name)}: '{read}'")
        values.append(_whole_number(name) if type_ == "BIGINT" else quoted(name))
    return (
        f"SELECT {', '.join(values)} FROM read_csv({_list(files)},"
        f" types = {{{', '.join(types)}}}, filename = '{_FILE_COLUMN}')"
    )


def _parquet_select(connection: Any, files: Sequence[str], as_text: bool) -> str:  # noqa: ANN401
    del as_text
    select = f"SELECT * FROM read_parquet({_list(files)}, hive_partitioning = false)"
    connection.execute(f"DESCRIBE {select}")
    return select


_SELECTS: dict[str, Callable[[Any, Sequence[str], bool], str]] = {
    "ndjson": _json_select("ndjson"),
    "json": _json_select("json"),
    "csv": _csv_select,
    "parquet": _parquet_select,
}
