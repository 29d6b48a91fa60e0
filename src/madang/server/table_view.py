"""Tables as people look at them: read from Iceberg's metadata, in a thread, kept per version.

The lake's reader parses each metadata file once, so looking again costs a look at the catalog.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from madang.core.errors import MadangError
from madang.core.names import SERIES
from madang.lake import Lake
from madang.lake.pinned import PinnedFile
from madang.lake.state import Snapshot, TableState
from madang.lake.table import LakeTable
from madang.operate.tallies import read_misfits
from madang.project import Project
from madang.server.context import ServerContext
from madang.server.filled_table import filled_table
from madang.server.misfit_view import misfits_of
from madang.server.models.base import maybe_instant
from madang.server.models.overview import TableFlow
from madang.server.models.tables import (
    ColumnRow,
    FileRow,
    SnapshotRow,
    TableAnswer,
    TablePartition,
    TableSummary,
)

_OWN = {SERIES: "Labels of the samples' series, in a row for every day of a series"}
_MAX_SNAPSHOTS = 100
_MAX_FILES = 200
_MAX_PARTITIONS = 1000


@dataclass(frozen=True, slots=True)
class Summary:
    """A table's size, from its latest snapshot's summary: no file list is read."""

    name: str
    rows: int
    size_bytes: int
    files: int
    last_commit_us: int | None
    description: str
    stream: str | None

    def flow(self) -> TableFlow:
        """The overview's row."""
        return TableFlow(
            name=self.name,
            rows=self.rows,
            size_bytes=self.size_bytes,
            files=self.files,
            last_commit_at=maybe_instant(self.last_commit_us),
        )

    def row(self) -> TableSummary:
        """The list's row."""
        return TableSummary(
            **self.flow().model_dump(),
            namespace=self.name.rpartition(".")[0],
            description=self.description,
            stream=self.stream,
        )


class TableViews:
    """All tables. Thread-safe; every call reads files, so not on the event loop."""

    def __init__(self, context: ServerContext) -> None:
        self._context = context
        self._lake: Lake = context.lake

    def all(self) -> list[Summary]:
        """Every table, by name; one that is dropped meanwhile is left out."""
        project = self._context.project()
        found = []
        for name in self._lake.names():
            try:
                found.append(_summary(name, self._lake.table(name).state(), project))
            except MadangError:
                continue
        return found

    def full(self, name: str) -> TableAnswer:
        """A table with its columns, history and files.

        Raises:
            NotFoundError: there is none of that name.
        """
        project = self._context.project()
        table = self._lake.table(name)
        state = table.state()
        current = state.current
        files = table.reader.files(current) if current else ()
        return TableAnswer(
            **_summary(name, state, project).row().model_dump(),
            columns=_columns(table, state, project),
            snapshots=[_snapshot(one) for one in reversed(state.snapshots[-_MAX_SNAPSHOTS:])],
            partitions=_partitions(files),
            files_sample=_files(files),
            location=str(state.table_folder),
            misfits=misfits_of(name, read_misfits(self._context.data).values()),
        )


def _summary(name: str, state: TableState, project: Project) -> Summary:
    current = state.current
    noted = current.summary if current else {}
    spec = project.tables.get(name)
    filled = ((key, filled_table(one)) for key, one in project.streams.items())
    stream = next((key for key, one in filled if one is not None and one.name == name), None)
    description = spec.description if spec else _OWN.get(name, "")
    if not description and stream is not None:
        description = project.streams[stream].description
    return Summary(
        name=name,
        rows=int(noted.get("total-records", 0)),
        size_bytes=int(noted.get("total-files-size", 0)),
        files=int(noted.get("total-data-files", 0)),
        last_commit_us=current.at_us if current else None,
        description=description,
        stream=stream,
    )


def _columns(table: LakeTable, state: TableState, project: Project) -> list[ColumnRow]:
    spec = project.tables.get(table.name)
    described = spec.columns if spec else {}
    first_seen = _first_seen(state)
    return [
        ColumnRow(
            name=column.name,
            type=str(column.iceberg_type),
            nullable=column.nullable,
            description=described.get(column.name) or column.doc or "",
            added_at=maybe_instant(first_seen.get(column.name)),
        )
        for column in state.columns()
    ]


def _first_seen(state: TableState) -> dict[str, int]:
    """Column → the time of the first snapshot that had it, where an older one had not.

    By name: a column that became one of doubles is another field, and was there before.
    """
    seen: dict[str, int] = {}
    always: set[str] = set()
    for position, snapshot in enumerate(state.snapshots):
        names = {field.name for field in state.schema(snapshot.schema_id).fields}
        if position == 0:
            always = names
        for name in names - always - seen.keys():
            seen[name] = snapshot.at_us
    return seen


def _snapshot(snapshot: Snapshot) -> SnapshotRow:
    noted = snapshot.summary
    return SnapshotRow(
        id=str(snapshot.snapshot_id),
        at=maybe_instant(snapshot.at_us),
        operation=snapshot.operation,
        rows=int(noted.get("total-records", 0)),
        added_rows=int(noted.get("added-records", 0)),
        files=int(noted.get("total-data-files", 0)),
        summary={key: str(value) for key, value in noted.items() if key != "operation"},
    )


def _partitions(files: tuple[PinnedFile, ...]) -> list[TablePartition]:
    by_day: dict[str, list[PinnedFile]] = defaultdict(list)
    for file in files:
        by_day[file.partition or ""].append(file)
    return [
        TablePartition(
            partition=day,
            rows=sum(file.rows for file in by_day[day]),
            files=len(by_day[day]),
            size_bytes=sum(file.size_bytes for file in by_day[day]),
        )
        for day in sorted(by_day, reverse=True)[:_MAX_PARTITIONS]
    ]


def _files(files: tuple[PinnedFile, ...]) -> list[FileRow]:
    newest = sorted(files, key=lambda file: (file.partition or "", file.path), reverse=True)
    return [
        FileRow(
            path=file.path,
            rows=file.rows,
            size_bytes=file.size_bytes,
            partition=file.partition or "",
        )
        for file in newest[:_MAX_FILES]
    ]
