"""PyIceberg's catalog over one SQLite file, by the standard library's own driver.

The tables in the file are those of Iceberg's SQL catalogs, so whatever reads such a catalog reads
this one. PyIceberg has a catalog of that form itself, on SQLAlchemy's ORM: opening it changes 11 MB
of the pages that the roles share, in each of them.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from pyiceberg.catalog import MetastoreCatalog
from pyiceberg.exceptions import (
    CommitFailedException,
    NamespaceAlreadyExistsError,
    NoSuchTableError,
    TableAlreadyExistsError,
)
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.serializers import FromInputFile
from pyiceberg.table import CommitTableResponse, Table
from pyiceberg.table.locations import load_location_provider
from pyiceberg.table.metadata import new_table_metadata
from pyiceberg.table.sorting import UNSORTED_SORT_ORDER, SortOrder
from pyiceberg.table.update import TableRequirement, TableUpdate
from pyiceberg.typedef import EMPTY_DICT, Identifier, Properties

CATALOG_NAME: Final = "madang"
BUSY_TIMEOUT_S: Final = 20
_TABLES: Final = (
    """
    CREATE TABLE IF NOT EXISTS iceberg_tables (
        catalog_name VARCHAR(255) NOT NULL,
        table_namespace VARCHAR(255) NOT NULL,
        table_name VARCHAR(255) NOT NULL,
        metadata_location VARCHAR(1000),
        previous_metadata_location VARCHAR(1000),
        iceberg_type VARCHAR(5),
        PRIMARY KEY (catalog_name, table_namespace, table_name)
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS iceberg_namespace_properties (
        catalog_name VARCHAR(255) NOT NULL,
        namespace VARCHAR(255) NOT NULL,
        property_key VARCHAR(255) NOT NULL,
        property_value VARCHAR(1000) NOT NULL,
        PRIMARY KEY (catalog_name, namespace, property_key)
    )
    """,
)
_THE_TABLE: Final = "catalog_name = ? AND table_namespace = ? AND table_name = ?"


class Links:
    """Connections to the file, kept for the next use; for any thread of one process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._pid = os.getpid()
        self._closed = False

    @contextmanager
    def link(self) -> Iterator[sqlite3.Connection]:
        """A connection in which every statement is a transaction.

        Raises:
            sqlite3.DatabaseError: the file cannot be opened.
        """
        with self._lock:
            link = self._idle.pop() if self._idle else None
        if link is None:
            link = self._connect()
        try:
            yield link
        except BaseException:
            link.close()
            raise
        with self._lock:
            if not self._closed:
                self._idle.append(link)
                return
        link.close()

    def _connect(self) -> sqlite3.Connection:
        link = sqlite3.connect(
            self._path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        try:
            # The mode is kept in the file; that a commit is durable is each connection's own.
            link.execute("PRAGMA journal_mode=WAL")
            link.execute("PRAGMA synchronous=FULL")
        except BaseException:
            link.close()
            raise
        return link

    def close(self) -> None:
        """Close the connections; one that is in use, when it is given back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        if self._pid != os.getpid():
            return  # inherited: what closes them is the process that opened them
        for link in idle:
            link.close()


class SqliteCatalog(MetastoreCatalog):
    """What Madang asks of a catalog: namespaces, and tables that are made, changed and dropped.

    Args:
        path: The file; made, with its tables, where it is not there.
        properties: The catalog's, as PyIceberg knows them.

    Raises:
        sqlite3.DatabaseError: it cannot be opened or written.
    """

    def __init__(self, path: Path, **properties: str) -> None:
        super().__init__(CATALOG_NAME, **properties)
        self._links = Links(path)
        with self._links.link() as link:
            for statement in _TABLES:
                link.execute(statement)
            columns = {str(row[1]) for row in link.execute("PRAGMA table_info(iceberg_tables)")}
        self._typed = "iceberg_type" in columns
        """Catalogs made before there were views have no such column."""

    def close(self) -> None:
        """Close the file."""
        self._links.close()

    def pointer(self, namespace: str, name: str) -> str | None:
        """Location of a table's current metadata file, or None: there is no such table."""
        statement = f"SELECT metadata_location FROM iceberg_tables WHERE {_THE_TABLE}"
        with self._links.link() as link:
            row = link.execute(statement, (self.name, namespace, name)).fetchone()
        return None if row is None or row[0] is None else str(row[0])

    def tables(self) -> list[tuple[str, str]]:
        """Namespace and name of every table, sorted."""
        statement = "SELECT table_namespace, table_name FROM iceberg_tables WHERE catalog_name = ?"
        with self._links.link() as link:
            rows = link.execute(statement, (self.name,)).fetchall()
        return sorted((str(namespace), str(name)) for namespace, name in rows)

    def create_namespace(
        self, namespace: str | Identifier, properties: Properties = EMPTY_DICT
    ) -> None:
        """Make a namespace.

        Raises:
            NamespaceAlreadyExistsError: it is there.
        """
        name = self.namespace_to_string(namespace)
        told = properties or {"exists": "true"}
        rows = [(self.name, name, key, value) for key, value in told.items()]
        if self.load_namespace_properties(name):
            raise NamespaceAlreadyExistsError(f"Namespace {name} already exists")
        try:
            with self._links.link() as link:
                link.execute("BEGIN IMMEDIATE")
                link.executemany(
                    "INSERT INTO iceberg_namespace_properties VALUES (?, ?, ?, ?)", rows
                )
                link.execute("COMMIT")
        except sqlite3.IntegrityError as error:
            raise NamespaceAlreadyExistsError(f"Namespace {name} already exists") from error

    def load_namespace_properties(self, namespace: str | Identifier) -> Properties:
        """What a namespace was made with; nothing, where it is not there."""
        statement = (
            "SELECT property_key, property_value FROM iceberg_namespace_properties"
            " WHERE catalog_name = ? AND namespace = ?"
        )
        with self._links.link() as link:
            rows = link.execute(statement, (self.name, self.namespace_to_string(namespace)))
            return {str(key): str(value) for key, value in rows}

    def create_table(  # noqa: PLR0917 - PyIceberg's signature
        self,
        identifier: str | Identifier,
        schema: Any,  # noqa: ANN401 - PyIceberg takes Arrow's too
        location: str | None = None,
        partition_spec: PartitionSpec = UNPARTITIONED_PARTITION_SPEC,
        sort_order: SortOrder = UNSORTED_SORT_ORDER,
        properties: Properties = EMPTY_DICT,
    ) -> Table:
        """Make a table without rows.

        Raises:
            TableAlreadyExistsError: it is there; nothing points to what was written.
        """
        fields: Schema = self._convert_schema_if_needed(schema)
        namespace, name = self.identifier_to_database_and_table(identifier)
        location = self._resolve_table_location(location, namespace, name)
        provider = load_location_provider(table_location=location, table_properties=properties)
        metadata_location = provider.new_table_metadata_file_location()
        metadata = new_table_metadata(
            location=location,
            schema=fields,
            partition_spec=partition_spec,
            sort_order=sort_order,
            properties=properties,
        )
        io = self._load_file_io(properties, metadata_location)
        self._write_metadata(metadata, io, metadata_location)
        row = {
            "catalog_name": self.name,
            "table_namespace": namespace,
            "table_name": name,
            "metadata_location": metadata_location,
            **({"iceberg_type": "TABLE"} if self._typed else {}),
        }
        statement = (
            f"INSERT INTO iceberg_tables ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})"
        )
        try:
            with self._links.link() as link:
                link.execute(statement, (*row.values(),))
        except sqlite3.IntegrityError as error:
            raise TableAlreadyExistsError(f"Table {namespace}.{name} already exists") from error
        return self.load_table(identifier)

    def load_table(self, identifier: str | Identifier) -> Table:
        """The table as its current metadata file says it.

        Raises:
            NoSuchTableError: there is none.
        """
        namespace, name = self.identifier_to_database_and_table(identifier)
        location = self.pointer(namespace, name)
        if location is None:
            raise NoSuchTableError(f"Table does not exist: {namespace}.{name}")
        io = self._load_file_io(location=location)
        metadata = FromInputFile.table_metadata(io.new_input(location))
        return Table(
            identifier=(namespace, name),
            metadata=metadata,
            metadata_location=location,
            io=self._load_file_io(metadata.properties, location),
            catalog=self,
        )

    def commit_table(
        self,
        table: Table,
        requirements: tuple[TableRequirement, ...],
        updates: tuple[TableUpdate, ...],
    ) -> CommitTableResponse:
        """Move a table on, if it still is where this writer found it.

        Raises:
            NoSuchTableError: it was dropped.
            CommitFailedException: another writer was first; nothing was changed.
        """
        namespace, name = self.identifier_to_database_and_table(table.name())
        current = self.load_table(table.name())
        staged = self._update_and_stage_table(current, table.name(), requirements, updates)
        if staged.metadata == current.metadata:
            return CommitTableResponse(
                metadata=current.metadata, metadata_location=current.metadata_location
            )
        self._write_metadata(staged.metadata, staged.io, staged.metadata_location)
        statement = (
            "UPDATE iceberg_tables SET metadata_location = ?, previous_metadata_location = ?"
            f" WHERE {_THE_TABLE} AND metadata_location = ?"
        )
        before, after = current.metadata_location, staged.metadata_location
        with self._links.link() as link:
            moved = link.execute(statement, (after, before, self.name, namespace, name, before))
            count = moved.rowcount
        if count < 1:
            raise CommitFailedException(
                f"Table has been updated by another process: {namespace}.{name}"
            )
        return CommitTableResponse(metadata=staged.metadata, metadata_location=after)

    def drop_table(self, identifier: str | Identifier) -> None:
        """Forget a table; its files stay.

        Raises:
            NoSuchTableError: there is none.
        """
        namespace, name = self.identifier_to_database_and_table(identifier)
        statement = f"DELETE FROM iceberg_tables WHERE {_THE_TABLE}"
        with self._links.link() as link:
            count = link.execute(statement, (self.name, namespace, name)).rowcount
        if count < 1:
            raise NoSuchTableError(f"Table does not exist: {namespace}.{name}")

    def _not_needed(self, *_: Any, **__: Any) -> Any:  # noqa: ANN401 - stands for many methods
        raise NotImplementedError

    drop_namespace = list_namespaces = list_tables = update_namespace_properties = _not_needed
    register_table = rename_table = _not_needed
    drop_view = list_views = load_view = register_view = view_exists = _not_needed
