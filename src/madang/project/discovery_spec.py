"""Where Prometheus's configuration finds targets: written down, in files, over HTTP."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from madang.project.http_client_spec import HttpClientSpec
from madang.project.prometheus_types import LabelName, PromDuration, PromSpec, unreadable

_FILE = re.compile(r"[^*]*(\*[^/]*)?\.(json|yml|yaml|JSON|YML|YAML)")


def _file(value: str) -> str:
    if not _FILE.fullmatch(value):
        hint = "it ends in .json, .yml or .yaml; * stands for part of the file's name alone"
        raise unreadable(f"{value!r} is not valid for file discovery", hint)
    return value


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        good = False
    if not good:
        raise unreadable(f"{value!r} is not an HTTP address", "such as http://host:port/targets")
    return value


class StaticConfigSpec(PromSpec):
    """Targets that are written down."""

    targets: tuple[str, ...] = ()
    """Hosts and ports."""
    labels: dict[LabelName, str] = Field(default_factory=dict)
    """Labels of all of them."""


class FileSdSpec(PromSpec):
    """Targets in files, which are read again when they change."""

    files: tuple[Annotated[str, AfterValidator(_file)], ...] = Field(min_length=1)
    """Files (JSON or YAML), or globs of them."""
    refresh_interval: PromDuration = 300.0
    """They are read again after this long in any case."""


class HttpSdSpec(HttpClientSpec):
    """Targets that a server tells."""

    url: Annotated[str, AfterValidator(_url)]
    """The address that answers with a list of groups of targets (JSON)."""
    refresh_interval: PromDuration = 60.0
    """How often it is asked."""
