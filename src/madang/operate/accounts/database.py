"""``madang.db``: opening it, its transactions, and bringing its tables up to date."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from madang.core.errors import InvalidInputError, StorageFullError, UnavailableError

HEAD = "0001"
"""The newest migration. At start this is compared first: Alembic is imported only to migrate."""
_RETRY_AFTER_S = 5.0
_LEAST_ROOM_BYTES = 2**20
_READS = {"madang_reads": True}


class Database:
    """A connection pool with short transactions. Thread-safe; not to be carried over a fork.

    Args:
        path: The SQLite file; made, with mode 600, where it is missing.

    Raises:
        UnavailableError: the file cannot be opened.
        InvalidInputError: it was written by a newer Madang.
    """

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Made before SQLite does, which would make it (and its -wal) readable to everybody.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            raise UnavailableError(
                f"{path} cannot be opened: {error.strerror}", hint="check the data directory"
            ) from None
        self._engine = sa.create_engine(
            sa.URL.create("sqlite", database=str(path)), connect_args={"timeout": 5.0}
        )
        event.listen(self._engine, "connect", _on_connect)
        event.listen(self._engine, "begin", _on_begin)
        try:
            self._migrate(path)
        except sa.exc.DatabaseError as error:
            self.close()
            # Where its log or its index finds no room, SQLite speaks of an I/O error.
            space = os.statvfs(path.parent)
            is_full = space.f_bavail * space.f_frsize < _LEAST_ROOM_BYTES
            hint = "is its disk full?" if is_full else "is it Madang's, and on a local disk?"
            raise UnavailableError(f"{path} cannot be used: {error.orig}", hint=hint) from None
        except BaseException:
            self.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that sees one state and waits for nobody."""
        with self._engine.connect().execution_options(**_READS) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that holds the write lock from its start, so it cannot fail half way.

        Raises:
            StorageFullError: the disk is full; nothing of it was kept.
        """
        try:
            with self._engine.begin() as connection:
                yield connection
        except sa.exc.OperationalError as error:
            if "full" in str(error.orig):
                raise StorageFullError(
                    "the disk is full: users and tokens cannot be written",
                    hint="free some space; nothing was changed",
                    retry_after_s=_RETRY_AFTER_S,
                ) from error
            raise

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def _migrate(self, path: Path) -> None:
        with self.reading() as connection:
            found = _revision(connection)
        if found == HEAD:
            return
        from alembic import command
        from alembic.config import Config
        from alembic.script import ScriptDirectory
        from alembic.util import CommandError

        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        if found is not None:
            try:
                ScriptDirectory.from_config(config).get_revision(found)
            except CommandError:
                raise InvalidInputError(
                    f"{path} was written by a newer Madang (revision {found}, known is {HEAD})",
                    hint="start that version, or restore a backup",
                ) from None
        with self.writing() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def _on_connect(connection: Any, _record: Any) -> None:  # noqa: ANN401 -- the driver's own types
    # The driver's own BEGIN comes late and deferred; ``_on_begin`` says it instead.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _on_begin(connection: sa.Connection) -> None:
    reads = connection.get_execution_options().get("madang_reads", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
