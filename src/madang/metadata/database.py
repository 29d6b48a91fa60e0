"""Opening the metadata database, its transactions, and bringing its tables up to date."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from madang.core.errors import InvalidInputError, StorageFullError
from madang.metadata.engines import READS, cannot_be_used, engine_of, is_full, name_of

HEAD = "0001"
"""The newest migration. At start this is compared first: Alembic is imported only to migrate."""
_RETRY_AFTER_S = 5.0


class Database:
    """A connection pool with short transactions. Thread-safe; not to be carried over a fork.

    Args:
        location: The SQLite file, made, with mode 600, where it is missing; or the URL of a
            PostgreSQL.

    Raises:
        UnavailableError: it cannot be opened.
        InvalidInputError: it was written by a newer Madang, or the URL is none.
    """

    def __init__(self, location: Path | str) -> None:
        self._engine = engine_of(location)
        try:
            self._migrate()
        except sa.exc.DatabaseError as error:
            self.close()
            raise cannot_be_used(self._engine, error) from None
        except BaseException:
            self.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that sees one state and waits for nobody.

        Raises:
            UnavailableError: the database cannot be reached, or went away.
        """
        try:
            with self._engine.connect().execution_options(**READS) as connection:
                yield connection
        except sa.exc.OperationalError as error:
            raise cannot_be_used(self._engine, error) from error

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that alone writes, from its start on, so that it cannot fail half way.

        Raises:
            StorageFullError: the disk is full; nothing of it was kept.
            UnavailableError: the database cannot be reached, or went away; whether it was kept is
                known only where nothing had been committed.
        """
        try:
            with self._engine.begin() as connection:
                yield connection
        except sa.exc.OperationalError as error:
            if is_full(error):
                raise StorageFullError(
                    f"the disk is full: {name_of(self._engine)} cannot be written",
                    hint="free some space; nothing was changed",
                    retry_after_s=_RETRY_AFTER_S,
                ) from error
            raise cannot_be_used(self._engine, error) from error

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def _migrate(self) -> None:
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
                    f"{name_of(self._engine)} was written by a newer Madang "
                    f"(revision {found}, known is {HEAD})",
                    hint="start that version, or restore a backup",
                ) from None
        with self.writing() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
