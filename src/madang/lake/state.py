"""Reading a table's state: metadata JSON, manifest lists, manifests, each parsed once.

Every one of these files is written once and never changed, so that its parsed form is kept by its
location; what a new commit costs a reader is its own metadata, manifest list and manifest.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Generic, TypeVar

import orjson
import pyarrow as pa
from pyiceberg.manifest import ManifestFile, read_manifest_list
from pyiceberg.schema import Schema

from madang.lake.files import DurableFileIO, to_path
from madang.lake.lineage import Source, parse_sources
from madang.lake.pinned import PinnedColumn, PinnedFile
from madang.lake.types import to_arrow

OFFSETS_PROPERTY = "madang.offsets"
_IO = DurableFileIO()
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One state in a table's history."""

    snapshot_id: int
    at_us: int
    operation: str
    schema_id: int
    manifest_list: str
    summary: Mapping[str, str]

    @property
    def offsets(self) -> dict[str, int]:
        """``<stream>/<partition>`` → the next offset."""
        return parse_offsets(self.summary)

    @property
    def sources(self) -> dict[str, Source]:
        """Stream → the log in which its offsets count."""
        return parse_sources(self.summary)


def parse_offsets(summary: Mapping[str, str] | None) -> dict[str, int]:
    """The offsets that a snapshot's summary carries; empty if it has none."""
    text = (summary or {}).get(OFFSETS_PROPERTY)
    return {str(key): int(value) for key, value in orjson.loads(text).items()} if text else {}


def stand_in(schema_id: int, kept: Collection[int], current: int) -> int:
    """The schema to read a snapshot in whose own, ``schema_id``, the metadata does not hold.

    The next one that is ``kept``: a schema goes only where a later one has all its fields. The
    current one need not, where a column was widened since by another one of its name.
    """
    return min((each for each in kept if each >= schema_id), default=current)


class TableState:
    """The parsed metadata file of a table."""

    def __init__(self, location: str) -> None:
        self.location = location
        raw: dict[str, Any] = orjson.loads(to_path(location).read_bytes())
        self._schemas: dict[int, Any] = {each["schema-id"]: each for each in raw["schemas"]}
        self._parsed: dict[int, Schema] = {}
        self._arrow: dict[int, pa.Schema] = {}
        self._columns: dict[int, tuple[PinnedColumn, ...]] = {}
        self._snapshots: list[Any] = raw.get("snapshots") or []
        self.current_schema_id: int = raw["current-schema-id"]
        self.last_column_id: int = raw["last-column-id"]
        spec_id: int = raw["default-spec-id"]
        self.spec_id = spec_id
        self.by_day = any(
            each["spec-id"] == spec_id and each["fields"] for each in raw["partition-specs"]
        )
        self.table_folder = to_path(raw["location"])
        self.properties: Mapping[str, str] = raw.get("properties") or {}
        self.updated_at_us: int = raw["last-updated-ms"] * 1000
        self._current: int | None = raw.get("current-snapshot-id")
        self.metadata_log: list[str] = [
            each["metadata-file"] for each in raw.get("metadata-log") or []
        ]

    def schema(self, schema_id: int | None = None) -> Schema:
        """A schema of the table, its current one by default; see :func:`stand_in`."""
        wanted = self.current_schema_id if schema_id is None else schema_id
        if wanted not in self._schemas:
            wanted = stand_in(wanted, self._schemas, self.current_schema_id)
        if wanted not in self._parsed:
            self._parsed[wanted] = Schema.model_validate(self._schemas[wanted])
        return self._parsed[wanted]

    @property
    def schema_ids(self) -> list[int]:
        """Every schema that the metadata still holds, oldest first."""
        return sorted(self._schemas)

    @cached_property
    def snapshots(self) -> tuple[Snapshot, ...]:
        """The table's history, oldest first."""
        found = [
            Snapshot(
                snapshot_id=each["snapshot-id"],
                at_us=each["timestamp-ms"] * 1000,
                operation=each["summary"]["operation"],
                schema_id=each.get("schema-id", self.current_schema_id),
                manifest_list=each["manifest-list"],
                summary=each["summary"],
            )
            for each in self._snapshots
        ]
        order = {each["snapshot-id"]: each.get("sequence-number", 0) for each in self._snapshots}
        return tuple(sorted(found, key=lambda each: order[each.snapshot_id]))

    @cached_property
    def current(self) -> Snapshot | None:
        """The latest state, or None before the first commit."""
        if self._current in (None, -1):
            return None
        return next(each for each in self.snapshots if each.snapshot_id == self._current)

    def arrow(self, schema_id: int | None = None) -> pa.Schema:
        """A schema as Arrow has it, with field ids; the current one by default."""
        schema = self.schema(schema_id)
        if schema.schema_id not in self._arrow:
            self._arrow[schema.schema_id] = to_arrow(schema, with_ids=True)
        return self._arrow[schema.schema_id]

    def columns(self, schema_id: int | None = None) -> tuple[PinnedColumn, ...]:
        """The columns of a schema, the current one by default."""
        schema = self.schema(schema_id)
        if schema.schema_id not in self._columns:
            self._columns[schema.schema_id] = tuple(
                PinnedColumn(
                    field.field_id,
                    field.name,
                    arrow.type,
                    arrow.nullable,
                    field.doc,
                    field.field_type,
                )
                for field, arrow in zip(schema.fields, self.arrow(schema_id), strict=True)
            )
        return self._columns[schema.schema_id]


