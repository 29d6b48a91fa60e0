"""``madang schema``."""

from __future__ import annotations

from typing import Annotated

import typer

from madang.cli.options import Directory


def schema(
    directory: Directory = None,
    kind: Annotated[
        str | None,
        typer.Option("--kind", help="Print one schema: platform, stream, source or table."),
    ] = None,
) -> None:
    """Write JSON Schemas into .madang/schema, for editors to complete and check YAML."""
    from madang.cli.output import say, show_json
    from madang.cli.wrong_call import chosen
    from madang.core.errors import NotFoundError
    from madang.project import json_schema, write_schemas
    from madang.project.settings import start_settings

    if kind is not None:
        kinds = ("platform", "stream", "source", "table")
        show_json(json_schema(chosen("kind", kind, kinds)))
        return
    path = start_settings(project=directory).project_dir
    if not path.is_dir():
        raise NotFoundError(f"there is no directory {path}", hint="`madang init DIR` writes one")
    for written in write_schemas(path):
        say(str(written))
