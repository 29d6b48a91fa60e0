"""One state of a table, held fast: what a query reads, whatever is committed meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
from pyiceberg.types import IcebergType

from madang.lake.lineage import Source
from madang.lake.stats import Bound, read_bound
from madang.lake.writer import day_text


@dataclass(frozen=True, slots=True)
class PinnedColumn:
    """A column: its Iceberg field id, which stays, and its Arrow type as the table has it now."""

    field_id: int
    name: str
    type: pa.DataType
    nullable: bool
    doc: str | None
    iceberg_type: IcebergType


@dataclass(frozen=True, slots=True)
class PinnedFile:
    """A Parquet file of a table.

    ``day`` counts from 1970-01-01 UTC, None where the table has no days. ``lower``, ``upper`` and
    ``null_counts`` go by field id; :meth:`PinnedTable.bounds` reads them.
    """

    path: str
    rows: int
    size_bytes: int
    day: int | None
    lower: Mapping[int, bytes] = field(repr=False)
    upper: Mapping[int, bytes] = field(repr=False)
    null_counts: Mapping[int, int] = field(repr=False)

    @property
    def partition(self) -> str | None:
        """The day as ``2026-11-21``."""
        return None if self.day is None else day_text(self.day)


@dataclass(frozen=True, slots=True)
class PinnedTable:
    """A table as one snapshot shows it.

    ``schema``: Arrow, fields with their id as ``PARQUET:field_id``, nested ones too. ``files`` may
    have fewer columns than the schema (null there) and narrower types (int for long): match them by
    field id. ``offsets``: ``<stream>/<partition>`` → the next offset that is not in it yet.
    ``sources``: stream → the log in which its offsets count.
    ``snapshot_id`` and ``at_us`` are None before the first commit.
    """

    name: str
    snapshot_id: int | None
    at_us: int | None
    schema: pa.Schema
    columns: tuple[PinnedColumn, ...]
    files: tuple[PinnedFile, ...]
    offsets: Mapping[str, int]
    location: Path
    sources: Mapping[str, Source] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Rows of all files."""
        return sum(file.rows for file in self.files)

    @property
    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum(file.size_bytes for file in self.files)

    def bounds(self, file: PinnedFile, column: str) -> tuple[Bound | None, Bound | None]:
        """At most the least and at least the greatest value of a column in a file.

        Times are µs since 1970 UTC, dates days; text bounds are cut to 16 characters, the upper one
        rounded up. None: not known.
        """
        found = next((each for each in self.columns if each.name == column), None)
        if found is None:
            return None, None
        lower = file.lower.get(found.field_id)
        upper = file.upper.get(found.field_id)
        return (
            None if lower is None else read_bound(found.iceberg_type, lower),
            None if upper is None else read_bound(found.iceberg_type, upper),
        )
