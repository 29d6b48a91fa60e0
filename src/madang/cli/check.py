"""``madang check``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from madang.cli.options import AsJson, Directory

if TYPE_CHECKING:
    from madang.project import Problem, Project
    from madang.project.settings import StartSettings


def check(directory: Directory = None, as_json: AsJson = False) -> None:
    """Check a project: every problem at once, as file:line:column. Exit code 1 if it has errors."""
    from madang.cli.output import say, show_json
    from madang.operate.expressions import is_promql
    from madang.project import check_directory
    from madang.project.settings import start_settings

    settings = start_settings(project=directory)
    path = settings.project_dir
    result = check_directory(path, is_promql=is_promql)
    if result.project is not None and any(one.columns for one in result.project.streams.values()):
        result = replace(result, problems=(*result.problems, *_unfit(result.project, settings)))
    if as_json:
        show_json(
            {
                "ok": result.project is not None,
                "directory": str(path.absolute()),
                "problems": [one.as_dict() for one in result.problems],
            }
        )
    else:
        for problem in result.problems:
            say(str(problem))
        say(_summary(result))
    if result.project is None:
        raise typer.Exit(1)


def _unfit(project: Project, settings: StartSettings) -> Iterator[Problem]:
    # Only who declares types pays for the import of the lake.
    from madang.core.datadir import DataDir
    from madang.operate.declared_types import unfit_in_project

    return unfit_in_project(project, DataDir(settings.data_dir))


def _summary(result: object) -> str:
    from madang.core.names import is_own
    from madang.project import LoadResult, ScrapeSourceSpec

    assert isinstance(result, LoadResult)
    if result.project is None:
        return _counted(len(result.errors), "error")
    project = result.project
    own = [
        sum(not is_own(name) for name in names)
        for names in (project.streams, project.sources, project.tables)
    ]
    words = [_counted(count, kind) for count, kind in zip(own, _KINDS, strict=True)]
    jobs = sum(
        len(one.jobs()) for one in project.sources.values() if isinstance(one, ScrapeSourceSpec)
    )
    rules = sum(len(group.rules) for one in project.rules.values() for group in one.groups)
    # Most projects have neither.
    words += [
        _counted(count, kind) for count, kind in ((jobs, "scrape job"), (rules, "rule")) if count
    ]
    return f"good: {', '.join(words)}"


_KINDS = ("stream", "source", "table")


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
