"""The reference page of the commands, made from the commands: ``docs/reference/cli.md``.

``python -m madang.cli.reference`` writes it; a test says when it is out of date.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from madang.cli.app import app
from madang.cli.examples import EXAMPLES

PAGE = Path("docs/reference/cli.md")

_HEAD = """<!-- Made by `make docs` from the commands in src/madang/cli; change them instead. -->
# Commands

Data goes to standard output, all else to standard error; nothing is coloured or cut to the width
of the terminal in a pipe.

| exit code | |
| --- | --- |
| 0 | It went well; `up`: it was ended by Ctrl-C or SIGTERM, and stopped cleanly. |
| 1 | It did not: an error, a platform that is not well (`status`), errors (`check`). |
| 2 | It was called wrongly: an unknown command or option, a value that cannot be right. |
| 130 | Ctrl-C ended it. A running query is cancelled; send an interrupted file again. |

`madang streams NAME` and `madang tables NAME` are short for `show NAME`.
Commands other than `init`, `check`, `schema` and `up` talk to the running platform: at `--url`,
else `MADANG_URL`, else what runs in the data directory (`--data`, else `MADANG_DATA`, else `data`),
with `--token`, else `MADANG_TOKEN`, else this machine's own admin token. `--json` prints what the
API answers.
"""
# Described once, above.
_SHARED = {"--url", "--token", "--data", "--json", "--help"}


def page() -> str:
    """The page's text."""
    return "\n".join([_HEAD, *_commands(typer.main.get_command(app), "madang")])


def _commands(command: Any, name: str) -> Iterator[str]:  # noqa: ANN401 - click's classes are vendored
    below = getattr(command, "commands", None)
    if below is None:
        yield from _command(command, name)
        return
    for word, one in below.items():
        yield from _commands(one, f"{name} {word}")


def _command(command: Any, name: str) -> Iterator[str]:  # noqa: ANN401 - as above
    shown = [one for one in command.params if not _SHARED & set(one.opts)]
    arguments = [one for one in shown if one.param_type_name == "argument"]
    words = " ".join(_argument(one) for one in arguments)
    yield f"## {name}\n"
    yield f"`{name}{' ' + words if words else ''}{' [options]' if shown != arguments else ''}`\n"
    yield f"{' '.join((command.help or '').split())}\n"
    examples = "\n".join(EXAMPLES[name.partition(" ")[2]])
    yield f"```sh\n{examples}\n```\n"
    rows = [(_name(one), getattr(one, "help", None) or "") for one in shown]
    if rows:
        yield "| | |"
        yield "| --- | --- |"
        yield from (f"| `{name}` | {help_text} |" for name, help_text in rows)
        yield ""


def _argument(one: Any) -> str:  # noqa: ANN401 - as above
    return str(one.metavar or one.name.upper())


def _name(one: Any) -> str:  # noqa: ANN401 - as above
    if one.param_type_name == "argument":
        return _argument(one)
    names = ", ".join([*one.opts, *one.secondary_opts])
    return names if one.is_flag else f"{names} {one.opts[0].lstrip('-').upper()}"


def write_page(root: Path) -> Path:
    """Write the page below ``root``, the repository."""
    path = root / PAGE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(), encoding="utf-8")
    return path


if __name__ == "__main__":
    write_page(Path.cwd())
