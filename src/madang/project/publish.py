"""The published project: one writer, checked, atomic; every process follows the file.

``run/project.json`` holds the last good state, ``run/project-errors.json`` what is wrong with the
directory now (absent while it is good). Both are replaced atomically under ``run/project.lock``.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from madang.core.clock import Clock, SystemClock, from_us
from madang.core.datadir import DataDir
from madang.core.durable_files import replace_file
from madang.core.errors import UnavailableError
from madang.project.join import refusals, with_stream
from madang.project.loader import LoadResult, check_directory
from madang.project.problem import Problem, ProjectError
from madang.project.project import Project
from madang.project.rule_checks import ExpressionCheck

Stamp = tuple[str, int, int, int]
"""A file's path, inode, size and time of change in ns; zeros for one that cannot be looked at."""


@dataclass(frozen=True, slots=True)
class PublishResult:
    """What a publish did.

    ``project`` is the published state: the new one, or the last good one where the directory is
    broken, or None where there never was a good one. ``changed``: the published state is another
    than before. ``stamps``: those of the files that hold it, before anybody else publishes.
    """

    project: Project | None
    problems: tuple[Problem, ...]
    changed: bool
    schema_files: tuple[str, ...] = ()
    stamps: tuple[Stamp, ...] = ()

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that keep the directory's present state from being used."""
        return tuple(one for one in self.problems if one.severity == "error")


class ProjectPublisher:
    """Publishes the project directory for every process of the platform. Safe among processes.

    ``is_promql`` looks at the expressions of rules; None leaves them as they are.
    """

    def __init__(
        self,
        directory: Path | str,
        data: DataDir,
        *,
        clock: Clock | None = None,
        is_promql: ExpressionCheck | None = None,
    ) -> None:
        self.directory = Path(directory).absolute()
        self._is_promql = is_promql
        self._data = data
        self._clock = clock or SystemClock()

    def publish(self, *, opening: str | None = None) -> PublishResult:
        """Load, check and publish. A broken directory keeps the last good state and says so.

        ``opening``: a stream that joins that last good state if its own file is in order.
        """
        with project_lock(self._data):
            # Read under the lock: of two publishers the later one has read the later state.
            before = read_published(self._data)
            result = check_directory(self.directory, before, is_promql=self._is_promql)
            self._write_problems(result)
            project = result.project or _joined(before, result, opening)
            if project is None:
                return PublishResult(
                    before, result.problems, False, result.schema_files, self.stamps()
                )
            changed = before is None or before != project
            if changed:
                document = {
                    "loaded_at": self._now(),
                    "project": project.model_dump(mode="json", by_alias=True),
                }
                # It may hold passwords that stand in a source's file.
                _write_json(self._data.published_project, document, mode=0o600)
            return PublishResult(
                project, result.problems, changed, result.schema_files, self.stamps()
            )

    def stamps(self) -> tuple[Stamp, ...]:
        """Those of the files that hold what is published, whoever published it."""
        return (
            stamp_of(str(self._data.published_project)),
            stamp_of(str(problems_path(self._data))),
        )

    def publish_or_last_good(self) -> Project:
        """Publish; for a broken directory the last good state.

        Raises:
            ProjectError: the directory is broken and there never was a good state.
        """
        result = self.publish()
        if result.project is None:
            raise ProjectError(problems=result.errors)
        return result.project

    def _write_problems(self, result: LoadResult) -> None:
        path = problems_path(self._data)
        if not result.problems:
            path.unlink(missing_ok=True)
            return
        problems = [one.as_dict() for one in result.problems]
        try:
            if json.loads(path.read_bytes())["problems"] == problems:
                return  # Keeps the time since when it is so.
        except (OSError, ValueError, KeyError, TypeError):
            pass
        _write_json(path, {"at": self._now(), "problems": problems})

    def _now(self) -> str:
        return from_us(self._clock.now_us()).isoformat(timespec="microseconds")


def _joined(before: Project | None, result: LoadResult, opening: str | None) -> Project | None:
    spec = result.streams.get(opening) if opening else None
    if before is None or spec is None or refusals(before, spec, spec.name):
        return None
    return before if before.streams.get(spec.name) == spec else with_stream(before, spec)


def stamp_of(path: str) -> Stamp:
    """That of a file; a link to nothing has one too, and must not hide the files behind it."""
    try:
        status = Path(path).stat()
    except OSError:
        return (path, 0, 0, 0)
    return (path, status.st_ino, status.st_size, status.st_mtime_ns)


def problems_path(data: DataDir) -> Path:
    """The file that holds what is wrong with the project directory now."""
    return data.run / "project-errors.json"


def read_problems(data: DataDir) -> list[Problem]:
    """What is wrong with the project directory now, warnings too; empty while it is good."""
    try:
        document = json.loads(problems_path(data).read_bytes())
    except FileNotFoundError:
        return []
    return [Problem.from_dict(one) for one in document["problems"]]


@dataclass(frozen=True, slots=True)
class Published:
    """The published project and when it was loaded (ISO 8601, UTC)."""

    project: Project
    loaded_at: str


class ProjectFollower:
    """Reads the published project, again whenever it was replaced. One per thread or loop."""

    def __init__(self, data: DataDir) -> None:
        self._path = data.published_project
        self._stamp: tuple[int, int, int] | None = None
        self._published: Published | None = None

    def changed(self) -> bool:
        """Whether :meth:`current` would return another state than the last time; one ``stat``."""
        stamp = self._look()
        return stamp is not None and stamp != self._stamp

    def current(self) -> Project:
        """The published project; read again only if the file was replaced.

        Raises:
            UnavailableError: nothing is published yet.
        """
        return self.published().project

    def published(self) -> Published:
        """As :meth:`current`, with the time it was loaded."""
        stamp = self._look()
        if self._published is None or (stamp is not None and stamp != self._stamp):
            self._published = self._load()
        return self._published

    def _look(self) -> tuple[int, int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return (status.st_mtime_ns, status.st_ino, status.st_size)

    def _load(self) -> Published:
        try:
            with self._path.open("rb") as file:
                status = os.fstat(file.fileno())
                document: dict[str, Any] = json.loads(file.read())
        except FileNotFoundError:
            raise UnavailableError(
                "no project is published", hint="start the platform with `madang up`"
            ) from None
        self._stamp = (status.st_mtime_ns, status.st_ino, status.st_size)
        return Published(Project.model_validate(document["project"]), document["loaded_at"])


def read_published(data: DataDir) -> Project | None:
    """The published project, or None where there is none that this Madang can read."""
    try:
        document = json.loads(data.published_project.read_bytes())
        return Project.model_validate(document["project"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        return None  # Written by another version, or damaged: rebuilt from the directory.


def _write_json(path: Path, document: object, *, mode: int = 0o644) -> None:
    replace_file(path, json.dumps(document, ensure_ascii=False, indent=1).encode(), mode=mode)


@contextmanager
def project_lock(data: DataDir) -> Iterator[None]:
    """Held while the directory is written or published; not to be taken twice by one thread."""
    data.run.mkdir(parents=True, exist_ok=True)
    with (data.run / "project.lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
