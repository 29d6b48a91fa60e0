"""JSON Schemas of the project's files: what editors complete and check while you write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from madang.core.durable_files import replace_file
from madang.core.names import unknown
from madang.project.platform_spec import PlatformSpec
from madang.project.source_spec import SourceSpec
from madang.project.stream_spec import StreamSpec
from madang.project.table_spec import TableSpec

KINDS = ("platform", "stream", "source", "table")

_TYPES: dict[str, Any] = {
    "platform": PlatformSpec,
    "stream": StreamSpec,
    "source": SourceSpec,
    "table": TableSpec,
}


def json_schema(kind: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of one kind of file: ``platform, stream, source, table``.

    Raises:
        NotFoundError: another kind, with the near match.
    """
    if kind not in _TYPES:
        raise unknown("kind", kind, KINDS, otherwise=f"one of: {', '.join(KINDS)}")
    schema: dict[str, Any] = TypeAdapter(_TYPES[kind]).json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Madang {kind}",
        **{key: value for key, value in schema.items() if key != "title"},
    }


def write_schemas(directory: Path | str) -> list[Path]:
    """Write ``.madang/schema/<kind>.json`` of every kind into a project."""
    folder = Path(directory) / ".madang" / "schema"
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for kind in KINDS:
        path = folder / f"{kind}.json"
        text = json.dumps(json_schema(kind), ensure_ascii=False, indent=2) + "\n"
        replace_file(path, text.encode())
        written.append(path)
    return written
