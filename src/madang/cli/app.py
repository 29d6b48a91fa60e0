"""All commands in one application, and what a person sees when one fails."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import Any, NoReturn

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
from madang.cli.examples import epilog
from madang.cli.options import CLOSING
from madang.cli.output import fail
from madang.cli.wrong_call import WrongCallError
from madang.core.errors import MadangError
from madang.core.names import near_match

app = typer.Typer(
    name="madang",
    help="One data platform in one command: collect, stream, lake, query, look.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: the same in a pipe, and no import of rich
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("init", epilog=epilog("init"))(init.init)
app.command("check", epilog=epilog("check"))(check.check)
app.command("up", epilog=epilog("up"))(up.up)
app.command("status", epilog=epilog("status"))(status.status)
app.command("sql", epilog=epilog("sql"))(sql.sql)
app.add_typer(streams.app, name="streams")
app.add_typer(tables.app, name="tables")
app.command("ingest", epilog=epilog("ingest"))(ingest.ingest)
app.command("replay", epilog=epilog("replay"))(replay.replay)
app.command("schema", epilog=epilog("schema"))(schema.schema)
app.add_typer(token.app, name="token")
app.add_typer(user.app, name="user")


@app.command("version", epilog=epilog("version"))
def version() -> None:
    """Show the version."""
    typer.echo(f"madang {__version__}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code.

    0: it went well. 1: it did not. 2: it was called wrongly. 130: ended by Ctrl-C.

    Errors are shown as message, where and hint; ``MADANG_DEBUG=1`` shows the traceback too.
    """
    try:
        with ExitStack() as closing:
            CLOSING.set(closing)
            result = app(args=arguments, prog_name="madang", standalone_mode=False)
    except MadangError as error:
        _debug()
        fail(error)
        return 2 if isinstance(error, WrongCallError) else 1
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
        if type(error).__name__ == "Abort":
            return 130
        if not hasattr(error, "exit_code"):
            raise
        return _called_wrongly(error)
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


def _called_wrongly(error: Any) -> int:  # noqa: ANN401 - click's own, vendored
    """Show what click found wrong with the call as other errors are shown."""
    command = error.ctx.command_path if getattr(error, "ctx", None) else "madang"
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
        return 2
    message = str(error.format_message()).partition(" Did you mean")[0].partition(" (Possible")[0]
    known = list(getattr(error, "possibilities", None) or ())
    wrong = re.match(r"No such (command|option):? '?([^'\s]+)'?", message)
    if wrong and wrong[1] == "command":
        known = [name for name in error.ctx.command.commands if near_match(wrong[2], [name])]
    near = near_match(wrong[2], known) if wrong else None
    advice = f"`{command} --help` shows how it is called"
    hint = f"did you mean {near!r}? {advice}" if near else advice
    fail(MadangError(f"{message[:1].lower()}{message[1:].rstrip('.')}", hint=hint))
    return int(error.exit_code)


def _debug() -> None:
    if os.environ.get("MADANG_DEBUG"):
        import traceback

        traceback.print_exc()
