"""The lake: its tables by name."""

from __future__ import annotations

import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa

from madang.core.clock import Clock, SystemClock
from madang.core.datadir import DataDir
from madang.core.errors import InvalidInputError
from madang.core.ids import new_id
from madang.core.names import RULE, unknown
from madang.lake.catalog import CatalogFile, lake_errors, warehouse_path
from madang.lake.decoder import TIME_COLUMN
from madang.lake.evolution import new_schema
from madang.lake.forms import form_properties
from madang.lake.state import StateReader
from madang.lake.table import LakeTable
from madang.lake.writer import FileForm
from madang.project import TableSpec

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}\.[a-z][a-z0-9_]{0,62}")
TABLE_PROPERTIES: Final = {
    "format-version": "2",
    # Of the metadata files only the latest are of use; readers that come late ask again.
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
    # A commit adds a manifest; every 32nd commit puts them together, full ones stay as they are.
    "commit.manifest-merge.enabled": "true",
    "commit.manifest.min-count-to-merge": "32",
    "commit.manifest.target-size-bytes": str(512 * 1024),
    # Madang tries over by itself, because it has to look at the offsets each time.
    "commit.retry.num-retries": "0",
}


_DROPPED: Final = ".dropped-"


@dataclass(frozen=True, slots=True)
class DropReport:
    """A table that is no more: its ``rows``, and the bytes of its files, old states among them."""

    table: str
    rows: int
    size_bytes: int


class Lake:
    """Every table of a data directory. Opening costs nothing until the first use.

    Safe among threads and processes: one process writes a table, any number reads it.
    """

    def __init__(self, data: DataDir, *, clock: Clock | None = None) -> None:
        self.data = data
        self.clock = clock or SystemClock()
        self._catalog = CatalogFile(data)
        self._reader = StateReader()

    def names(self) -> list[str]:
        """``<namespace>.<table>`` of every table, sorted."""
        if not self.data.catalog.exists() and not self.data.lake.exists():
            return []
        return [".".join(each) for each in self._catalog.tables()]

    def exists(self, name: str) -> bool:
        """Whether there is a table of that name."""
        namespace, _, table = name.rpartition(".")
        return name in self.names() if not table else bool(self._catalog.pointer(namespace, table))

    def table(
        self, name: str, *, spec: TableSpec | None = None, sort_by: tuple[str, ...] = ()
    ) -> LakeTable:
        """The table ``name``.

        Args:
            name: ``<namespace>.<table>``.
            spec: Its descriptions and settings; what it describes is written with the next commit.
            sort_by: Columns that the rows of its files are sorted by.

        Raises:
            NotFoundError: there is none; the hint carries the near match.
        """
        if not self.exists(name):
            raise unknown("table", name, self.names())
        return LakeTable(name, self._catalog, self._reader, spec=spec, sort_by=sort_by)

    def create(
        self,
        name: str,
        schema: pa.Schema,
        *,
        spec: TableSpec | None = None,
        sort_by: tuple[str, ...] = (),
        form: FileForm | None = None,
    ) -> LakeTable:
        """Create a table, partitioned by day of ``_time`` if it has that column.

        With ``form`` its files are of that form for good.

        Raises:
            ConflictError: it exists.
            InvalidInputError: the name or a column's type cannot be.
        """
        from pyiceberg.partitioning import (
            UNPARTITIONED_PARTITION_SPEC,
            PartitionField,
            PartitionSpec,
        )
        from pyiceberg.transforms import DayTransform

        if _NAME.fullmatch(name) is None:
            raise InvalidInputError(
                f"{name!r} cannot name a table", hint=f"write <namespace>.<table>, each {RULE}"
            )
        namespace, _, table = name.rpartition(".")
        described = spec or TableSpec(name=name)
        fields = new_schema(schema, described.columns)
        time = next((field for field in fields.fields if field.name == TIME_COLUMN), None)
        partitions = UNPARTITIONED_PARTITION_SPEC
        if time is not None:
            day = PartitionField(time.field_id, 1000, DayTransform(), f"{TIME_COLUMN}_day")
            partitions = PartitionSpec(day)
        with lake_errors(f"the table {name}"):
            catalog = self._catalog.open()
            catalog.create_namespace_if_not_exists(namespace)
            catalog.create_table(
                (namespace, table),
                fields,
                partition_spec=partitions,
                location=f"file://{warehouse_path(self.data, namespace, table)}",
                properties={
                    **TABLE_PROPERTIES,
                    "comment": described.description,
                    **form_properties(form),
                },
            )
        return LakeTable(name, self._catalog, self._reader, spec=spec, sort_by=sort_by)

    def drop(self, name: str) -> DropReport:
        """Remove a table with its history and its files. A query that reads it meanwhile fails.

        Raises:
            NotFoundError: there is none.
        """
        dropped = self.table(name)
        namespace, _, table = name.rpartition(".")
        with dropped.turn():
            state = dropped.state()
            current, folder = state.current, state.table_folder
            with lake_errors(f"the table {name}"):
                self._catalog.open().drop_table((namespace, table))
            size_bytes = 0
            if folder.is_relative_to(self.data.lake):
                size_bytes = _size_of(folder)
                # Under a name that no table has, so that what a kill leaves of it is known.
                gone = folder.with_name(f"{_DROPPED}{table}-{new_id()}")
                with suppress(OSError):
                    folder.rename(gone)
        self.sweep_dropped()
        rows = int(current.summary.get("total-records", 0)) if current else 0
        return DropReport(name, rows, size_bytes)

    def sweep_dropped(self) -> None:
        """Remove the files of dropped tables, also where a drop was killed."""
        for folder in self.data.lake.glob(f"*/{_DROPPED}*"):
            shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Release the catalog; the next use opens it again."""
        self._catalog.close()


def _size_of(folder: Path) -> int:
    size = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            size += 0 if path.is_dir() else path.stat().st_size
    return size
