"""``madang init``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def init(
    directory: Annotated[str, typer.Argument(metavar="DIR", help="Where the project will be.")],
) -> None:
    """Write a first project: this machine's metrics and logs, ready to start."""
    from madang.cli.output import say
    from madang.project.starter import write_starter

    written = write_starter(Path(directory))
    for path in written:
        say(f"  {path}")
    say(f"Start it: madang up {directory}")
