"""``madang replay``."""

from __future__ import annotations

from typing import Annotated

import typer

from madang.cli.options import AsJson, Data, Token, Url


def replay(
    stream: Annotated[str, typer.Argument(help="The stream whose dead letters are tried again.")],
    from_offset: Annotated[
        int | None, typer.Option("--from", min=0, help="First dead letter's offset.")
    ] = None,
    to_offset: Annotated[
        int | None, typer.Option("--to", min=0, help="Offset behind the last dead letter.")
    ] = None,
    code: Annotated[
        str | None, typer.Option("--code", help="Only dead letters of this code.")
    ] = None,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Append dead letters to their stream again, after what broke them was mended."""
    from madang.cli.client import quoted
    from madang.cli.options import client
    from madang.cli.output import count, note, say, show_json
    from madang.cli.wrong_call import WrongCallError

    if from_offset is not None and to_offset is not None and from_offset >= to_offset:
        raise WrongCallError(
            f"--from {from_offset} is not before --to {to_offset}",
            hint="--to is the offset behind the last dead letter",
        )
    given = {"from_offset": from_offset, "to_offset": to_offset, "code": code}
    body = {name: value for name, value in given.items() if value is not None}
    path = f"/api/streams/{quoted(stream.removesuffix('.dead'))}/replay"
    answer = client(url, token, data).send("POST", path, body)
    if as_json:
        show_json(answer)
        return
    if from_offset is not None and answer["from_offset"] > from_offset:
        note(f"dead letters before {answer['from_offset']} are gone: they were kept for 30 days")
    if not answer["replayed"]:
        say("nothing to replay")
    else:
        upto = answer.get("to_offset")
        say(f"{count(answer['replayed'])} replayed, up to dead letter {upto}")
