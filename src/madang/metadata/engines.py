"""What differs between SQLite and PostgreSQL: opening, beginning, and what their errors mean."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event

from madang.core.errors import InvalidInputError, MadangError, UnavailableError
from madang.core.extras import require

READS: Final = {"madang_reads": True}
_LEAST_ROOM_BYTES: Final = 2**20
_CONNECT_S: Final = 5
_WRITERS: Final = 0x6D6164616E67
"""The advisory lock that writers take in turn: ``madang`` as a number."""
_DISK_FULL: Final = "53100"


def engine_of(location: Path | str) -> sa.Engine:
    """An engine for a SQLite file, made where it is missing, or for the URL of a PostgreSQL.

    Raises:
        UnavailableError: the file cannot be opened.
        InvalidInputError: the URL is none, or its driver is not installed.
    """
    return _sqlite(location) if isinstance(location, Path) else _postgresql(location)


def with_password(url: str, password: str) -> str:
    """The URL of a PostgreSQL with its password in it."""
    return sa.make_url(url).set(password=password).render_as_string(hide_password=False)


def name_of(engine: sa.Engine) -> str:
    """What to call the database in a message: a path, or a URL without its password."""
    if engine.dialect.name == "sqlite":
        return str(engine.url.database)
    return engine.url.set(drivername="postgresql").render_as_string(hide_password=True)


def is_full(error: sa.exc.DBAPIError) -> bool:
    """Whether a statement failed for want of room."""
    return getattr(error.orig, "sqlstate", None) == _DISK_FULL or "full" in str(error.orig)


def cannot_be_used(engine: sa.Engine, error: sa.exc.DBAPIError) -> MadangError:
    """Why a database cannot be used, and what to look at."""
    said = " ".join(str(error.orig).split())
    if engine.dialect.name == "sqlite" and "locked" in said:
        hint = "another process has been writing to it for seconds; try again"
    elif engine.dialect.name == "sqlite":
        # Where its log or its index finds no room, SQLite speaks of an I/O error.
        space = os.statvfs(Path(str(engine.url.database)).parent)
        has_room = space.f_bavail * space.f_frsize >= _LEAST_ROOM_BYTES
        hint = "is it Madang's, and on a local disk?" if has_room else "is its disk full?"
    else:
        hint = "is the server up, and do the user and the password of metadata: in madang.yml fit?"
    return UnavailableError(f"{name_of(engine)} cannot be used: {said}", hint=hint)


def _sqlite(path: Path) -> sa.Engine:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Made before SQLite does, which would make it (and its -wal) readable to everybody.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise UnavailableError(
            f"{path} cannot be opened: {error.strerror}", hint="check the data directory"
        ) from None
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)), connect_args={"timeout": 5.0}
    )
    event.listen(engine, "connect", _on_sqlite_connect)
    event.listen(engine, "begin", _on_sqlite_begin)
    return engine


def _on_sqlite_connect(connection: Any, _record: Any) -> None:  # noqa: ANN401 -- the driver's types
    # The driver's own BEGIN comes late and deferred; ``_on_sqlite_begin`` says it instead.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _on_sqlite_begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN" if _reads(connection) else "BEGIN IMMEDIATE")


def _postgresql(text: str) -> sa.Engine:
    try:
        url = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):
        url = None
    if url is None or url.get_backend_name() not in {"postgresql", "postgres"}:
        raise InvalidInputError(
            "the metadata database is given by something else than a URL of PostgreSQL",
            hint="postgresql://user@host:5432/database, or leave it out for madang.db",
        )
    require("psycopg", extra="postgresql", why="a metadata database in PostgreSQL")
    engine = sa.create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_pre_ping=True,
        connect_args={"connect_timeout": _CONNECT_S},
    )
    event.listen(engine, "begin", _on_postgresql_begin)
    return engine


def _on_postgresql_begin(connection: sa.Connection) -> None:
    # The same promises as SQLite's: a reader sees one state, writers come one after the other.
    if _reads(connection):
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    else:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITERS})")


def _reads(connection: sa.Connection) -> bool:
    return bool(connection.get_execution_options().get("madang_reads", False))
