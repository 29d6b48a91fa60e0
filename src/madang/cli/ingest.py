"""``madang ingest``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Annotated

import typer

from madang.cli.options import AsJson, Data, Token, Url


def ingest(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE…", help="Files, .gz or .zst too; - is stdin.")
    ],
    stream: Annotated[
        str | None,
        typer.Option("--stream", "-s", help="Else the file's name, up to the first dot."),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option("--format", "-f", help="ndjson, json, csv, plain, arrow, parquet."),
    ] = None,
    create: Annotated[
        bool, typer.Option("--create", help="Create the stream if there is none.")
    ] = False,
    key: Annotated[
        str | None,
        typer.Option("--key", help="Seed of the idempotency keys; else the file's path."),
    ] = None,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Send files into a stream. A file sent again adds nothing, so repeat what was interrupted."""
    from madang.cli.options import client
    from madang.cli.output import say, show_json
    from madang.cli.sending import Sender

    api = client(url, token, data)
    report = Sender(api, create=create, form=form, seed=key, progress=_progress()).send_all(
        files, stream
    )
    _progress_end()
    if as_json:
        show_json(report.as_dict())
        return
    for one in report.files:
        repeated = f", {one.repeated:,} of them had been sent before" if one.repeated else ""
        say(f"{one.file} → {one.stream}: {one.records:,} records{repeated}")
    rate = report.records / max(report.elapsed_s, 0.001)
    say(f"{report.records:,} records, {_mib(report.sent_bytes)}, {rate:,.0f} records/s")


def _mib(size_bytes: int) -> str:
    from madang.cli.output import size

    return size(size_bytes)


def _progress() -> Callable[[int, int, float], None]:
    last = 0.0

    def show(records: int, sent_bytes: int, elapsed_s: float) -> None:
        nonlocal last
        now = time.monotonic()
        if not sys.stderr.isatty() or now - last < 0.2:
            return
        last = now
        rate = records / max(elapsed_s, 0.001)
        line = f"{records:,} records  {_mib(sent_bytes)}  {rate:,.0f} records/s"
        sys.stderr.write(f"\r\x1b[K{line}")
        sys.stderr.flush()

    return show


def _progress_end() -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
