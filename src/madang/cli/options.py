"""Options that several commands share."""

from __future__ import annotations

from contextlib import ExitStack
from contextvars import ContextVar
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from madang.cli.client import Client

CLOSING: ContextVar[ExitStack] = ContextVar("CLOSING")
"""What is closed when the command that runs has ended."""

Url = Annotated[
    str | None,
    typer.Option("--url", help="Where Madang answers. Else MADANG_URL, else what runs in --data."),
]
Token = Annotated[
    str | None,
    typer.Option(
        "--token", help="API token. Else MADANG_TOKEN, else this machine's own admin token."
    ),
]
Data = Annotated[
    str | None, typer.Option("--data", help="The data directory. Else MADANG_DATA, else data.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Directory = Annotated[
    str | None,
    typer.Argument(metavar="[DIR]", help="The project directory. Else MADANG_PROJECT, else here."),
]


def client(url: str | None, token: str | None, data: str | None) -> Client:
    """The client for the running platform that the options name."""
    from madang.cli.client import Client
    from madang.project.settings import connection

    found = Client(connection(url=url, token=token, data=data))
    CLOSING.get().callback(found.close)
    return found
