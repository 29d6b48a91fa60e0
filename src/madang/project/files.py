"""The files of a project directory, read once: everything after this is pure."""

from __future__ import annotations

import difflib
import errno
import hashlib
import os
import stat
from dataclasses import dataclass, field, replace
from pathlib import Path

from madang.core.errors import Place
from madang.core.names import RULE, is_name
from madang.project.problem import Problem

RULES = "rules"
FOLDERS = ("streams", "sources", "tables", RULES)
PLATFORM = "madang"
"""Stem of the platform's own file, ``madang.yml``."""
SUFFIXES = (".yml", ".yaml")
MAX_FILE_BYTES = 2**20
MAX_CONFIG_BYTES = 8 * 2**20
"""Of a file that another program's configuration is."""
MAX_FILES = 5_000

_KNOWN = (*FOLDERS, "madang.yml", "madang.yaml")
# Left behind by editors and version control; no word about them.
_NOISE = ("~", ".swp", ".swo", ".tmp", ".bak", ".orig", ".rej", "#")
_NOTES = (".md", ".txt", ".gitkeep", ".rst")


@dataclass(frozen=True, slots=True)
class ProjectFiles:
    """The YAML files of a project by their path in it, such as ``streams/orders.yml``.

    ``problems`` are those of reading them. ``schemas`` are files that contracts and sources name,
    read when they are asked for.
    """

    directory: Path
    contents: dict[str, bytes]
    problems: tuple[Problem, ...] = ()
    schemas: dict[str, bytes] = field(default_factory=dict)

    def with_file(self, file: str, data: bytes) -> ProjectFiles:
        """The same project with one file as it would be after a write."""
        return replace(self, contents={**self.contents, file: data}, schemas={})

    def of(self, folder: str) -> dict[str, str]:
        """Name → file of one folder; the first of two files for one name."""
        found: dict[str, str] = {}
        for file in sorted(self.contents):
            parent, _, base = file.rpartition("/")
            if parent == folder:
                found.setdefault(base.rpartition(".")[0], file)
        return found

    def version(self) -> str:
        """Digest of every file that was read."""
        digest = hashlib.blake2b(digest_size=12)
        for file, data in sorted({**self.contents, **self.schemas}.items()):
            digest.update(f"{file}\0{len(data)}\0".encode())
            digest.update(data)
        return digest.hexdigest()

    def read_schema(self, relative: str) -> bytes:
        """The bytes of a file that a contract names.

        Raises:
            OSError: it cannot be read, is no plain file, too large, or outside the project.
        """
        base = self.directory.resolve()
        path = (base / relative).resolve()
        if not path.is_relative_to(base) or Path(relative).is_absolute():
            raise PermissionError(errno.EACCES, "it is outside the project directory")
        self.schemas[relative] = b""  # Named, so watched, even while it cannot be read.
        data = _read(path)
        self.schemas[relative] = data
        return data

    def watch(self, path: str) -> None:
        """Note that the project changes with a file or folder that may not be there."""
        self.schemas.setdefault(path, b"")

    def read_config(self, path: str) -> bytes:
        """The bytes of a file that a source names, inside the project or not; watched from then.

        Raises:
            OSError: it cannot be read, is no plain file or too large.
        """
        self.schemas[path] = b""
        data = _read(self.directory / path, MAX_CONFIG_BYTES)
        self.schemas[path] = data
        return data


def read_files(directory: Path) -> ProjectFiles:
    """Read every YAML file of the project in ``directory``; never raises for what is in there."""
    problems: list[Problem] = []
    contents: dict[str, bytes] = {}
    entries = _entries(directory, str(directory), problems)
    for entry in entries:
        base = entry.name
        if base in FOLDERS:
            _read_folder(directory, base, contents, problems)
        elif base in ("madang.yml", "madang.yaml"):
            _read_into(contents, Path(entry.path), base, problems)
        elif not base.startswith("."):
            _near_miss(base, problems)
    for file, other in _twice(contents):
        problems.append(
            Problem(f"{other} says the same thing", Place(file), "keep one of the two files")
        )
    return ProjectFiles(directory, contents, tuple(problems))


