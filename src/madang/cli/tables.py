"""``madang tables``."""

from __future__ import annotations

from typing import Annotated

import typer

from madang.cli.options import AsJson, Data, Token, Url


def tables(
    name: Annotated[
        str | None, typer.Argument(metavar="[TABLE]", help="Show one table's columns.")
    ] = None,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """List the tables, or show the columns and the latest snapshots of one."""
    from madang.cli.options import client
    from madang.cli.output import ago, count, say, show_json, show_table, size

    api = client(url, token, data)
    if name is not None:
        _one(api, name, as_json)
        return
    found = api.get("/api/tables")["tables"]
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


def _one(api: object, name: str, as_json: bool) -> None:
    from madang.cli.client import Client, quoted
    from madang.cli.output import ago, count, say, show_json, show_table, size

    assert isinstance(api, Client)
    full = name if "." in name else f"lake.{name}"
    table = api.get(f"/api/tables/{quoted(full)}")
    if as_json:
        show_json(table)
        return
    rows, files = count(table["rows"]), count(table["files"])
    kept = f"{files} file{'' if files == '1' else 's'}"
    say(f"{table['name']}: {rows} rows, {size(table['size_bytes'])} in {kept}")
    if table.get("description"):
        say(table["description"])
    say()
    show_table(
        ("column", "type", "required", "description"),
        [
            (one["name"], one["type"], not one.get("nullable", True), one.get("description") or "")
            for one in table["columns"]
        ],
    )
    if table.get("snapshots"):
        say()
        show_table(
            ("snapshot", "made", "operation", "rows>", "added>"),
            [
                (
                    str(one["id"]),
                    ago(one["at"]),
                    one["operation"],
                    count(one.get("rows")),
                    count(one.get("added_rows")),
                )
                for one in table["snapshots"][:10]
            ],
        )
