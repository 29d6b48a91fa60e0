"""Changes of a table's state, put together and committed in one step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

import orjson
from pyiceberg.manifest import DataFile
from pyiceberg.schema import Schema
from pyiceberg.table import Transaction
from pyiceberg.table.update import (
    AddSchemaUpdate,
    AssertCurrentSchemaId,
    RemoveSchemasUpdate,
    RemoveSnapshotsUpdate,
    SetCurrentSchemaUpdate,
    TableUpdate,
    UpdatesAndRequirements,
    UpdateTableMetadata,
)

from madang.lake.lineage import Source, parse_sources, sources_summary
from madang.lake.state import OFFSETS_PROPERTY, parse_offsets, stand_in

if TYPE_CHECKING:
    from pyiceberg.table import Table
    from pyiceberg.table.metadata import TableMetadata

_MOST_SCHEMAS: Final = 16


class LakeTransaction(Transaction):
    """A transaction that looks at its metadata without copying it each time.

    PyIceberg copies the whole history, deeply, whenever a step of a commit reads one value of it,
    some fifteen times a commit. Nothing changes the copies, so one for each staged update will do.
    """

    def __init__(self, table: Table) -> None:
        super().__init__(table)
        self._seen: tuple[TableMetadata, tuple[TableUpdate, ...], TableMetadata] | None = None

    @property
    def table_metadata(self) -> TableMetadata:
        """The table's metadata with the staged updates."""
        base, updates = self._table.metadata, self._updates
        if not updates:
            return base
        if self._seen is None or self._seen[0] is not base or self._seen[1] is not updates:
            self._seen = (base, updates, super().table_metadata)
        return self._seen[2]


def stored_offsets(table: Table) -> dict[str, int]:
    """The offsets that the table's current snapshot carries."""
    current = table.metadata.current_snapshot()
    return parse_offsets(
        current.summary.additional_properties if current and current.summary else None
    )


def stored_sources(table: Table) -> dict[str, Source]:
    """The logs in which the offsets of the table's current snapshot count."""
    current = table.metadata.current_snapshot()
    return parse_sources(
        current.summary.additional_properties if current and current.summary else None
    )


def offsets_summary(offsets: Mapping[str, int]) -> dict[str, str]:
    """The summary properties that carry offsets."""
    text = orjson.dumps(dict(offsets), option=orjson.OPT_SORT_KEYS).decode()
    return {OFFSETS_PROPERTY: text}


def append_files(
    table: Table,
    files: Iterable[DataFile],
    offsets: Mapping[str, int],
    schema: Schema,
    sources: Mapping[str, Source],
) -> int:
    """Commit new files and offsets, and ``schema`` if it is not the table's; the snapshot's id.

    Streams that ``sources`` does not name keep what the table says of them.

    Raises:
        CommitFailedException: the table changed meanwhile; nothing was committed.
    """
    transaction = LakeTransaction(table)
    if schema is not table.metadata.schema():
        _NewSchema(transaction, schema).commit()
    logs = sources_summary({**stored_sources(table), **sources})
    update = transaction.update_snapshot(snapshot_properties=offsets_summary(offsets) | logs)
    with update.merge_append() as append:
        for file in files:
            append.append_data_file(file)
    transaction.commit_transaction()
    return int(append.snapshot_id)


def live_files(table: Table) -> list[DataFile]:
    """The data files of the current snapshot."""
    current = table.metadata.current_snapshot()
    if current is None:
        return []
    return [
        entry.data_file
        for manifest in current.manifests(table.io)
        for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True)
    ]


def replace_files(
    table: Table,
    removed: Iterable[DataFile],
    added: Iterable[DataFile],
    *,
    schema: Schema | None = None,
) -> int:
    """Commit the removal of files and others in their place; the offsets stay; the snapshot's id.

    With ``schema`` the table has that one from this snapshot on.

    Raises:
        CommitFailedException: the table changed meanwhile; nothing was committed.
        ValidationException: a file to be removed is not in the table any more.
    """
    transaction = LakeTransaction(table)
    if schema is not None:
        _NewSchema(transaction, schema).commit()
    logs = sources_summary(stored_sources(table))
    properties = offsets_summary(stored_offsets(table)) | logs
    with transaction.update_snapshot(snapshot_properties=properties).overwrite() as overwrite:
        for file in removed:
            overwrite.delete_data_file(file)
        for file in added:
            overwrite.append_data_file(file)
    transaction.commit_transaction()
    return int(overwrite.snapshot_id)


def forget(table: Table, snapshot_ids: Iterable[int]) -> None:
    """Commit the removal of snapshots from the history, and of schemas that nothing refers to.

    Raises:
        CommitFailedException: the table changed meanwhile; nothing was committed.
    """
    transaction = LakeTransaction(table)
    _Forget(transaction, set(snapshot_ids)).commit()
    transaction.commit_transaction()


class _NewSchema(UpdateTableMetadata["_NewSchema"]):
    """Stage a schema that was put together by :func:`madang.lake.evolution.evolve`.

    PyIceberg's own builder goes by dotted names, which are ambiguous where a column's name has a
    dot in it.
    """

    def __init__(self, transaction: Transaction, schema: Schema) -> None:
        super().__init__(transaction)
        self._schema = schema

    def _commit(self) -> UpdatesAndRequirements:
        metadata = self._transaction.table_metadata
        next_id = max(each.schema_id for each in metadata.schemas) + 1
        added = Schema(*self._schema.fields, schema_id=next_id)
        updates: tuple[TableUpdate, ...] = (
            AddSchemaUpdate(schema_=added),
            SetCurrentSchemaUpdate(schema_id=next_id),
        )
        # A schema for every new field of a thousand would be most of the metadata. A snapshot whose
        # schema is gone is read in the next one that is there, which has all its columns and a few
        # more; where it has not, for one was widened by another of its name, the schema stays.
        known = set(added.field_ids)
        older = [
            each.schema_id
            for each in sorted(metadata.schemas, key=lambda one: one.schema_id)[
                : -_MOST_SCHEMAS + 1
            ]
            if known.issuperset(each.field_ids)
        ]
        if older:
            updates += (RemoveSchemasUpdate(schema_ids=older),)
        return updates, (AssertCurrentSchemaId(current_schema_id=metadata.current_schema_id),)


class _Forget(UpdateTableMetadata["_Forget"]):
    def __init__(self, transaction: Transaction, snapshot_ids: set[int]) -> None:
        super().__init__(transaction)
        self._snapshot_ids = snapshot_ids

    def _commit(self) -> UpdatesAndRequirements:
        metadata = self._transaction.table_metadata
        kept = [each for each in metadata.snapshots if each.snapshot_id not in self._snapshot_ids]
        current, known = metadata.current_schema_id, {each.schema_id for each in metadata.schemas}
        # Where a snapshot's own schema went earlier, the one that stands in for it stays.
        used = {current} | {
            current if each.schema_id is None else stand_in(each.schema_id, known, current)
            for each in kept
        }
        unused = [each.schema_id for each in metadata.schemas if each.schema_id not in used]
        updates: tuple[TableUpdate, ...] = ()
        if self._snapshot_ids:
            updates += (RemoveSnapshotsUpdate(snapshot_ids=sorted(self._snapshot_ids)),)
        if unused:
            updates += (RemoveSchemasUpdate(schema_ids=unused),)
        return updates, ()
