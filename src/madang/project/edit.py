"""What the API does to a project directory: write a stream, publish, say what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from madang.core.datadir import DataDir
from madang.core.errors import MadangError
from madang.project.files import read_files
from madang.project.loader import check_files
from madang.project.problem import ProjectError
from madang.project.publish import ProjectPublisher, project_lock, read_problems, read_published
from madang.project.rule_checks import ExpressionCheck
from madang.project.write import WrittenStream, stream_from_json, write_stream


class ProjectEditor:
    """Writes into the project directory and publishes at once. Thread-safe."""

    def __init__(
        self, directory: Path | str, data: DataDir, *, is_promql: ExpressionCheck | None = None
    ) -> None:
        self._directory = Path(directory).absolute()
        self._data = data
        self._publisher = ProjectPublisher(directory, data, is_promql=is_promql)

    def write_stream(
        self, name: str, spec: Mapping[str, object], *, sent: bytes | None = None
    ) -> WrittenStream:
        """Write ``streams/<name>.yml`` and publish the project that it makes.

        While other files are broken the stream joins the last good state; they keep theirs.
        ``sent`` is the text of ``spec``, whose lines errors then carry.

        Raises:
            ProjectError: the stream is wrong; or there never was a good state that it could join.
                Nothing was written.
            ConflictError: the stream's file cannot be changed in place.
        """
        stream = stream_from_json(name, spec, sent)
        with project_lock(self._data):  # Two streams that ask for one table: one of them gets it.
            before = read_published(self._data)
            if before is None:
                _must_be_sound(self._directory)
            written = write_stream(self._directory, stream, before=before, sent=sent)
        self._publisher.publish(opening=name)
        return written

    def reload(self) -> None:
        """Publish what the directory says now, and the files that it names.

        Raises:
            ProjectError: it is broken; the last good state goes on.
        """
        errors = self._publisher.publish().errors
        if errors:
            raise ProjectError(problems=errors)

    def errors(self) -> list[MadangError]:
        """What is wrong with the directory as it stands; empty while it is what is published."""
        return [
            ProjectError(one.message, hint=one.hint, where=one.where)
            for one in read_problems(self._data)
            if one.severity == "error"
        ]


def _must_be_sound(directory: Path) -> None:
    errors = check_files(read_files(directory)).errors
    if errors:
        raise ProjectError(
            f"nothing was written: the project never ran, because of {errors[0].where.name}: "
            f"{errors[0].message}",
            problems=errors,
            hint="`madang check` lists everything",
            where=errors[0].where,
        )
