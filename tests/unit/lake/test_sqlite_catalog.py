from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import (
    CommitFailedException,
    NamespaceAlreadyExistsError,
    NoSuchTableError,
    TableAlreadyExistsError,
)
from pyiceberg.schema import Schema
from pyiceberg.types import LongType, NestedField

from madang.lake.files import to_location
from madang.lake.sqlite_catalog import CATALOG_NAME, Links, SqliteCatalog

TABLE = ("lake", "events")
FIELDS = Schema(NestedField(1, "n", LongType(), required=False))


def _open(folder: Path) -> SqliteCatalog:
    return SqliteCatalog(
        folder / "catalog.db",
        **{
            "warehouse": to_location(folder / "lake"),
            "py-io-impl": "madang.lake.files.DurableFileIO",
        },
    )


def _pyicebergs(folder: Path) -> SqlCatalog:
    return SqlCatalog(
        CATALOG_NAME,
        uri=f"sqlite:///{folder / 'catalog.db'}",
        warehouse=to_location(folder / "lake"),
    )


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[SqliteCatalog]:
    with closing(_open(tmp_path)) as opened:
        opened.create_namespace("lake")
        yield opened


def test_a_table_lives_from_creation_to_drop(catalog: SqliteCatalog, tmp_path: Path) -> None:
    made = catalog.create_table(TABLE, FIELDS)
    assert catalog.tables() == [TABLE]
    assert catalog.pointer(*TABLE) == made.metadata_location
    with made.transaction() as change:
        change.set_properties(colour="green")
    assert catalog.load_table(TABLE).properties["colour"] == "green"
    assert catalog.pointer(*TABLE) == made.metadata_location
    with closing(_open(tmp_path)) as other:
        assert other.load_table(TABLE).metadata == made.metadata
    catalog.drop_table(TABLE)
    assert catalog.tables() == []
    assert catalog.pointer(*TABLE) is None


def test_what_is_there_or_not_there_is_refused(catalog: SqliteCatalog) -> None:
    catalog.create_table(TABLE, FIELDS)
    with pytest.raises(TableAlreadyExistsError):
        catalog.create_table(TABLE, FIELDS)
    with pytest.raises(NamespaceAlreadyExistsError):
        catalog.create_namespace("lake")
    catalog.drop_table(TABLE)
    with pytest.raises(NoSuchTableError):
        catalog.drop_table(TABLE)
    with pytest.raises(NoSuchTableError):
        catalog.load_table(TABLE)


def test_of_two_writers_the_second_changes_nothing(
    catalog: SqliteCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog.create_table(TABLE, FIELDS, properties={"commit.retry.num-retries": "0"})
    moved = threading.Event()
    first, late = catalog.load_table(TABLE), catalog.load_table(TABLE)
    write = catalog._write_metadata

    def write_late(*told: Any) -> None:
        # The other commits between what the late one reads and what it would change.
        if not moved.is_set():
            moved.set()
            with first.transaction() as change:
                change.set_properties(by="first")
        write(*told)

    monkeypatch.setattr(catalog, "_write_metadata", write_late)
    with pytest.raises(CommitFailedException), late.transaction() as change:
        change.set_properties(by="late")
    assert catalog.load_table(TABLE).properties["by"] == "first"


def test_a_dropped_table_takes_no_commit(catalog: SqliteCatalog) -> None:
    made = catalog.create_table(TABLE, FIELDS)
    catalog.drop_table(TABLE)
    with pytest.raises(NoSuchTableError), made.transaction() as change:
        change.set_properties(colour="green")


def test_pyicebergs_own_catalog_reads_and_writes_the_same_file(
    catalog: SqliteCatalog, tmp_path: Path
) -> None:
    catalog.create_table(TABLE, FIELDS)
    theirs = _pyicebergs(tmp_path)
    try:
        assert theirs.list_tables("lake") == [TABLE]
        with theirs.load_table(TABLE).transaction() as change:
            change.set_properties(by="pyiceberg")
        theirs.create_table(("lake", "more"), FIELDS)
    finally:
        theirs.engine.dispose()
    assert catalog.load_table(TABLE).properties["by"] == "pyiceberg"
    assert catalog.tables() == [TABLE, ("lake", "more")]


def test_a_catalog_that_pyiceberg_made_goes_on(tmp_path: Path) -> None:
    theirs = _pyicebergs(tmp_path)
    theirs.create_namespace("lake")
    theirs.create_table(TABLE, FIELDS)
    theirs.engine.dispose()
    with closing(_open(tmp_path)) as ours:
        with ours.load_table(TABLE).transaction() as change:
            change.set_properties(by="madang")
        assert ours.load_namespace_properties("lake") == {"exists": "true"}
    theirs = _pyicebergs(tmp_path)
    try:
        assert theirs.load_table(TABLE).properties["by"] == "madang"
    finally:
        theirs.engine.dispose()


def test_a_catalog_without_types_of_rows_goes_on(tmp_path: Path) -> None:
    with closing(_open(tmp_path)) as made:
        made.create_namespace("lake")
    with closing(sqlite3.connect(tmp_path / "catalog.db")) as link:
        link.execute("ALTER TABLE iceberg_tables DROP COLUMN iceberg_type")
    with closing(_open(tmp_path)) as opened:
        opened.create_table(TABLE, FIELDS)
        assert opened.tables() == [TABLE]


def test_links_are_used_again_unless_they_failed(tmp_path: Path) -> None:
    links = Links(tmp_path / "some.db")
    with links.link() as first:
        assert first.execute("PRAGMA synchronous").fetchone() == (2,)
        assert first.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    with pytest.raises(sqlite3.OperationalError), links.link() as again:
        assert again is first
        again.execute("SELECT * FROM nothing")
    with pytest.raises(sqlite3.ProgrammingError):
        first.execute("SELECT 1")  # closed
    with links.link() as other, links.link() as beside:
        assert other is not beside
    with links.link() as taken:
        links.close()
        taken.execute("SELECT 1")
    with pytest.raises(sqlite3.ProgrammingError):
        taken.execute("SELECT 1")


def test_a_failed_change_leaves_nothing_open(catalog: SqliteCatalog, tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError), catalog._links.link() as link:
        link.execute("BEGIN IMMEDIATE")
        link.execute("SELECT * FROM nothing")
    with closing(sqlite3.connect(tmp_path / "catalog.db", timeout=0)) as other:
        other.execute("DELETE FROM iceberg_tables")
        other.commit()


def test_a_fork_does_not_close_what_it_inherited(catalog: SqliteCatalog) -> None:
    catalog.create_table(TABLE, FIELDS)
    child = os.fork()
    if child == 0:
        catalog.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert catalog.tables() == [TABLE]
