"""A table of the lake: its schema, its offsets, fenced commits, and pinned states to read."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

import pyarrow as pa
from pyiceberg.exceptions import CommitFailedException, NoSuchTableError
from pyiceberg.manifest import DataFile
from pyiceberg.schema import Schema

from madang.core.clock import from_us
from madang.core.errors import FencedError, MadangError, NotFoundError
from madang.core.names import unknown
from madang.lake.catalog import CatalogFile, lake_errors
from madang.lake.evolution import conform, evolve
from madang.lake.forms import form_of
from madang.lake.lineage import Source
from madang.lake.pinned import PinnedTable
from madang.lake.state import Snapshot, StateReader, TableState
from madang.lake.transaction import append_files, stored_offsets
from madang.lake.types import to_arrow
from madang.lake.writer import FileLayout, discard, within_years, write_rows
from madang.project import TableSpec

if TYPE_CHECKING:
    from pyiceberg.table import Table

    from madang.lake.describe import TableDescription, TableSummary

_ATTEMPTS: Final = 8
"""How often a commit is tried over when upkeep of the same table came first."""


@dataclass(frozen=True, slots=True)
class CommitReport:
    """What a commit did. ``snapshot_id`` shows it; ``columns`` are the ones that it added."""

    table: str
    snapshot_id: int
    rows: int
    files: int
    size_bytes: int
    offsets: Mapping[str, int]
    columns: tuple[str, ...]
    duration_s: float


class LakeTable:
    """One table. Cheap to make; every method looks at the catalog anew. Thread-safe.

    Args:
        name: ``<namespace>.<table>``.
        catalog: Where its current state is pointed at.
        reader: Parsed states, shared among tables.
        spec: Descriptions, which the next commit writes into the table.
        sort_by: Columns that rows are sorted by within a file; ``_time`` by default.
    """

    def __init__(
        self,
        name: str,
        catalog: CatalogFile,
        reader: StateReader,
        *,
        spec: TableSpec | None = None,
        sort_by: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.spec = spec or TableSpec(name=name)
        self.sort_by = sort_by
        self._namespace, _, self._table = name.rpartition(".")
        self._catalog = catalog
        self.reader = reader

    @property
    def schema(self) -> pa.Schema:
        """The table's Arrow schema as it stands."""
        return to_arrow(self.state().schema())

    def offsets(self) -> dict[str, int]:
        """``<stream>/<partition>`` → the next offset, of the current snapshot."""
        current = self.state().current
        return current.offsets if current else {}

    def sources(self) -> dict[str, Source]:
        """Stream → the log in which its offsets count, of the current snapshot."""
        current = self.state().current
        return current.sources if current else {}

    def state(self) -> TableState:
        """The table's current state.

        Raises:
            NotFoundError: there is no such table (any more).
            CorruptionError: its metadata is missing or damaged.
        """
        # A writer removes old metadata: a reader that comes too late for one asks again.
        for attempt in range(_ATTEMPTS):
            location = self._catalog.pointer(self._namespace, self._table)
            if location is None:
                known = [".".join(each) for each in self._catalog.tables()]
                raise unknown("table", self.name, known)
            try:
                with lake_errors(f"the table {self.name}"):
                    return self.reader.state(location)
            except MadangError:
                if attempt == _ATTEMPTS - 1 or location == self._catalog.pointer(
                    self._namespace, self._table
                ):
                    raise
        raise AssertionError("unreachable")

    def pin(self, as_of: datetime | int | None = None) -> PinnedTable:
        """Hold one state of the table.

        Args:
            as_of: None for the current state, a time with a zone for the state at that time, or
                the id of a snapshot.

        Raises:
            NotFoundError: history does not reach back that far, or has no such snapshot.
        """
        state = self.state()
        with lake_errors(f"the table {self.name}"):
            snapshot = state.current if as_of is None else self._past(state, as_of)
            schema_id = None if as_of is None or snapshot is None else snapshot.schema_id
            return PinnedTable(
                name=self.name,
                snapshot_id=snapshot.snapshot_id if snapshot else None,
                at_us=snapshot.at_us if snapshot else None,
                schema=state.arrow(schema_id),
                columns=state.columns(schema_id),
                files=self.reader.files(snapshot) if snapshot else (),
                offsets=snapshot.offsets if snapshot else {},
                location=state.table_folder,
                sources=snapshot.sources if snapshot else {},
            )

    def _past(self, state: TableState, as_of: datetime | int) -> Snapshot:
        history = state.snapshots
        if isinstance(as_of, int):
            found = next((each for each in history if each.snapshot_id == as_of), None)
            wanted = f"snapshot {as_of}"
        else:
            at_us = round(as_of.timestamp() * 1_000_000)
            found = next((each for each in reversed(history) if each.at_us <= at_us), None)
            wanted = f"state at {as_of.isoformat()}"
        if found is None:
            earliest = from_us(history[0].at_us).isoformat() if history else None
            raise NotFoundError(
                f"the table {self.name} has no {wanted}",
                hint=f"its history begins at {earliest}" if earliest else "it is still empty",
            )
        return found

    def commit(
        self,
        rows: pa.Table,
        *,
        expected: Mapping[str, int],
        reached: Mapping[str, int],
        sources: Mapping[str, Source] | None = None,
    ) -> CommitReport:
        """Add rows and move the offsets, both or neither, durably.

        Args:
            rows: Any columns in any order; new ones are added to the table, wider ones widen it.
                ``_time`` is kept within the years 0001 to 9999.
                No rows at all is a commit too: only the offsets move.
            expected: ``<stream>/<partition>`` → the offset that the table must stand at; a
                partition that is not named must not have any.
            reached: The offsets to stand at afterwards.
            sources: Stream → the log in which its offsets count; of others the table keeps what
                it says.

        Raises:
            FencedError: the table stands elsewhere: another writer was here.
            InvalidInputError: a column cannot become what the rows need; nothing was written.
            StorageFullError: no room; nothing was committed.
        """
        started = time.monotonic()
        for _ in range(_ATTEMPTS):
            state = self.state()
            current = state.current
            self._fence(current.offsets if current else {}, expected, reached)
            with lake_errors(f"the table {self.name}"):
                before = state.schema()
                schema = self._evolved(before, rows, state.last_column_id)
                files = write_rows(
                    within_years(conform(rows, to_arrow(schema))), self.layout(state, schema)
                )
                done = self._append(files, (before, schema), (expected, reached), sources or {})
            if done is None:
                # Another schema than the one that the files were written for.
                discard(files)
                continue
            snapshot_id, offsets = done
            known = {field.name for field in before.fields}
            return CommitReport(
                table=self.name,
                snapshot_id=snapshot_id,
                rows=rows.num_rows,
                files=len(files),
                size_bytes=sum(file.file_size_in_bytes for file in files),
                offsets=offsets,
                columns=tuple(f.name for f in schema.fields if f.name not in known),
                duration_s=time.monotonic() - started,
            )
        raise FencedError(f"the table {self.name} was changed {_ATTEMPTS} times during one commit")

    def commit_files(
        self,
        files: Sequence[DataFile],
        *,
        expected: Mapping[str, int],
        reached: Mapping[str, int],
        sources: Mapping[str, Source] | None = None,
    ) -> CommitReport:
        """As ``commit``, for files that were written already, in the table's schema and layout.

        Raises:
            FencedError: the table stands elsewhere, or has another schema now; the files are gone.
        """
        started = time.monotonic()
        schema = self.state().schema()
        with lake_errors(f"the table {self.name}"):
            done = self._append(files, (schema, schema), (expected, reached), sources or {})
        if done is None:
            discard(files)
            raise FencedError(f"the schema of {self.name} was changed during a commit")
        return CommitReport(
            table=self.name,
            snapshot_id=done[0],
            rows=sum(file.record_count for file in files),
            files=len(files),
            size_bytes=sum(file.file_size_in_bytes for file in files),
            offsets=done[1],
            columns=(),
            duration_s=time.monotonic() - started,
        )

    def _append(
        self,
        files: Sequence[DataFile],
        schemas: tuple[Schema, Schema],
        offsets: tuple[Mapping[str, int], Mapping[str, int]],
        sources: Mapping[str, Source],
    ) -> tuple[int, dict[str, int]] | None:
        """Commit files; None if the table's schema is not the first of ``schemas`` any more."""
        before, schema = schemas
        for _ in range(_ATTEMPTS):
            with self.turn():
                try:
                    table = self.load()
                    merged = self._fence(stored_offsets(table), *offsets)
                except (FencedError, NoSuchTableError):
                    discard(files)
                    raise
                if table.metadata.schema() != before:
                    return None
                evolved = table.metadata.schema() if schema is before else schema
                current = table.metadata.current_snapshot_id  # a commit moves it
                try:
                    return append_files(table, files, merged, evolved, sources), merged
                except CommitFailedException:
                    # Somebody who does not take turns. Whether a writer, the offsets tell.
                    continue
                except Exception:
                    self.discard_uncommitted(files, current)
                    raise
        discard(files)
        raise FencedError(f"the table {self.name} was changed {_ATTEMPTS} times during one commit")

    def discard_uncommitted(self, files: Sequence[DataFile], before: int | None) -> None:
        """Remove the files of a commit that failed, such as for want of room, which they take.

        Args:
            files: Of the commit.
            before: The snapshot that it began with. Where another one is current now the commit may
                be in it, and the files stay: if it is not, they are orphans.
        """
        try:
            current = self.state().current
        except MadangError:
            return
        if (current.snapshot_id if current else None) == before:
            discard(files)

    def _evolved(self, before: Schema, rows: pa.Table, last_id: int) -> Schema:
        return evolve(before, rows.schema, last_id=last_id, docs=self.spec.columns)

    def _fence(
        self, stored: Mapping[str, int], expected: Mapping[str, int], reached: Mapping[str, int]
    ) -> dict[str, int]:
        for key in {**expected, **reached}:
            if stored.get(key) != expected.get(key):
                raise FencedError(
                    f"the table {self.name} stands at offset {stored.get(key)} of {key}, "
                    f"not at {expected.get(key)}: another writer delivered to it",
                    hint="only one process may deliver to a table",
                )
        return {**stored, **reached}

    def turn(self) -> AbstractContextManager[None]:
        """The turn to commit to this table; held while its state is read, changed and committed."""
        return self._catalog.turn(self._namespace, self._table)

    def load(self) -> Table:
        """The table as PyIceberg has it, for a transaction."""
        return self._catalog.open().load_table((self._namespace, self._table))

    def layout(self, state: TableState, schema: Schema) -> FileLayout:
        """How data files of the table are written."""
        form = form_of(state.properties)
        return FileLayout(
            folder=state.table_folder / "data",
            schema=schema,
            by_day=state.by_day,
            sort_by=self.sort_by or (form.sort_by if form else ()),
            spec_id=state.spec_id,
            form=form,
        )

    def describe(self) -> TableDescription:
        """Columns, history, days and files, for people to look at."""
        from madang.lake.describe import describe

        return describe(self)

    def summarize(self) -> TableSummary:
        """Rows, files and bytes of the current state; reads no list of files."""
        from madang.lake.describe import summarize

        return summarize(self)
