"""The catalog: which metadata file is a table's current state, in one SQLite file.

Several processes open it at once: WAL, a busy timeout, and ``synchronous=FULL`` because the pointer
that moves here is the moment at which a commit becomes durable.
"""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from madang.core.datadir import DataDir
from madang.core.errors import (
    ConflictError,
    CorruptionError,
    FencedError,
    MadangError,
    NotFoundError,
    StorageFullError,
    UnavailableError,
)
from madang.core.names import DEFAULT_NAMESPACE, OWN_NAMESPACES

if TYPE_CHECKING:
    from madang.lake.sqlite_catalog import SqliteCatalog

_FULL = (errno.ENOSPC, errno.EDQUOT)
_READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)


class CatalogFile:
    """The catalog, opened at first use; again in a forked child, which must not share a handle."""

    def __init__(self, data: DataDir) -> None:
        self._data = data
        self._lock = threading.Lock()
        self._catalog: SqliteCatalog | None = None
        self._pid = 0

    def open(self) -> SqliteCatalog:
        """The PyIceberg catalog.

        Raises:
            UnavailableError: the file cannot be opened or written, or stays locked.
            CorruptionError: it is not a SQLite file, or a damaged one.
        """
        with self._lock:
            if self._catalog is None or self._pid != os.getpid():
                with lake_errors(f"the catalog {self._data.catalog}"):
                    self._catalog = _open(self._data)
                self._pid = os.getpid()
            return self._catalog

    def pointer(self, namespace: str, name: str) -> str | None:
        """Location of the table's current metadata file, or None: there is no such table."""
        with lake_errors(f"the catalog {self._data.catalog}"):
            return self.open().pointer(namespace, name)

    def tables(self) -> list[tuple[str, str]]:
        """Namespace and name of every table, sorted."""
        with lake_errors(f"the catalog {self._data.catalog}"):
            return self.open().tables()

    @contextmanager
    def turn(self, namespace: str, name: str) -> Iterator[None]:
        """Hold the table's turn to commit, among threads and processes.

        Not for correctness, which the catalog sees to, but for fairness: without it, whoever needs
        longer for a commit would be outrun again and again.
        """
        with lake_errors(f"the table {namespace}.{name}"):
            handle = _lock_file(self._data, f"{namespace}.{name}")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def close(self) -> None:
        """Release the file."""
        with self._lock:
            if self._catalog is not None and self._pid == os.getpid():
                self._catalog.close()
            self._catalog = None


def _lock_file(data: DataDir, name: str) -> int:
    folder = data.run / "lake"
    folder.mkdir(parents=True, exist_ok=True)
    return os.open(folder / f"{name}.lock", os.O_CREAT | os.O_RDWR, 0o644)


def _open(data: DataDir) -> SqliteCatalog:
    # One process at a time: all roles start at once, and a lake that has just been made has no
    # catalog yet, which is not to be taken for a catalog that was lost.
    handle = _lock_file(data, "catalog")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        return _open_alone(data)
    finally:
        os.close(handle)


def _open_alone(data: DataDir) -> SqliteCatalog:
    from madang.lake.files import make_folder, to_location
    from madang.lake.sqlite_catalog import SqliteCatalog

    # SQLite takes an empty file for a new database, as a disk may leave one after a power cut.
    missing = not data.catalog.exists() or not data.catalog.stat().st_size
    if missing and any(data.lake.glob("*/*/metadata")):
        raise CorruptionError(
            f"{data.catalog} is missing or empty, but {data.lake} holds tables",
            hint="restore catalog.db from a backup; without it nobody knows the tables' states",
        )
    make_folder(data.lake)
    catalog = SqliteCatalog(
        data.catalog,
        **{
            "warehouse": to_location(data.lake),
            "py-io-impl": "madang.lake.files.DurableFileIO",
        },
    )
    for namespace in (DEFAULT_NAMESPACE, *sorted(OWN_NAMESPACES)):
        catalog.create_namespace_if_not_exists(namespace)
    return catalog


@contextmanager
def lake_errors(what: str) -> Iterator[None]:
    """Turn what PyIceberg, SQLite and the file system raise into errors that people read."""
    from pyiceberg import exceptions as ice

    try:
        yield
    except MadangError:
        raise
    except ice.NoSuchTableError as error:
        raise NotFoundError(f"{what}: there is no such table") from error
    except ice.TableAlreadyExistsError as error:
        raise ConflictError(f"{what} exists already") from error
    except (ice.CommitFailedException, ice.ValidationException) as error:
        raise FencedError(f"{what}: another writer committed meanwhile ({error})") from error
    except sqlite3.DatabaseError as error:
        raise _database_error(what, error) from error
    except OSError as error:
        raise _file_error(what, error) from error


def _database_error(what: str, error: sqlite3.DatabaseError) -> MadangError:
    from madang.lake.sqlite_catalog import BUSY_TIMEOUT_S

    text = str(error)
    if "full" in text:
        return StorageFullError(f"{what}: the disk is full", hint="make room", retry_after_s=5)
    if "locked" in text or "busy" in text:
        return UnavailableError(
            f"{what} stayed locked for {BUSY_TIMEOUT_S} s", hint="find the process that holds it"
        )
    if "malformed" in text or "not a database" in text:
        return CorruptionError(f"{what} is damaged: {text}", hint="restore it from a backup")
    return UnavailableError(f"{what}: {text}", hint="is its folder there, and writable?")


def _file_error(what: str, error: OSError) -> MadangError:
    if error.errno in _FULL:
        return StorageFullError(f"{what}: the disk is full", hint="make room", retry_after_s=5)
    if error.errno in _READ_ONLY:
        return UnavailableError(f"{what}: {error}", hint="the folder must be writable")
    if isinstance(error, FileNotFoundError):
        missing = f"{error.filename} is missing" if error.filename else str(error)
        return CorruptionError(
            f"{what}: {missing}", hint="restore the data directory from a backup"
        )
    return UnavailableError(f"{what}: {error}")


def warehouse_path(data: DataDir, namespace: str, name: str) -> Path:
    """The folder of a table."""
    return data.lake / namespace / name
