"""The starter project: what ``madang init`` writes; ``examples/home`` is the same, checked."""

from __future__ import annotations

from pathlib import Path

from madang.core.durable_files import replace_file
from madang.core.errors import ConflictError
from madang.project.schema import write_schemas

_FILES = Path(__file__).parent / "files"


def starter_files() -> dict[str, bytes]:
    """Path in the project → content."""
    return {
        str(path.relative_to(_FILES)): path.read_bytes()
        for path in sorted(_FILES.rglob("*"))
        if path.is_file()
    }


def write_starter(directory: Path) -> list[Path]:
    """Write the starter project and its JSON Schemas; returns the files of the project.

    Raises:
        ConflictError: one of the files exists; nothing was written.
        OSError: the directory cannot be written.
    """
    files = starter_files()
    found = [file for file in files if (directory / file).exists()]
    if found:
        raise ConflictError(
            f"{directory / found[0]} exists already", hint="choose a directory that is new or empty"
        )
    for file, data in files.items():
        path = directory / file
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, data)
    ignored = directory / ".gitignore"
    if not ignored.exists():
        replace_file(ignored, b"/data/\n/.madang/\n")
    write_schemas(directory)
    return [directory / file for file in files]
