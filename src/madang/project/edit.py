"""What the API does to a project directory: write a stream, publish, say what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from madang.core.datadir import DataDir
from madang.core.errors import MadangError
from madang.project.problem import ProjectError
from madang.project.publish import ProjectPublisher, project_lock, read_problems, read_published
from madang.project.write import WrittenStream, stream_from_json, write_stream


class ProjectEditor:
    """Writes into the project directory and publishes at once. Thread-safe."""

    def __init__(self, directory: Path | str, data: DataDir) -> None:
        self._directory = Path(directory).absolute()
        self._data = data
        self._publisher = ProjectPublisher(directory, data)

    def write_stream(self, name: str, spec: Mapping[str, object]) -> WrittenStream:
        """Write ``streams/<name>.yml`` and publish the project that it makes.

        Raises:
            ProjectError: the stream is wrong, and nothing was written; or it was written, and the
                project cannot be published because of other files.
            ConflictError: the stream's file cannot be changed in place.
        """
        stream = stream_from_json(name, spec)
        with project_lock(self._data):  # Two streams that ask for one table: one of them gets it.
            before = read_published(self._data)
            written = write_stream(self._directory, stream, before=before)
        result = self._publisher.publish()
        if result.errors:
            raise ProjectError(
                f"streams/{name}.yml is written, but the project has errors elsewhere: "
                f"{result.errors[0].message}",
                problems=result.errors,
                hint="the stream opens when they are mended; `madang check` lists them",
                where=result.errors[0].where,
            )
        return written

    def errors(self) -> list[MadangError]:
        """What is wrong with the directory as it stands; empty while it is what is published."""
        return [
            ProjectError(one.message, hint=one.hint, where=one.where)
            for one in read_problems(self._data)
            if one.severity == "error"
        ]