def _entries(directory: Path, shown: str, problems: list[Problem]) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        problems.append(Problem(f"cannot be read: {_reason(error)}", Place(shown)))
        return []
    if len(entries) > MAX_FILES:
        problems.append(Problem(f"more than {MAX_FILES:,} files", Place(shown)))
        return []
    return entries


def _near_miss(base: str, problems: list[Problem]) -> None:
    if base.endswith(_NOTES) and not base.startswith("madang."):
        return
    near = difflib.get_close_matches(base.lower().removesuffix(".txt"), _KNOWN, n=1, cutoff=0.8)
    if not near:
        return
    problems.append(
        Problem(f"{base!r} is not read", Place(base), f"did you mean {near[0]!r}?", "warning")
    )


def _read_folder(
    directory: Path, folder: str, contents: dict[str, bytes], problems: list[Problem]
) -> None:
    for entry in _entries(directory / folder, folder, problems):
        base, file = entry.name, f"{folder}/{entry.name}"
        if base.startswith((".", "#")) or base.endswith((*_NOISE, *_NOTES)):
            continue
        path = Path(entry.path)
        if path.suffix not in SUFFIXES:
            what = "a folder" if entry.is_dir(follow_symlinks=False) else "not a .yml file"
            problems.append(
                Problem(f"{base!r} is {what} and not read", Place(file), severity="warning")
            )
            continue
        problem = _name_problem(folder, path.stem, file)
        if problem:
            problems.append(problem)
        most = MAX_CONFIG_BYTES if folder == RULES else MAX_FILE_BYTES
        _read_into(contents, path, file, problems, most)


def _name_problem(folder: str, stem: str, file: str) -> Problem | None:
    if folder == RULES:
        return None  # other people's files, with names of their own
    parts = stem.split(".") if folder == "tables" else [stem]
    if parts[0] == "system":
        what = folder.removesuffix("s")
        return Problem(
            f"'system' is Madang's own and cannot name a {what}", Place(file), "choose another name"
        )
    if len(parts) > 2 or not all(is_name(_printable(part)) for part in parts):
        return Problem(f"{_printable(stem)!r} is not a name", Place(file), f"a name is {RULE}")
    return None


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _read_into(
    contents: dict[str, bytes],
    path: Path,
    file: str,
    problems: list[Problem],
    most: int = MAX_FILE_BYTES,
) -> None:
    try:
        contents[_printable(file)] = _read(path, most)
    except OSError as error:
        problems.append(Problem(f"cannot be read: {_reason(error)}", Place(_printable(file))))


def _read(path: Path, most: int = MAX_FILE_BYTES) -> bytes:
    # O_NONBLOCK: opening a named pipe must not wait for a writer that never comes.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is not a plain file")
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"it is larger than {most // 2**20} MiB")
    return data


def _reason(error: OSError) -> str:
    known = {
        errno.ELOOP: "a symbolic link that leads to itself",
        errno.ENOENT: "it does not exist",
        errno.EACCES: "no permission",
        errno.EISDIR: "it is a folder",
        errno.ENOTDIR: "it is not a folder",
    }
    if error.errno == errno.EACCES and error.strerror and "outside" in error.strerror:
        return error.strerror
    return known.get(error.errno or 0, error.strerror or str(error))


def _twice(contents: dict[str, bytes]) -> list[tuple[str, str]]:
    first: dict[str, str] = {}
    found = []
    for file in sorted(contents):
        stem = file.rpartition(".")[0]
        full = stem.replace("tables/lake.", "tables/")
        if full in first:
            found.append((file, first[full]))
        first.setdefault(full, file)
    return found


reason = _reason
