"""Settings of a start and of the command line: flag > environment > file > default, only here."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from madang.core.datadir import DataDir
from madang.core.errors import InvalidInputError

DEFAULT_DATA = "data"
DEFAULT_URL = "http://127.0.0.1:8080"


@dataclass(frozen=True, slots=True)
class StartSettings:
    """Where to start and what overrides ``madang.yml``; None leaves it to the file."""

    project_dir: Path
    data_dir: Path
    host: str | None
    port: int | None
    token: str | None


@dataclass(frozen=True, slots=True)
class Connection:
    """How a command reaches the running platform."""

    url: str
    token: str | None
    silent: Path | None = None
    """The data directory in which nothing runs, where the URL is therefore the default one."""


def start_settings(
    *,
    project: str | None = None,
    data: str | None = None,
    host: str | None = None,
    port: int | None = None,
    environ: Mapping[str, str] | None = None,
) -> StartSettings:
    """The settings of ``madang up``.

    Environment: ``MADANG_PROJECT``, ``MADANG_DATA``, ``MADANG_HOST``, ``MADANG_PORT``,
    ``MADANG_TOKEN``. An empty variable counts as unset.

    Raises:
        InvalidInputError: a variable's value cannot be used.
    """
    environ = os.environ if environ is None else environ
    return StartSettings(
        project_dir=Path(project or environ.get("MADANG_PROJECT") or "."),
        data_dir=data_dir(data, environ),
        host=host or environ.get("MADANG_HOST") or None,
        port=_port(port, environ),
        token=environ.get("MADANG_TOKEN") or None,
    )


def data_dir(flag: str | None = None, environ: Mapping[str, str] | None = None) -> Path:
    """The data directory: ``--data``, ``MADANG_DATA``, else ``data``."""
    environ = os.environ if environ is None else environ
    return Path(flag or environ.get("MADANG_DATA") or DEFAULT_DATA)


def connection(
    *,
    url: str | None = None,
    token: str | None = None,
    data: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Connection:
    """How to reach the platform: ``--url``, ``MADANG_URL``, what runs in the data directory.

    The token: ``--token``, ``MADANG_TOKEN``, else the admin token that the platform keeps for its
    own user in the data directory (``run/admin.token``), sent only to the platform that runs there.
    """
    environ = os.environ if environ is None else environ
    folder = data_dir(data, environ)
    run = DataDir(folder).run
    local = _local_url(run)
    named = url or environ.get("MADANG_URL") or local
    found_url = named or DEFAULT_URL
    found_token = token or environ.get("MADANG_TOKEN") or None
    if found_token is None and local is not None and found_url.rstrip("/") == local:
        found_token = _local_token(run)
    return Connection(found_url.rstrip("/"), found_token, None if named else folder)


def _local_url(run: Path) -> str | None:
    try:
        running = json.loads((run / "platform.json").read_bytes())
        url = str(running["url"]).rstrip("/")
        # A platform that was killed left its file behind; its port may be anybody's by now.
        os.kill(int(running["pid"]), 0)
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return None
    return url


def _local_token(run: Path) -> str | None:
    try:
        return (run / "admin.token").read_text(encoding="utf-8").strip() or None
    except (OSError, ValueError):
        return None


def _port(flag: int | None, environ: Mapping[str, str]) -> int | None:
    text = environ.get("MADANG_PORT")
    if flag is not None or not text:
        return flag
    if not (text.isascii() and text.isdigit() and int(text) <= 65_535):
        raise InvalidInputError(
            f"MADANG_PORT={text!r} is not a port", hint="a number from 0 to 65535"
        )
    return int(text)
