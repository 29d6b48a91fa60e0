"""A table as people look at it: columns, history, days, files."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

import pyarrow as pa

from madang.lake.state import Snapshot, TableState
from madang.lake.table import LakeTable

_MOST_SNAPSHOTS = 100
_MOST_FILES = 200


@dataclass(frozen=True, slots=True)
class ColumnDescription:
    """A column; ``type`` as Iceberg names it, ``added_at_us`` None for "from the beginning"."""

    name: str
    type: str
    arrow_type: pa.DataType
    nullable: bool
    description: str
    added_at_us: int | None


@dataclass(frozen=True, slots=True)
class SnapshotDescription:
    """A state of the table; the ``summary`` is Iceberg's, with ``madang.offsets``."""

    snapshot_id: int
    at_us: int
    operation: str
    rows: int
    added_rows: int
    files: int
    summary: dict[str, str]


@dataclass(frozen=True, slots=True)
class PartitionDescription:
    """The files of a day (``2026-11-21``), or of the whole table (None)."""

    partition: str | None
    rows: int
    files: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class FileDescription:
    """A data file."""

    path: str
    rows: int
    size_bytes: int
    partition: str | None


@dataclass(frozen=True, slots=True)
class TableDescription:
    """A table: at most 100 snapshots, newest first; at most 200 files; partitions newest first."""

    name: str
    description: str
    location: str
    rows: int
    size_bytes: int
    files: int
    last_commit_at_us: int | None
    columns: tuple[ColumnDescription, ...]
    snapshots: tuple[SnapshotDescription, ...]
    partitions: tuple[PartitionDescription, ...]
    files_sample: tuple[FileDescription, ...]


@dataclass(frozen=True, slots=True)
class TableSummary:
    """A table in a line; from the latest snapshot's summary, no file list is read."""

    name: str
    rows: int
    size_bytes: int
    files: int
    last_commit_at_us: int | None


def summarize(table: LakeTable) -> TableSummary:
    """The size of a table; cheap enough to be asked every second."""
    current = table.state().current
    if current is None:
        return TableSummary(table.name, 0, 0, 0, None)
    return TableSummary(
        name=table.name,
        rows=_total(current, "total-records"),
        size_bytes=_total(current, "total-files-size"),
        files=_total(current, "total-data-files"),
        last_commit_at_us=current.at_us,
    )


def describe(table: LakeTable) -> TableDescription:
    """Everything about a table that a page shows."""
    state = table.state()
    pinned = table.pin()
    days: dict[str | None, PartitionDescription] = {}
    for file in pinned.files:
        day = file.partition
        before = days.get(day) or PartitionDescription(day, 0, 0, 0)
        days[day] = replace(
            before,
            rows=before.rows + file.rows,
            files=before.files + 1,
            size_bytes=before.size_bytes + file.size_bytes,
        )
    newest = sorted(pinned.files, key=lambda file: file.day or 0, reverse=True)[:_MOST_FILES]
    return TableDescription(
        name=table.name,
        description=table.spec.description or state.properties.get("comment", ""),
        location=str(state.table_folder),
        rows=pinned.rows,
        size_bytes=pinned.size_bytes,
        files=len(pinned.files),
        last_commit_at_us=pinned.at_us,
        columns=_columns(table, state),
        snapshots=tuple(_snapshot(each) for each in state.snapshots[: -_MOST_SNAPSHOTS - 1 : -1]),
        partitions=tuple(days[day] for day in sorted(days, key=lambda d: d or "", reverse=True)),
        files_sample=tuple(
            FileDescription(file.path, file.rows, file.size_bytes, file.partition)
            for file in newest
        ),
    )


def _columns(table: LakeTable, state: TableState) -> tuple[ColumnDescription, ...]:
    # By name: a column that became one of doubles is another field, and was there before.
    first_schema: dict[str, int] = {}
    for schema_id in state.schema_ids:
        for column in state.schema(schema_id).fields:
            first_schema.setdefault(column.name, schema_id)
    shown_at: dict[int, int] = defaultdict(int)
    for snapshot in reversed(state.snapshots):
        shown_at[snapshot.schema_id] = snapshot.at_us
    oldest = state.schema_ids[0]
    return tuple(
        ColumnDescription(
            name=column.name,
            type=str(column.iceberg_type),
            arrow_type=column.type,
            nullable=column.nullable,
            description=table.spec.columns.get(column.name) or column.doc or "",
            added_at_us=None
            if first_schema[column.name] == oldest
            else shown_at.get(first_schema[column.name]),
        )
        for column in state.columns()
    )


def _snapshot(snapshot: Snapshot) -> SnapshotDescription:
    return SnapshotDescription(
        snapshot_id=snapshot.snapshot_id,
        at_us=snapshot.at_us,
        operation=snapshot.operation,
        rows=_total(snapshot, "total-records"),
        added_rows=_total(snapshot, "added-records"),
        files=_total(snapshot, "total-data-files"),
        summary=dict(snapshot.summary),
    )


def _total(snapshot: Snapshot, key: str) -> int:
    return int(snapshot.summary.get(key, 0))
