"""Files of secrets and certificates that a ``prometheus.yml`` names and that are not there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from madang.project.checks import Finding
from madang.project.document import Path as KeyPath
from madang.project.files import ProjectFiles


def missing_files(
    model: BaseModel, files: ProjectFiles, folder: Path, at: KeyPath = ()
) -> list[Finding]:
    """A warning for every ``…_file`` that this process cannot read; it is watched from then.

    A warning, since whoever rotates secrets may write the file a moment later.

    Args:
        model: A spec whose relative paths start at ``folder``.
        files: Notes what to watch.
        folder: An absolute path.
        at: Where ``model`` stands in its file.
    """
    found = []
    for place, named in _named(model, at):
        path = str(folder / named)
        try:
            readable = os.access(path, os.R_OK)
        except ValueError:  # a null character
            text = f"{place[-1]}: {path!r} is no path"
            found.append(Finding(place, text, severity="warning"))
            continue
        if not readable:
            files.watch(path)
            text = f"{place[-1]}: {path} does not exist, or may not be read"
            found.append(Finding(place, text, "it is read at every fetch", "warning"))
    return found


def _named(model: BaseModel, at: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    for name, value in model:
        key: KeyPath = (*at, type(model).model_fields[name].alias or name)
        if name.endswith("_log_file"):
            continue  # Written, not read.
        if name.endswith("_file") and isinstance(value, str) and value:
            yield key, value
        elif isinstance(value, BaseModel):
            yield from _named(value, key)
        elif isinstance(value, tuple):
            for index, one in enumerate(value):
                if isinstance(one, BaseModel):
                    yield from _named(one, (*key, index))
