"""``madang check``."""

from __future__ import annotations

import typer

from madang.cli.options import AsJson, Directory


def check(directory: Directory = None, as_json: AsJson = False) -> None:
    """Check a project: every problem at once, as file:line:column. Exit code 1 if it has errors."""
    from madang.cli.output import say, show_json
    from madang.project import check_directory
    from madang.project.settings import start_settings

    path = start_settings(project=directory).project_dir
    result = check_directory(path)
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


def _summary(result: object) -> str:
    from madang.project import LoadResult

    assert isinstance(result, LoadResult)
    if result.project is None:
        return _counted(len(result.errors), "error")
    project = result.project
    own = [
        sum("system." not in name for name in names)
        for names in (project.streams, project.sources, project.tables)
    ]
    words = [_counted(count, kind) for count, kind in zip(own, _KINDS, strict=True)]
    return f"good: {', '.join(words)}"


_KINDS = ("stream", "source", "table")


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
