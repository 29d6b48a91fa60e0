"""The reference page of the project's files, made from the models: ``docs/reference/…``.

``python -m madang.project.reference`` writes it; a test says when it is out of date.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from madang.project.platform_spec import PlatformSpec
from madang.project.relabel_spec import RelabelSpec
from madang.project.remote_write_spec import RemoteWriteSpec
from madang.project.rule_spec import RuleGroupSpec, RuleSpec
from madang.project.scrape_spec import ScrapeJobSpec, ScrapeSourceSpec
from madang.project.source_spec import FilesSourceSpec, HostSourceSpec
from madang.project.stream_spec import StreamSpec
from madang.project.table_spec import TableSpec
from madang.project.types import Regex, Unit, unit_of
from madang.project.validate import model_in, parts_of
from madang.project.write import duration_text, size_text

PAGE = Path("docs/reference/configuration.md")

_FILES: tuple[tuple[str, str, type[BaseModel]], ...] = (
    ("madang.yml", "Settings of the platform.", PlatformSpec),
    ("streams/&lt;name&gt;.yml", "A durable log of records, and the table it fills.", StreamSpec),
    ("sources/&lt;name&gt;.yml, kind: files", "Lines of files, followed.", FilesSourceSpec),
    ("sources/&lt;name&gt;.yml, kind: host", "Metrics of this machine.", HostSourceSpec),
    (
        "sources/&lt;name&gt;.yml, kind: scrape",
        "Pages of metrics.",
        ScrapeSourceSpec,
    ),
    ("scrape_configs", "The jobs of a scrape source, as Prometheus writes them.", ScrapeJobSpec),
    (
        "relabel_configs, metric_relabel_configs",
        "Rules for labels: of targets before they are scraped, of samples before they are kept.",
        RelabelSpec,
    ),
    (
        "remote_write",
        "Receivers of all samples, in `madang.yml` under `metrics` or as Prometheus writes them.",
        RemoteWriteSpec,
    ),
    ("rules/&lt;name&gt;.yml, groups", "Rules, as Prometheus writes them.", RuleGroupSpec),
    ("rules", "The rules of a group.", RuleSpec),
    ("tables/&lt;name&gt;.yml", "What people should know of a table.", TableSpec),
)
_HEAD = """<!-- Made by `make docs` from the models in src/madang/project; change them instead. -->
# Project files

A project directory holds `madang.yml` and YAML files in `streams/`, `sources/`, `tables/` and
`rules/`. A file's name is the name of what it describes. Everything has a default but what says
*required*. `madang check` finds mistakes; `madang schema` writes JSON Schemas, by which editors
complete.

Names: lower-case letters, digits and `_`, first a letter, at most 63. Sizes: `512`, `64MiB`,
`1.5GB`. Durations: `500ms`, `10s`, `1h30m`, `7d`. YAML is read by its plain core: text, numbers,
`true`, `false`, `null`, lists, mappings, anchors; no tags, no merge keys; `yes` and `no` are text.

Environment and flags of a start (flag > environment > file > default):

| flag | environment | file | default |
| --- | --- | --- | --- |
| `madang up DIR` | `MADANG_PROJECT` | | `.` |
| `--data` | `MADANG_DATA` | | `data` |
| `--host` | `MADANG_HOST` | `server.host` | `127.0.0.1` |
| `--port` | `MADANG_PORT` | `server.port` | `8080` |
| | `MADANG_TOKEN` at the first start: the admin token | | made anew |

Of the other commands: `--url` or `MADANG_URL` (default: what runs in the data directory), `--token`
or `MADANG_TOKEN` (default: this machine's own admin token). `MADANG_DEBUG=1` shows tracebacks.
"""


def page() -> str:
    """The page's text."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield _HEAD
    for title, what, model in _FILES:
        yield f"## {title}\n\n{what}\n"
        yield "| key | type | default | meaning |"
        yield "| --- | --- | --- | --- |"
        yield from _rows(model, "")
        yield ""


def _rows(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        if key == "name" and model is not PlatformSpec:
            continue
        below = model_in(field.annotation)
        default = "" if below else _default(field)
        meaning = _inline(field.description or "")
        yield f"| `{key}` | {_type(field)} | {default} | {meaning} |"
        if below:
            yield from _rows(below, f"{key}.")


def _inline(text: str) -> str:
    return re.sub(r"``(.+?)``", r"`\1`", " ".join(text.split())).replace("|", "\\|")


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return "*required*"
    if value is None or value in ("", (), {}):
        return ""
    if unit_of(field) is Unit.SIZE:
        return f"`{size_text(value)}`"
    if unit_of(field) is Unit.DURATION:
        return f"`{duration_text(value)}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{getattr(value, 'value', value)}`"


def _type(field: FieldInfo) -> str:
    unit = unit_of(field)
    if unit:
        return unit.value
    if any(mark in field.metadata for mark in typing.get_args(Regex)[1:]):
        return "regular expression"
    words = [_word(part) for part in parts_of(field.annotation) if part is not type(None)]
    limits = _limits(field)
    return " or ".join(dict.fromkeys(words)) + (f", {limits}" if limits else "")


def _word(part: Any) -> str:  # noqa: ANN401 - any annotation
    origin, arguments = typing.get_origin(part), typing.get_args(part)
    if origin is typing.Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin in (tuple, list):
        return f"list of {_word(arguments[0])}"
    if origin is dict:
        item = next(iter(parts_of(arguments[1])))
        return "mapping" if item is Any else f"mapping to {_word(item)}"
    if isinstance(part, type) and issubclass(part, Enum):
        return " or ".join(f"`{member.value}`" for member in part)
    if isinstance(part, type) and issubclass(part, BaseModel):
        return "mapping"
    return {str: "text", int: "whole number", float: "number", bool: "`true` or `false`"}.get(
        part, "value"
    )


def _limits(field: FieldInfo) -> str:
    found = {
        name: getattr(mark, name)
        for mark in field.metadata
        for name in ("ge", "le")
        if hasattr(mark, name)
    }
    if len(found) == 2:
        return f"{found['ge']}–{found['le']}"
    return " ".join(
        f"{'at least' if name == 'ge' else 'at most'} {value}" for name, value in found.items()
    )


def write_page(root: Path) -> Path:
    """Write the page below ``root``, the repository."""
    path = root / PAGE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(), encoding="utf-8")
    return path


if __name__ == "__main__":
    write_page(Path.cwd())