class _Cache(Generic[_T]):
    """The latest values, by location; thread-safe."""

    def __init__(self, capacity: int, weigh: Callable[[_T], int] = lambda _: 1) -> None:
        self._capacity = capacity
        self._weigh = weigh
        self._weight = 0
        self._values: OrderedDict[str, _T] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, location: str, load: Callable[[], _T]) -> _T:
        with self._lock:
            if location in self._values:
                self._values.move_to_end(location)
                return self._values[location]
        value = load()
        with self._lock:
            if location not in self._values:
                self._values[location] = value
                self._weight += self._weigh(value)
            while self._weight > self._capacity and len(self._values) > 1:
                self._weight -= self._weigh(self._values.popitem(last=False)[1])
        return value


class StateReader:
    """Parsed metadata, manifest lists and manifests of one process, with a bounded memory."""

    def __init__(self) -> None:
        self._states: _Cache[TableState] = _Cache(64)
        self._lists: _Cache[tuple[ManifestFile, ...]] = _Cache(256)
        self._manifests: _Cache[tuple[PinnedFile, ...]] = _Cache(50_000, len)

    def state(self, location: str) -> TableState:
        """The metadata file at ``location``, parsed."""
        return self._states.get(location, lambda: TableState(location))

    def manifests(self, snapshot: Snapshot) -> tuple[ManifestFile, ...]:
        """The manifests of a snapshot."""
        location = snapshot.manifest_list
        return self._lists.get(location, lambda: tuple(read_manifest_list(_IO.new_input(location))))

    def files(self, snapshot: Snapshot) -> tuple[PinnedFile, ...]:
        """The data files of a snapshot."""
        found: list[PinnedFile] = []
        for manifest in self.manifests(snapshot):
            found += self.manifest_files(manifest)
        return tuple(found)

    def manifest_files(self, manifest: ManifestFile) -> tuple[PinnedFile, ...]:
        """The data files of a manifest, without those that it marks as deleted."""
        return self._manifests.get(manifest.manifest_path, partial(_read_manifest, manifest))


def _read_manifest(manifest: ManifestFile) -> tuple[PinnedFile, ...]:
    found = []
    for entry in manifest.fetch_manifest_entry(_IO, discard_deleted=True):
        file = entry.data_file
        found.append(
            PinnedFile(
                path=str(Path(to_path(file.file_path))),
                rows=file.record_count,
                size_bytes=file.file_size_in_bytes,
                day=file.partition[0] if len(file.partition) else None,
                lower=file.lower_bounds or {},
                upper=file.upper_bounds or {},
                null_counts=file.null_value_counts or {},
            )
        )
    return tuple(found)
