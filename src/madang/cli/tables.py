"""``madang tables``: list, show, drop."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from madang.cli.examples import epilog
from madang.cli.noun_group import NounGroup, hand_down
from madang.cli.options import AsJson, Data, Token, Url

app = typer.Typer(
    cls=NounGroup,
    help="List tables, or show one: `madang tables NAME`.",
    invoke_without_command=True,
)
_SHOWN = 10


@app.callback()
def tables(
    context: typer.Context,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """List the tables, unless a command or a table's name follows."""
    if not hand_down(context, url=url, token=token, data=data, as_json=as_json):
        list_tables(url, token, data, as_json)


@app.command("list", epilog=epilog("tables list"))
def list_tables(
    url: Url = None, token: Token = None, data: Data = None, as_json: AsJson = False
) -> None:
    """List the tables: rows, size, files, the stream that fills each."""
    from madang.cli.options import client
    from madang.cli.output import ago, count, say, show_json, show_table, size

    found = client(url, token, data).get("/api/tables")["tables"]
    if as_json:
        show_json(found)
    elif not found:
        say("no tables yet; they appear with the first delivered records")
    else:
        show_table(
            ("table", "rows>", "size>", "files>", "committed", "stream"),
            [
                (
                    one["name"],
                    count(one["rows"]),
                    size(one["size_bytes"]),
                    count(one["files"]),
                    ago(one.get("last_commit_at")),
                    one.get("stream") or "–",
                )
                for one in found
            ],
        )


@app.command("show", epilog=epilog("tables show"))
def show(
    name: Annotated[str, typer.Argument(help="The table; `lake.` may be left out.")],
    url: Url = None,
    token: Token = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Show a table: columns, days, files and the latest snapshots."""
    from madang.cli.client import quoted
    from madang.cli.options import client
    from madang.cli.output import ago, count, say, show_json, size

    full = name if "." in name else f"lake.{name}"
    table = client(url, token, data).get(f"/api/tables/{quoted(full)}")
    if as_json:
        show_json(table)
        return
    files = f"{count(table['files'])} file{'' if table['files'] == 1 else 's'}"
    say(f"{table['name']}: {count(table['rows'])} rows, {size(table['size_bytes'])} in {files}")
    if table.get("description"):
        say(table["description"])
    if table.get("stream"):
        say(f"from the stream {table['stream']}, last {ago(table.get('last_commit_at'))}")
    say(f"in {table['location']}")
    _misfits(table)
    _columns(table)
    _days(table)
    _snapshots(table)


@app.command("drop", epilog=epilog("tables drop"))
def drop(
    name: Annotated[str, typer.Argument(help="The table; `lake.` may be left out.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")] = False,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Remove a table that no stream is delivered to, with its history and its files (admin)."""
    from madang.cli.client import quoted
    from madang.cli.options import client
    from madang.cli.output import count, say, show_json, size

    full = name if "." in name else f"lake.{name}"
    api = client(url, token, data)
    if not yes and sys.stdin.isatty():
        rows = count(api.get(f"/api/tables/{quoted(full)}")["rows"])
        typer.confirm(f"{full} has {rows} rows. Remove it for good?", abort=True)
    dropped = api.send("DELETE", f"/api/tables/{quoted(full)}")
    if as_json:
        show_json(dropped)
        return
    say(f"dropped {full}: {count(dropped['rows'])} rows, {size(dropped['size_bytes'])} of files")


def _misfits(table: dict[str, Any]) -> None:
    from madang.cli.output import ago, count, say, show_table
    from madang.core.misfits import REASON_HINTS, REASON_WORDS

    found = table.get("misfits") or {}
    rows = found.get("columns") or []
    if not rows:
        return
    say()
    word = "a value stands" if found["count"] == 1 else f"{count(found['count'])} values stand"
    say(f"{word} in _rest, for no column took them; last {ago(found['last_at'])}")
    show_table(
        ("field", "values>", "why", "such as"),
        [
            (
                one["column"],
                count(one["count"]),
                REASON_WORDS.get(one["reason"], one["reason"]),
                one["example"] or "",
            )
            for one in rows[:_SHOWN]
        ],
    )
    _rest(len(rows), "fields")
    for hint in dict.fromkeys(REASON_HINTS.get(one["reason"], "") for one in rows):
        if hint:
            say(f"  {hint}")


def _columns(table: dict[str, Any]) -> None:
    from madang.cli.output import say, show_table

    say()
    show_table(
        ("column", "type", "required", "description"),
        [
            (one["name"], one["type"], not one.get("nullable", True), one.get("description") or "")
            for one in table["columns"]
        ],
    )


def _days(table: dict[str, Any]) -> None:
    from madang.cli.output import count, say, show_table, size

    days = table.get("partitions") or []
    if not days:
        return
    say()
    show_table(
        ("day", "rows>", "files>", "size>"),
        [
            (
                one["partition"] or "–",
                count(one["rows"]),
                count(one["files"]),
                size(one["size_bytes"]),
            )
            for one in days[:_SHOWN]
        ],
    )
    _rest(len(days), "days")


def _snapshots(table: dict[str, Any]) -> None:
    from madang.cli.output import ago, count, say, show_table

    snapshots = table.get("snapshots") or []
    if not snapshots:
        return
    say()
    show_table(
        ("snapshot", "made", "operation", "rows>", "added>", "files>"),
        [
            (
                str(one["id"]),
                ago(one["at"]),
                one["operation"],
                count(one.get("rows")),
                count(one.get("added_rows")),
                count(one.get("files")),
            )
            for one in snapshots[:_SHOWN]
        ],
    )
    _rest(len(snapshots), "snapshots")


def _rest(number: int, what: str) -> None:
    from madang.cli.output import say

    if number > _SHOWN:
        say(f"… {number - _SHOWN} more {what}; --json has them")
