"""``madang user``: add, list, remove, passwd, link."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from madang.cli.examples import epilog
from madang.cli.options import CLOSING, AsJson, Data, Token, Url

app = typer.Typer(help="Add, list and remove people.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The user's name.")]


@app.command("add", epilog=epilog("user add"))
def add(
    name: Name,
    role: Annotated[str, typer.Option("--role", help="admin, editor or viewer.")] = "viewer",
    url: Url = None,
    token: Token = None,
    data: Data = None,
) -> None:
    """Add a user; the password is asked for, or read from standard input."""
    from madang.cli.options import client
    from madang.cli.output import say
    from madang.cli.wrong_call import chosen

    chosen("role", role, ("admin", "editor", "viewer"))
    body = {"name": name, "role": role, "password": _password("Password")}
    client(url, token, data).send("POST", "/api/users", body)
    say(f"added {name} as {role}")


@app.command("list", epilog=epilog("user list"))
def list_users(
    url: Url = None, token: Token = None, data: Data = None, as_json: AsJson = False
) -> None:
    """List the users."""
    from madang.cli.options import client
    from madang.cli.output import ago, show_json, show_table

    found = client(url, token, data).get("/api/users")["users"]
    if as_json:
        show_json(found)
        return
    show_table(
        ("name", "role", "created", "last seen"),
        [
            (one["name"], one["role"], ago(one.get("created_at")), ago(one.get("last_seen_at")))
            for one in found
        ],
    )


@app.command("remove", epilog=epilog("user remove"))
def remove(name: Name, url: Url = None, token: Token = None, data: Data = None) -> None:
    """Remove a user."""
    from madang.cli.client import quoted
    from madang.cli.options import client
    from madang.cli.output import say

    client(url, token, data).send("DELETE", f"/api/users/{quoted(name)}")
    say(f"removed {name}")


@app.command("passwd", epilog=epilog("user passwd"))
def passwd(name: Name, url: Url = None, data: Data = None) -> None:
    """Change one's own password: signs in with the old one."""
    from madang.cli.client import Client
    from madang.cli.output import say
    from madang.project.settings import Connection, connection

    current, new = _password("Current password"), _password("New password")
    api = Client(Connection(connection(url=url, data=data).url, None))
    CLOSING.get().callback(api.close)
    signed = api.request(
        "POST",
        "/api/session",
        _json({"name": name, "password": current}),
        headers={"Content-Type": "application/json"},
    )
    cookie = next(
        (value for key, value in signed.headers.items() if key.lower() == "set-cookie"), ""
    ).partition(";")[0]
    headers = {
        "Content-Type": "application/json",
        "Cookie": cookie,
        "X-Madang-Request": "1",
    }
    body = _json({"current": current, "new": new})
    api.request("PUT", "/api/session/password", body, headers=headers)
    api.request("DELETE", "/api/session", headers=headers)
    say(f"the password of {name} is changed")


@app.command("link", epilog=epilog("user link"))
def link(
    name: Annotated[str, typer.Argument(help="The user's name.")] = "admin", data: Data = None
) -> None:
    """Print a link that signs a user in once, within 15 minutes; works where the data is."""
    from madang.cli.output import say
    from madang.core.datadir import DataDir
    from madang.core.errors import NotFoundError
    from madang.operate.accounts import open_accounts
    from madang.operate.wiring import metadata_location
    from madang.project.publish import read_published
    from madang.project.settings import connection, data_dir

    directory = DataDir(data_dir(data))
    project = read_published(directory)
    location = metadata_location(directory, project) if project else directory.metadata
    if isinstance(location, Path) and not location.is_file():
        raise NotFoundError(
            f"there is no Madang in {directory.root}",
            hint="run this on its machine and name its data directory: --data or MADANG_DATA",
        )
    accounts = open_accounts(location)
    try:
        code = accounts.sessions.new_code(name)
    finally:
        accounts.close()
    say(f"{connection(data=data).url}/login?code={code}")


def _json(value: object) -> bytes:
    import json

    return json.dumps(value, ensure_ascii=False).encode()


def _password(prompt: str) -> str:
    from madang.core.errors import InvalidInputError

    if sys.stdin.isatty():
        import getpass

        text = getpass.getpass(f"{prompt}: ")
    else:
        text = sys.stdin.readline().rstrip("\n")
    if not text:
        raise InvalidInputError("the password is empty")
    return text
