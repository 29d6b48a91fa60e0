"""What senders and pages say of metric families, handed to other processes in files.

A folder per source below ``collect/`` has one: name → ``type``, ``unit``, ``help``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import orjson

METADATA_FILE = "metadata.json"
MOST_FAMILIES = 20_000
HELP_LENGTH = 1000
PUSHED = "pushed-metrics"
"""The folder of what was pushed; no source can have this name."""

Family = dict[str, str]


def write_families(folder: Path, families: Mapping[str, Family]) -> None:
    """Write the file of a source. Raises OSError."""
    replace_quickly(folder / METADATA_FILE, families)


def read_metadata(collect: Path) -> dict[str, Family]:
    """What is said of names: ``type``, ``unit``, ``help``; by all sources, and by who pushes."""
    together: dict[str, Family] = {}
    for path in sorted(collect.glob(f"*/{METADATA_FILE}")):
        together |= read_families(path.parent)
    return together


def read_families(folder: Path) -> dict[str, Family]:
    """What one source says; nothing where there is no file, or a broken one."""
    try:
        found: dict[str, Family] = orjson.loads((folder / METADATA_FILE).read_bytes())
    except (OSError, ValueError):
        return {}  # just being removed
    return found


def replace_quickly(path: Path, document: object) -> None:
    """Write JSON at once; not synced: after a crash it is written again soon. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.tmp")
    draft.write_bytes(orjson.dumps(document))
    draft.replace(path)
