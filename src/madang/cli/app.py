"""All commands in one application, and what a person sees when one fails."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import NoReturn

import typer

from madang import __version__
from madang.cli import (
    check,
    ingest,
    init,
    replay,
    schema,
    sql,
    status,
    streams,
    tables,
    token,
    up,
    user,
)
from madang.cli.options import CLOSING
from madang.cli.output import fail
from madang.core.errors import MadangError

app = typer.Typer(
    name="madang",
    help="One data platform in one command: collect, stream, lake, query, look.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("init")(init.init)
app.command("check")(check.check)
app.command("up")(up.up)
app.command("status")(status.status)
app.command("sql")(sql.sql)
app.add_typer(streams.app, name="streams")
app.command("tables")(tables.tables)
app.command("ingest")(ingest.ingest)
app.command("replay")(replay.replay)
app.command("schema")(schema.schema)
app.add_typer(token.app, name="token")
app.add_typer(user.app, name="user")


@app.command("version")
def version() -> None:
    """Show the version."""
    typer.echo(f"madang {__version__}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code (0 good, 1 failed, 2 called wrongly, 130 ended).

    Errors are shown as message, where and hint; ``MADANG_DEBUG=1`` shows the traceback too.
    """
    try:
        with ExitStack() as closing:
            CLOSING.set(closing)
            result = app(args=arguments, standalone_mode=False)
    except MadangError as error:
        _debug()
        fail(error)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader (head, less) has seen enough; nothing more may be written at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        _debug()
        name = f"{error.filename}: " if error.filename else ""
        fail(MadangError(f"{name}{error.strerror or error}"))
        return 1
    except Exception as error:  # click's own errors, without importing it by its vendored name
        show = getattr(error, "show", None)
        if show is None:
            if type(error).__name__ == "Abort":
                return 130
            raise
        show()
        return int(getattr(error, "exit_code", 2))
    return result if isinstance(result, int) else 0


def run() -> NoReturn:
    """Be the program ``madang``: :func:`main`, then the end of the process, at once.

    The parent of all roles has DuckDB's binding loaded for them; taking the interpreter down in
    order would make the binding report everything that it holds as leaked.
    """
    code = main()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _debug() -> None:
    if os.environ.get("MADANG_DEBUG"):
        import traceback

        traceback.print_exc()
