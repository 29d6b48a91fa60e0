"""``madang up``."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from madang.cli.options import Data, Directory


def up(
    directory: Directory = None,
    data: Data = None,
    host: Annotated[
        str | None, typer.Option("--host", help="Address to listen on. Else MADANG_HOST.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", min=0, max=65_535, help="Port. Else MADANG_PORT; 0: a free one."),
    ] = None,
) -> None:
    """Start the platform on a project and stay in the foreground; Ctrl-C ends it cleanly."""
    # Read when Arrow is loaded. Its own allocators reserve 2 MB in each of the roles, and give
    # back less of what a burst took; measured, they are not quicker here.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    from madang.core.errors import InvalidInputError
    from madang.operate.platform import ServeBody, StartOptions, run_platform
    from madang.project.settings import start_settings

    def load_serve() -> ServeBody:
        from madang.server.role import run_serve

        return run_serve

    settings = start_settings(project=directory, data=data, host=host, port=port)
    if not settings.project_dir.is_dir():
        raise InvalidInputError(
            f"there is no project directory {settings.project_dir}",
            hint=f"`madang init {settings.project_dir}` writes a first one",
        )
    run_platform(
        StartOptions(
            project_dir=settings.project_dir,
            data_dir=settings.data_dir,
            host=settings.host,
            port=settings.port,
            token=settings.token,
        ),
        load_serve,
    )
