"""Globs over many folders, read again only where a folder changed."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fnmatch import translate
from functools import lru_cache
from pathlib import PurePosixPath

# A folder that changed this recently may change again within its time stamp's grain.
_SETTLED_NS = 2_000_000_000
_MAX_DEPTH = 64


@dataclass(slots=True)
class _Folder:
    mtime_ns: int
    settled: bool
    files: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    linked: set[str] = field(default_factory=set)
    """Folders that are symbolic links: ``**`` does not follow them."""


class GlobSet:
    """The files that match some globs and none of others.

    ``*`` and ``?`` stay within a name and leave out hidden names, as in a shell; ``**`` is any
    number of folders, links to folders excepted.

    Args:
        paths: Absolute globs.
        exclude: Globs; one without a slash is matched against the name alone.
    """

    def __init__(self, paths: tuple[str, ...], exclude: tuple[str, ...] = ()) -> None:
        self._patterns = [PurePosixPath(path).parts for path in paths]
        self._exclude = [_excludes(glob) for glob in exclude]
        self._folders: dict[str, _Folder] = {}
        self._used: set[str] = set()
        self._found: list[str] = []
        self._begun = False
        self.problems: dict[str, OSError] = {}
        """Folders that cannot be read."""

    def files(self, now_ns: int) -> list[str]:
        """Paths of everything that matches and is no folder, sorted; the same list if unchanged.

        Args:
            now_ns: Wall time, to be compared with the folders' time stamps.
        """
        if self._begun and not self._changed(now_ns):
            return self._found
        self._begun = True
        self._used = set()
        found: set[str] = set()
        for parts in self._patterns:
            for path in self._walk(parts[0], parts[1:], now_ns, 0):
                if path not in found and not any(rule(path) for rule in self._exclude):
                    found.add(path)
        for gone in self._folders.keys() - self._used:
            del self._folders[gone]
            self.problems.pop(gone, None)
        ordered = sorted(found)
        if ordered != self._found:
            self._found = ordered
        return self._found

    def _changed(self, now_ns: int) -> bool:
        for path, folder in self._folders.items():
            if not folder.settled or _mtime_ns(path) != folder.mtime_ns:
                return True
        return not self._folders

    def _folder(self, path: str, now_ns: int) -> _Folder:
        self._used.add(path)
        mtime_ns = _mtime_ns(path)
        known = self._folders.get(path)
        if known is not None and known.settled and known.mtime_ns == mtime_ns:
            return known
        folder = _Folder(mtime_ns, abs(now_ns - mtime_ns) > _SETTLED_NS)
        self._folders[path] = folder
        self.problems.pop(path, None)
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    try:
                        is_folder = entry.is_dir()
                    except OSError:
                        is_folder = False
                    if is_folder:
                        folder.folders.append(entry.name)
                        if entry.is_symlink():
                            folder.linked.add(entry.name)
                    else:
                        folder.files.append(entry.name)
        except (FileNotFoundError, NotADirectoryError):
            pass
        except OSError as error:
            self.problems[path] = error
        return folder

    def _walk(self, base: str, parts: tuple[str, ...], now_ns: int, depth: int) -> Iterator[str]:
        if not parts or depth > _MAX_DEPTH:
            return
        part, rest = parts[0], parts[1:]
        if part == "**":
            yield from self._walk(base, rest or ("*",), now_ns, depth)
            folder = self._folder(base, now_ns)
            for name in folder.folders:
                if name not in folder.linked and not name.startswith("."):
                    yield from self._walk(_join(base, name), parts, now_ns, depth + 1)
            return
        if not _is_magic(part):
            path = _join(base, part)
            if rest:
                yield from self._walk(path, rest, now_ns, depth)
            elif part in self._folder(base, now_ns).files:
                yield path
            return
        matches = _compiled(part)
        hidden = part.startswith(".")
        folder = self._folder(base, now_ns)
        for name in folder.folders if rest else folder.files:
            if (hidden or not name.startswith(".")) and matches.match(name):
                path = _join(base, name)
                if rest:
                    yield from self._walk(path, rest, now_ns, depth + 1)
                else:
                    yield path


def _join(base: str, name: str) -> str:
    return base + name if base.endswith("/") else f"{base}/{name}"


def _is_magic(part: str) -> bool:
    return any(letter in part for letter in "*?[")


@lru_cache(maxsize=1024)
def _compiled(part: str) -> re.Pattern[str]:
    return re.compile(translate(part))


def _excludes(glob: str) -> Callable[[str], bool]:
    if "/" not in glob:
        return lambda path: _compiled(glob).match(path.rpartition("/")[2]) is not None
    pattern = PurePosixPath(glob).parts
    return lambda path: _matches(PurePosixPath(path).parts, pattern)


def _matches(path: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    if not pattern:
        return not path
    if pattern[0] == "**":
        if len(pattern) == 1:
            return True
        return any(_matches(path[skip:], pattern[1:]) for skip in range(len(path) + 1))
    if not path or _compiled(pattern[0]).match(path[0]) is None:
        return False
    return _matches(path[1:], pattern[1:])


def _mtime_ns(path: str) -> int:
    try:
        status = os.stat(path)  # noqa: PTH116 - asked a thousand times a second, Path costs
    except OSError:
        return -1
    return status.st_mtime_ns if stat.S_ISDIR(status.st_mode) else -1
