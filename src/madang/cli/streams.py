"""``madang streams``: list, show, create, adopt, tail."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from madang.cli.examples import epilog
from madang.cli.noun_group import NounGroup, hand_down
from madang.cli.options import AsJson, Data, Token, Url

app = typer.Typer(
    cls=NounGroup,
    help="List, create and follow streams, or show one: `madang streams NAME`.",
    invoke_without_command=True,
)

Name = Annotated[str, typer.Argument(help="The stream's name.")]


@app.callback()
def streams(
    context: typer.Context,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """List the streams, unless a command or a stream's name follows."""
    if not hand_down(context, url=url, token=token, data=data, as_json=as_json):
        list_streams(url, token, data, as_json)


@app.command("list", epilog=epilog("streams list"))
def list_streams(
    url: Url = None, token: Token = None, data: Data = None, as_json: AsJson = False
) -> None:
    """List the streams: rate, lag, freshness, dead letters, size."""
    from madang.cli.options import client
    from madang.cli.output import count, duration, say, show_json, show_table, size

    found = client(url, token, data).get("/api/streams")["streams"]
    if as_json:
        show_json(found)
        return
    if not found:
        say("no streams; `madang streams create NAME` makes one")
        return
    show_table(
        (
            "stream",
            "format",
            "records>",
            "per second>",
            "lag>",
            "fresh>",
            "dead>",
            "size>",
            "table",
        ),
        [
            (
                one["name"],
                one.get("format"),
                count(one.get("records_total")),
                f"{one.get('records_per_s') or 0:,.1f}",
                count(one.get("lag_records")),
                duration(one.get("freshness_s")),
                count(one.get("dead_letters")),
                size(one.get("size_bytes")),
                one.get("table") or "–",
            )
            for one in found
        ],
    )


@app.command("show", epilog=epilog("streams show"))
def show(
    name: Name, url: Url = None, token: Token = None, data: Data = None, as_json: AsJson = False
) -> None:
    """Show a stream: settings, partitions with their offsets, readers with lag, dead letters."""
    from madang.cli.client import quoted
    from madang.cli.options import client
    from madang.cli.output import show_json
    from madang.cli.stream_view import show_stream

    api, path = client(url, token, data), f"/api/streams/{quoted(name)}"
    stream = api.get(path)
    reasons = api.get(f"{path}/dead-letters/summary")
    if as_json:
        show_json({**stream, "dead_letter_reasons": reasons["reasons"]})
    else:
        show_stream(stream, reasons["reasons"])


@app.command("create", epilog=epilog("streams create"))
def create(
    name: Name,
    record_format: Annotated[
        str | None, typer.Option("--format", help="How records are read: json, csv, plain, …")
    ] = None,
    partitions: Annotated[
        int | None, typer.Option("--partitions", min=1, max=64, help="1 to 64; may grow later.")
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", help="Field whose value decides the partition.")
    ] = None,
    description: Annotated[
        str | None, typer.Option("--description", help="What the records are, in a line.")
    ] = None,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Write a stream's YAML into the project and open it at once."""
    from madang.cli.client import RemoteError, quoted
    from madang.cli.options import client
    from madang.cli.output import note, say, show_json
    from madang.core.errors import ConflictError

    given = {
        "format": record_format,
        "partitions": partitions,
        "key": key,
        "description": description,
    }
    spec = {name: value for name, value in given.items() if value is not None}
    api, path = client(url, token, data), f"/api/streams/{quoted(name)}"
    try:
        existing = api.get(path)
    except RemoteError as error:
        if error.http_status != 404:
            raise
    else:
        # PUT says what a stream is from now on; settings written by hand would be gone.
        file = existing.get("file") or f"streams/{name}.yml"
        raise ConflictError(f"the stream {name!r} exists", hint=f"change {file}")
    answer = api.send("PUT", path, spec)
    if as_json:
        show_json(answer)
        return
    say(f"{answer['file']}")
    if answer.get("table"):
        say(f"records land in the table {answer['table']}")
    for problem in answer.get("broken_elsewhere", []):
        place = problem.get("where") or {}
        where = ":".join(str(place[key]) for key in ("name", "line", "column") if place.get(key))
        note(f"still broken: {where}: {problem['message']}")


@app.command("adopt", epilog=epilog("streams adopt"))
def adopt(
    name: Name,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Let the table go on with a stream that was replaced or restored; it keeps its rows."""
    from madang.cli.client import quoted
    from madang.cli.options import client
    from madang.cli.output import count, say, show_json

    answer = client(url, token, data).send("POST", f"/api/streams/{quoted(name)}/adopt", {})
    if as_json:
        show_json(answer)
        return
    for partition, offset in answer["starts"].items():
        say(f"{answer['table']} goes on with {name}/{partition} from offset {offset}")
    say(f"{count(answer['records'])} records wait to be delivered")


@app.command("tail", epilog=epilog("streams tail"))
def tail(
    name: Name,
    limit: Annotated[
        int,
        typer.Option(
            "--limit", "-n", min=0, max=10_000, help="How many of the newest to begin with."
        ),
    ] = 10,
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", "-f/-F", help="Go on as records arrive.")
    ] = True,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Show the newest records, then each one as it arrives; Ctrl-C ends it."""
    from madang.cli.client import quoted
    from madang.cli.options import client
    from madang.cli.output import note

    path = f"/api/streams/{quoted(name)}"
    if limit:
        newest = client(url, token, data).get(f"{path}/records", limit=limit)
        _show(newest["records"], as_json)
    if not follow:
        return
    for event, content in client(url, token, data).events(f"{path}/tail"):
        if event == "dropped":
            note(f"… {content['count']:,} records not shown")
        elif event == "records":
            _show(content, as_json)


def _show(records: list[dict[str, Any]], as_json: bool) -> None:
    import json

    from madang.cli.output import say

    for record in records:
        if as_json:
            typer.echo(json.dumps(record, ensure_ascii=False))
        else:
            say(f"{record['partition']}/{record['offset']}  {record['ts']}  {record['value']}")
