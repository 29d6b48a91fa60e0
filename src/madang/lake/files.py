"""Files of the lake: written once, fsynced with their folder before anybody may point at them.

Iceberg moves a table from one state to the next by moving a pointer in the catalog. The pointer is
durable (SQLite, ``synchronous=FULL``), so everything that it leads to has to be durable before.
PyIceberg's own file classes leave that to the operating system; :class:`DurableFileIO` does not.
"""

from __future__ import annotations

import os
from contextlib import suppress
from io import BufferedReader, BufferedWriter
from pathlib import Path

from pyiceberg.io import FileIO, InputFile, InputStream, OutputFile, OutputStream

from madang.core.durable_files import sync_folder

SCHEME = "file://"


def to_location(path: Path) -> str:
    """The Iceberg location of a local path."""
    return f"{SCHEME}{path}"


def to_path(location: str) -> Path:
    """The local path of an Iceberg location; nothing in it is escaped."""
    return Path(location.removeprefix(SCHEME))


def sync_file(path: Path) -> None:
    """Make the bytes of ``path`` durable; its name is up to :func:`sync_folder`."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """Create ``folder`` with its parents, durably."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for child in reversed(missing):
        with suppress(FileExistsError):
            child.mkdir()
        sync_folder(child.parent)


class DurableFileIO(FileIO):
    """Local files for PyIceberg; its class path is the catalog's ``py-io-impl``."""

    def new_input(self, location: str) -> LakeInputFile:
        """The file at ``location``, to be read."""
        return LakeInputFile(location)

    def new_output(self, location: str) -> LakeOutputFile:
        """The file at ``location``, to be written."""
        return LakeOutputFile(location)

    def delete(self, location: str | InputFile | OutputFile) -> None:
        """Remove a file.

        Raises:
            FileNotFoundError: it is not there.
        """
        text = location if isinstance(location, str) else location.location
        to_path(text).unlink()


class LakeInputFile(InputFile):
    """A local file to be read."""

    def __len__(self) -> int:
        return to_path(self.location).stat().st_size

    def exists(self) -> bool:
        """Whether the file is there."""
        return to_path(self.location).exists()

    def open(self, seekable: bool = True) -> InputStream:
        """The opened file; always seekable."""
        del seekable
        return _Reader(to_path(self.location))


class LakeOutputFile(OutputFile):
    """A local file to be written once."""

    def __len__(self) -> int:
        return to_path(self.location).stat().st_size

    def exists(self) -> bool:
        """Whether the file is there."""
        return to_path(self.location).exists()

    def to_input_file(self) -> LakeInputFile:
        """The same file, to be read."""
        return LakeInputFile(self.location)

    def create(self, overwrite: bool = False) -> OutputStream:
        """Open the file for writing; it is durable when it is closed.

        Raises:
            FileExistsError: it is there, and ``overwrite`` is not set.
        """
        path = to_path(self.location)
        make_folder(path.parent)
        return _Writer(path, "wb" if overwrite else "xb")


class _Reader(BufferedReader):
    def __init__(self, path: Path) -> None:
        super().__init__(path.open("rb", buffering=0))

    def __enter__(self) -> _Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Writer(BufferedWriter):
    def __init__(self, path: Path, mode: str) -> None:
        self._path = path
        super().__init__(path.open(mode, buffering=0), 1 << 17)

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self.closed:
            return
        try:
            self.flush()
            os.fsync(self.fileno())
        finally:
            super().close()
        sync_folder(self._path.parent)
