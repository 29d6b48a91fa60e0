"""``madang sql``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from madang.cli.options import Data, Token, Url

Ask = Callable[[str], AbstractContextManager[Iterable[bytes]]]
"""Asks for an answer in a format; its bytes in pieces."""
_PIECE_BYTES = 65_536
_FORMATS = ("table", "json", "ndjson", "csv", "parquet", "arrow")


def sql(
    query: Annotated[
        str, typer.Argument(metavar="SQL", help="The query, or - to read standard input.")
    ] = "-",
    output_format: Annotated[
        str, typer.Option("--format", "-f", help="table, json, ndjson, csv, parquet, arrow.")
    ] = "table",
    parameters: Annotated[
        list[str] | None,
        typer.Option("--param", "-p", help="name=value for $name; repeat as needed."),
    ] = None,
    output: Annotated[
        str | None, typer.Option("--output", "-o", help="Write the result to a file.")
    ] = None,
    max_rows: Annotated[
        int | None, typer.Option("--max-rows", min=1, help="Cut the result here; a table at 1000.")
    ] = None,
    timeout: Annotated[str | None, typer.Option("--timeout", help="Such as 30s.")] = None,
    fresh: Annotated[
        bool,
        typer.Option("--fresh/--delivered", help="With what is not delivered yet, or without."),
    ] = True,
    files: Annotated[
        list[str] | None,
        typer.Option(
            "--file",
            metavar="NAME=PATTERN",
            help="Ask files instead of the platform: as the table NAME; repeat as needed."
            " JSON, NDJSON, CSV (also .gz, .zst) and Parquet.",
        ),
    ] = None,
    as_text: Annotated[
        bool, typer.Option("--text", help="With --file: read every field as text.")
    ] = False,
    memory: Annotated[
        str, typer.Option("--memory", help="With --file: what the query may use before it spills.")
    ] = "1GiB",
    threads: Annotated[
        int | None, typer.Option("--threads", min=1, help="With --file: else one a processor.")
    ] = None,
    spill: Annotated[
        str,
        typer.Option(
            "--spill", help="With --file: disk that it may use beyond the memory, in TMPDIR."
        ),
    ] = "100GiB",
    url: Url = None,
    token: Token = None,
    data: Data = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Ask the lake; the answer includes what arrived a moment ago. Or ask files, with --file."""
    from madang.cli.options import client
    from madang.cli.wrong_call import WrongCallError, chosen, parsed
    from madang.core.units import parse_duration, parse_size

    wanted = "json" if as_json else chosen("format", output_format, _FORMATS)
    text = sys.stdin.read() if query == "-" else query
    if not text.strip():
        raise WrongCallError("there is no SQL", hint='madang sql "select 1"')
    if output is not None and not Path(output).absolute().parent.is_dir():
        raise WrongCallError(f"--output: there is no directory {Path(output).parent}")
    body: dict[str, object] = {"sql": text, "fresh": fresh}
    if parameters:
        body["params"] = _parameters(parameters)
    if max_rows or wanted == "table":
        body["max_rows"] = max_rows or 1000
    timeout_s = parsed("--timeout", parse_duration, timeout) if timeout is not None else None
    if timeout_s is not None:
        body["timeout_s"] = timeout_s
    if files:
        from madang.cli.local_sql import Limits, local_asking

        limits = Limits(
            parsed("--memory", parse_size, memory), threads, parsed("--spill", parse_size, spill)
        )
        ask = local_asking(files, body, limits, as_text=as_text)
    else:
        ask = _asking(client(url, token, data), body, timeout_s or 300.0)
    if wanted == "table" and output is None:
        _show(ask)
    else:
        _save(ask, "csv" if wanted == "table" else wanted, output)


def _parameters(given: list[str]) -> dict[str, object]:
    import json

    from madang.cli.wrong_call import WrongCallError

    found: dict[str, object] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name:
            raise WrongCallError(f"--param: {one!r} is not name=value", hint="--param status=500")
        try:
            found[name.removeprefix("$")] = json.loads(value)
        except ValueError:
            found[name.removeprefix("$")] = value
    return found


def _asking(api: Any, body: dict[str, object], timeout_s: float) -> Ask:  # noqa: ANN401 - late
    """Asks the platform."""

    @contextmanager
    def ask(form: str) -> Iterator[Iterable[bytes]]:
        with _open(api, body, form, timeout_s) as answer:
            yield iter(lambda: answer.read(_PIECE_BYTES), b"")

    return ask


def _open(api: Any, body: dict[str, object], form: str, timeout_s: float) -> Any:  # noqa: ANN401
    """The open answer; Ctrl-C meanwhile cancels the query at the platform too."""
    import json

    from madang.cli.client import quoted
    from madang.core.errors import MadangError
    from madang.core.ids import new_id

    identifier = new_id()
    content = json.dumps({**body, "query_id": identifier}, ensure_ascii=False).encode()
    try:
        return api.stream(
            "POST",
            "/api/sql",
            content,
            headers={"Content-Type": "application/json"},
            query={"format": form},
            timeout_s=timeout_s + 60,
        )
    except KeyboardInterrupt:
        api.close()
        # The lost connection may have ended it already, and the platform may be gone.
        with suppress(MadangError):
            api.send("DELETE", f"/api/queries/{quoted(identifier)}")
        raise


def _save(ask: Ask, form: str, output: str | None) -> None:
    from madang.cli.wrong_call import WrongCallError

    if output is None and form in ("parquet", "arrow") and sys.stdout.isatty():
        raise WrongCallError(f"{form} is not for a terminal", hint="add --output FILE")
    with ask(form) as pieces:
        if output is None:
            sys.stdout.buffer.writelines(pieces)
            sys.stdout.buffer.flush()
        else:
            draft = Path(f"{output}.part")
            try:
                with draft.open("wb") as file:
                    file.writelines(pieces)
                draft.replace(output)
            finally:
                draft.unlink(missing_ok=True)


def _show(ask: Ask) -> None:
    import json

    from madang.cli.output import count, duration, note, show_table, size

    with ask("json") as pieces:
        result: dict[str, Any] = json.loads(b"".join(pieces))
    names = [column["name"] for column in result["columns"]]
    numbers = ("INT", "DOUBLE", "FLOAT", "DECIMAL", "LONG", "HUGE")
    heads = [
        f"{column['name']}>"
        if any(word in str(column["type"]).upper() for word in numbers)
        and "[" not in str(column["type"])
        and "STRUCT" not in str(column["type"]).upper()
        else column["name"]
        for column in result["columns"]
    ]
    if names:
        show_table(heads, [[_cell(value) for value in row] for row in result["rows"]])
    stats = result.get("stats") or {}
    parts = [f"{count(result['row_count'])} row{'' if result['row_count'] == 1 else 's'}"]
    if stats.get("duration_s") is not None:
        parts.append(duration(stats["duration_s"]))
    if stats.get("bytes_read"):
        parts.append(f"{size(stats['bytes_read'])} read")
    if result.get("truncated"):
        parts.append("cut here; --max-rows or --format csv for all")
    note(", ".join(parts))
    if missing := stats.get("fresh_incomplete"):
        note(
            f"the newest records of {', '.join(missing)} are missing: more waits than a fresh read"
            " decodes, or delivery stands still; madang status says which"
        )


def _cell(value: object) -> str | int | float | bool | None:
    import json

    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False)
    if isinstance(value, str):
        flat = value.replace("\n", "⏎").replace("\t", " ")
        return flat if len(flat) <= 120 else flat[:119] + "…"
    return value if isinstance(value, int | float | bool) else None
