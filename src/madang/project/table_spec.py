"""``tables/<name>.yml``: what people should know of a table, and how it is kept."""

from __future__ import annotations

from pydantic import Field

from madang.project.types import DurationS, SizeBytes, Spec


class CompactionSpec(Spec):
    """When small files of a day are rewritten into large ones."""

    enabled: bool = True
    """Whether the table compacts itself."""
    min_files: int = Field(default=8, ge=2)
    """A partition is compacted when it has this many files below ``target_size``."""
    target_size: SizeBytes = 128 * 2**20
    """The size that files are rewritten towards."""


class TableSpec(Spec):
    """A table of the lake."""

    name: str = ""
    """``<namespace>.<table>``; the file ``tables/orders.yml`` is ``lake.orders``."""
    description: str = ""
    """What a row is, in a line."""
    owner: str = ""
    """Who answers questions about it."""
    columns: dict[str, str] = Field(default_factory=dict)
    """Column name → what it means."""
    keep: DurationS | None = None
    """Rows whose day is older than this go; default: they stay."""
    keep_snapshots: DurationS = 86_400.0
    """Time travel reaches back this far."""
    compaction: CompactionSpec = CompactionSpec()
    """When small files are rewritten into large ones."""
