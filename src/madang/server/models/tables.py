"""Tables of the lake."""

from __future__ import annotations

from madang.server.models.base import Answer, Instant
from madang.server.models.misfits import Misfits


class TableSummary(Answer):
    """A table in a list."""

    name: str
    """``<namespace>.<table>``."""
    namespace: str
    """The part before the dot: ``lake``, ``system``, …"""
    rows: int
    """Rows that are committed; SQL also sees those that are still in the stream."""
    size_bytes: int
    """Size of its data files."""
    files: int
    """Number of its data files."""
    last_commit_at: Instant | None
    """When its newest snapshot was made; null: there is none."""
    description: str
    """What a row is; empty: nobody wrote it."""
    stream: str | None
    """The stream that fills it; null: none does now."""


class TablesAnswer(Answer):
    """All tables."""

    tables: list[TableSummary]
    """Every table, by name."""


class ColumnRow(Answer):
    """A column."""

    name: str
    """The column's name."""
    type: str
    """Its Iceberg type."""
    nullable: bool
    """Whether it may be null."""
    description: str
    """What it means; empty: nobody wrote it."""
    added_at: Instant | None
    """The first snapshot that had it; null: the table always had it, as far as is known."""


class SnapshotRow(Answer):
    """A state in the table's history."""

    id: str
    """For ``FOR SYSTEM_VERSION AS OF``; text, since it has 64 bits."""
    at: Instant
    """When it was committed."""
    operation: str
    """Iceberg's word: ``append``, ``overwrite`` (compaction), ``delete``, ``replace``."""
    rows: int
    """Rows of the table then."""
    added_rows: int
    """Rows that this commit added."""
    files: int
    """Data files of the table then."""
    summary: dict[str, str]
    """Everything that the commit noted, such as ``madang.offsets``."""


class TablePartition(Answer):
    """A day of a table."""

    partition: str
    """The day, or empty where the table has none."""
    rows: int
    """Rows of that day."""
    files: int
    """Data files of that day."""
    size_bytes: int
    """Size of those files."""


class FileRow(Answer):
    """A data file."""

    path: str
    """Where the Parquet file lies."""
    rows: int
    """Rows in the file."""
    size_bytes: int
    """Size of the file."""
    partition: str
    """The day that its rows are of."""


class TableAnswer(TableSummary):
    """A table in full."""

    columns: list[ColumnRow]
    """Its columns, in order."""
    snapshots: list[SnapshotRow]
    """Its snapshots, newest first, at most 100."""
    partitions: list[TablePartition]
    """Its days, newest first."""
    files_sample: list[FileRow]
    """Data files of the newest days, at most 200."""
    location: str
    """The table's folder, for other Iceberg readers."""
    misfits: Misfits
    """Values that stand in ``_rest``, for no column took them."""


class DroppedTable(Answer):
    """A table that is no more."""

    name: str
    """Its full name."""
    rows: int
    """Rows that it had."""
    size_bytes: int
    """Size of the files that were removed, those of its older states among them."""
