"""Declared types of a stream against the table that is there: refused, or told, never ignored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from madang.core.datadir import DataDir
from madang.core.errors import ConflictError, MadangError, NotFoundError
from madang.lake import Lake, LakeTable
from madang.process.declared import UnfitType, unfit_types
from madang.project import Problem, Project, StreamSpec
from madang.project.document import read_document
from madang.project.files import read_files

HINT: Final = (
    "declare the type that it has, or deliver to a new table (deliver: {table: …}); "
    "until then values that do not fit stand in _rest"
)


def unfit_of(lake: Lake, spec: StreamSpec) -> tuple[UnfitType, ...]:
    """The stream's declared types that its table cannot take; none where there is no table yet."""
    if spec.table is None or not spec.columns:
        return ()
    try:
        table = lake.table(spec.table)
        found = unfit_types(table.schema, spec.columns)
        return tuple(one for one in found if not _widens(table, one))
    except NotFoundError:
        return ()


def _widens(table: LakeTable, one: UnfitType) -> bool:
    """Whole numbers become doubles when the first fraction comes."""
    from madang.lake.widening import may_widen

    return (one.declared, one.actual) == ("double", "long") and may_widen(table, [one.column])


def refuse_unfit(lake: Lake, spec: StreamSpec, sent: bytes) -> None:
    """Refuse a stream that its table cannot follow; ``sent`` is its text.

    Raises:
        ConflictError: a declared type is not the table's.
    """
    for one in unfit_of(lake, spec):
        document = read_document(f"streams/{spec.name}.yml", sent)
        raise ConflictError(
            one.message(str(spec.table)),
            hint=HINT,
            where=document.at_value(("columns", one.column)),
        )


def unfit_in_project(project: Project, data: DataDir) -> Iterator[Problem]:
    """Warnings of streams whose declared types the tables of ``data`` cannot take, at their line.

    Looks at nothing where there is no lake; one that cannot be read is no problem of the project.
    """
    if not data.catalog.exists():
        return
    files = read_files(Path(project.directory))
    lake = Lake(data)
    for name, spec in sorted(project.streams.items()):
        try:
            found = unfit_of(lake, spec)
        except (MadangError, OSError):
            continue
        for one in found:
            file = files.of("streams").get(name)
            if file is not None:
                where = read_document(file, files.contents[file]).at_value(("columns", one.column))
                yield Problem(one.message(str(spec.table)), where, HINT, "warning")
