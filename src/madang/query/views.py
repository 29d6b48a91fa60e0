"""The view of a pinned table: its Parquet files, and the fresh part behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from madang.query.catalog_port import Column, FreshPart, PinnedTable
from madang.query.policy import Rights
from madang.query.types import literal, merged_type, quoted, sql_type


@dataclass(frozen=True, slots=True)
class TableView:
    """What a statement calls ``path`` is the view ``schema.name``; ``sql`` creates it."""

    schema: str
    name: str
    sql: str
    files: tuple[str, ...]
    arrow_tables: dict[str, pa.Table] = field(default_factory=dict)

    @property
    def path(self) -> tuple[str, ...]:
        """How the text that runs names it."""
        return catalog_path(self.schema, self.name)

    @property
    def qualified(self) -> str:
        """``path`` as SQL."""
        return ".".join(quoted(part) for part in self.path)


def catalog_path(schema: str, name: str) -> tuple[str, ...]:
    """The path of a view; ``system`` alone would be DuckDB's own catalog."""
    return ("memory", schema, name)


def table_view(
    table: PinnedTable, fresh: FreshPart | None, rights: Rights, *, schema: str, number: int
) -> TableView:
    """The view of ``table`` joined with ``fresh``, filtered and masked by ``rights``.

    Columns are known by their field ids, so renamed and added columns read right in every file;
    columns that only the fresh part has come last. Names that differ only in case, which SQL cannot
    tell apart, get a number behind them.
    """
    rows = fresh.rows if fresh is not None and fresh.rows.num_rows else None
    columns, names = merged_columns(table, fresh)
    sources = []
    if table.select is not None:
        sources.append(table.select)
    elif table.files:
        sources.append(_files_select(table, columns, names))
    arrow_tables = {}
    if rows is not None:
        arrow_tables[f"__fresh_{number}"] = rows.rename_columns(
            [f"f{position}" for position in range(rows.num_columns)]
        )
        sources.append(_fresh_select(rows.schema, columns, names, number))
    if not sources:
        nulls = ", ".join(
            f"NULL::{sql_type(column.type)} AS {quoted(name)}"
            for column, name in zip(columns, names, strict=True)
        )
        sources.append(f"SELECT {nulls or 'NULL AS _time'} WHERE false")
    body = _restricted(" UNION ALL ".join(sources), names, rights)
    name = table.name.split(".", 1)[1]
    path = ".".join(quoted(part) for part in catalog_path(schema, name))
    return TableView(
        schema,
        name,
        f"CREATE VIEW {path} AS {body}",
        table.files,
        arrow_tables,
    )


def merged_columns(table: PinnedTable, fresh: FreshPart | None) -> tuple[list[Column], list[str]]:
    """The columns of a table with those of its fresh part behind, and what SQL calls them."""
    columns = list(table.columns)
    if fresh is not None:
        columns = _with_fresh(columns, fresh.rows.schema)
    return columns, distinct_names([column.name for column in columns])


def distinct_names(names: Sequence[str]) -> list[str]:
    """``names``, with a number behind those that differ from an earlier one only in case."""
    taken: set[str] = set()
    given = []
    for name in names:
        candidate, number = name, 1
        while candidate.lower() in taken:
            candidate, number = f"{name}_{number}", number + 1
        taken.add(candidate.lower())
        given.append(candidate)
    return given


def _with_fresh(columns: list[Column], schema: pa.Schema) -> list[Column]:
    fresh = {field.name: field.type for field in schema}
    known = [
        Column(column.name, merged_type(column.type, fresh[column.name]), column.field_id)
        if column.name in fresh
        else column
        for column in columns
    ]
    names = {column.name for column in columns}
    return known + [
        Column(name, type_, 0)
        for name, type_ in fresh.items()
        if name not in names and not pa.types.is_null(type_)
    ]


def _files_select(table: PinnedTable, columns: Sequence[Column], names: Sequence[str]) -> str:
    stored = {column.name: column for column in table.columns}
    fields = ", ".join(
        f"{column.field_id}: {{name: 'c{column.field_id}',"
        f" type: {literal(sql_type(column.type))}, default_value: NULL}}"
        for column in table.columns
    )
    selected = []
    for column, name in zip(columns, names, strict=True):
        own = stored.get(column.name)
        if own is None:
            value = f"NULL::{sql_type(column.type)}"
        elif own.type == column.type:
            value = f"c{own.field_id}"
        else:
            value = f"c{own.field_id}::{sql_type(column.type)}"
        selected.append(f"{value} AS {quoted(name)}")
    files = ", ".join(literal(file) for file in table.files)
    return (
        f"SELECT {', '.join(selected)} FROM read_parquet([{files}], schema = MAP {{{fields}}},"
        " hive_partitioning = false)"
    )


def _fresh_select(
    schema: pa.Schema, columns: Sequence[Column], names: Sequence[str], number: int
) -> str:
    selected = []
    for column, name in zip(columns, names, strict=True):
        position = schema.get_field_index(column.name)
        value = f"f{position}" if position >= 0 else "NULL"
        selected.append(f"{value}::{sql_type(column.type)} AS {quoted(name)}")
    return f"SELECT {', '.join(selected)} FROM __fresh_{number}"


def _restricted(body: str, names: Sequence[str], rights: Rights) -> str:
    condition = rights.row_filter
    if not names or (condition is None and not rights.masks):
        return body
    shown = []
    for name in names:
        value = f"({rights.masks[name]})" if name in rights.masks else quoted(name)
        if condition is not None:
            # DuckDB may ask the asker's own conditions first, whose errors tell what they met.
            value = f"CASE WHEN {condition} THEN {value} END"
        shown.append(f"{value} AS {quoted(name)}")
    there = {name.lower() for name in names}
    absent = "".join(
        f", NULL::{kind} AS {quoted(name)}"
        for name, kind in rights.filter_columns.items()
        if name not in there
    )
    where = "" if condition is None else f" WHERE ({condition})"
    return f"SELECT {', '.join(shown)} FROM (SELECT *{absent} FROM ({body})){where}"
