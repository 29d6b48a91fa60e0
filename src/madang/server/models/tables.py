"""Tables of the lake."""

from __future__ import annotations

from madang.server.models.base import Answer, Instant


class TableSummary(Answer):
    """A table in a list."""

    name: str
    """``<namespace>.<table>``."""
    namespace: str
    """``lake``, ``system``, …"""
    rows: int
    """Committed."""
    size_bytes: int
    """Of its data files."""
    files: int
    """Data files."""
    last_commit_at: Instant | None
    """The last snapshot."""
    description: str
    """What a row is."""
    stream: str | None
    """The stream that fills it."""


class TablesAnswer(Answer):
    """All tables."""

    tables: list[TableSummary]
    """By name."""


class ColumnRow(Answer):
    """A column."""

    name: str
    """Its name."""
    type: str
    """Its Iceberg type."""
    nullable: bool
    """Whether it may be null."""
    description: str
    """What it means."""
    added_at: Instant | None
    """The first snapshot that had it; null: the table always had it, as far as is known."""


class SnapshotRow(Answer):
    """A state in the table's history."""

    id: str
    """For ``FOR SYSTEM_VERSION AS OF``; text, since it has 64 bits."""
    at: Instant
    """When it was committed."""
    operation: str
    """``append``, ``replace``, …"""
    rows: int
    """In the table then."""
    added_rows: int
    """Added by it."""
    files: int
    """In the table then."""
    summary: dict[str, str]
    """Everything that the commit noted."""


class TablePartition(Answer):
    """A day of a table."""

    partition: str
    """The day, or empty where the table has none."""
    rows: int
    """In it."""
    files: int
    """In it."""
    size_bytes: int
    """Of its files."""


class FileRow(Answer):
    """A data file."""

    path: str
    """Parquet."""
    rows: int
    """In it."""
    size_bytes: int
    """On disk."""
    partition: str
    """Its day."""


class TableAnswer(TableSummary):
    """A table in full."""

    columns: list[ColumnRow]
    """In order."""
    snapshots: list[SnapshotRow]
    """Newest first, at most 100."""
    partitions: list[TablePartition]
    """Newest first."""
    files_sample: list[FileRow]
    """The newest days' files, at most 200."""
    location: str
    """The table's folder."""
