"""Who may read what: the place where rows are filtered and columns masked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from madang.query.request import Identity


@dataclass(frozen=True, slots=True)
class Rights:
    """What an identity may see of a table.

    ``row_filter`` is a SQL condition over the table's columns; ``masks`` are SQL expressions that
    stand in for columns. Both are written by the platform, never by the asker.
    """

    allowed: bool = True
    reason: str = ""
    row_filter: str | None = None
    masks: Mapping[str, str] = field(default_factory=dict)


class Policy(Protocol):
    """Decides what an identity may see. Pure and quick; asked for each table of each query."""

    def rights(self, identity: Identity, table: str) -> Rights:
        """The rights of ``identity`` on ``table`` (full name)."""
        ...


class EveryReader:
    """Whoever may read at all may read every table of ``lake`` and ``system``."""

    def rights(self, identity: Identity, table: str) -> Rights:
        """Everything, unless the token only ingests."""
        if identity.scope == "ingest":
            return Rights(allowed=False, reason="the token may only ingest")
        return Rights()
