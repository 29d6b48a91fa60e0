"""``madang token``: create, list, revoke."""

from __future__ import annotations

from typing import Annotated

import typer

from madang.cli.examples import epilog
from madang.cli.options import AsJson, Data, Token, Url

app = typer.Typer(help="Create, list and revoke API tokens.", no_args_is_help=True)


@app.command("create", epilog=epilog("token create"))
def create(
    name: Annotated[str, typer.Argument(help="What the token is for.")],
    scope: Annotated[str, typer.Option("--scope", help="ingest, read or admin.")] = "ingest",
    expires_in: Annotated[
        str | None, typer.Option("--expires-in", help="Such as 90d; never if left out.")
    ] = None,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Make a token and show it, this once."""
    from madang.cli.options import client
    from madang.cli.output import note, show_json
    from madang.cli.wrong_call import chosen, parsed
    from madang.core.units import parse_duration

    chosen("scope", scope, ("ingest", "read", "admin"))
    body: dict[str, object] = {"name": name, "scope": scope}
    if expires_in is not None:
        body["expires_in_s"] = parsed("--expires-in", parse_duration, expires_in)
    answer = client(url, token, data).send("POST", "/api/tokens", body)
    if as_json:
        show_json(answer)
        return
    typer.echo(answer["token"])
    note(f"scope {answer['scope']}, id {answer['id']}; it is not shown again")


@app.command("list", epilog=epilog("token list"))
def list_tokens(
    url: Url = None, token: Token = None, data: Data = None, as_json: AsJson = False
) -> None:
    """List the tokens; the secrets themselves are not kept."""
    from madang.cli.options import client
    from madang.cli.output import ago, show_json, show_table

    found = client(url, token, data).get("/api/tokens")["tokens"]
    if as_json:
        show_json(found)
        return
    show_table(
        ("id", "name", "scope", "created", "last used", "expires"),
        [
            (
                one["id"],
                one["name"],
                one["scope"],
                ago(one.get("created_at")),
                ago(one.get("last_used_at")),
                ago(one["expires_at"]) if one.get("expires_at") else "never",
            )
            for one in found
        ],
    )


@app.command("revoke", epilog=epilog("token revoke"))
def revoke(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="As `madang token list` shows.")],
    url: Url = None,
    token: Token = None,
    data: Data = None,
) -> None:
    """End a token; whoever uses it is turned away from now on."""
    from madang.cli.client import quoted
    from madang.cli.options import client
    from madang.cli.output import say

    client(url, token, data).send("DELETE", f"/api/tokens/{quoted(identifier)}")
    say(f"revoked {identifier}")
