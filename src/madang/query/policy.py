"""Who may read what: the place where rows are filtered and columns masked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from madang.project.system import QUERY_HISTORY
from madang.query.request import Identity
from madang.query.types import literal


@dataclass(frozen=True, slots=True)
class Rights:
    """What an identity may see of a table.

    ``row_filter`` is a SQL condition over the table's columns; ``masks`` are SQL expressions that
    stand in for columns. Both are written by the platform, never by the asker. ``filter_columns``:
    the columns that the filter reads, with their SQL types; one that the table does not have is
    null for it.
    """

    allowed: bool = True
    reason: str = ""
    row_filter: str | None = None
    filter_columns: Mapping[str, str] = field(default_factory=dict)
    masks: Mapping[str, str] = field(default_factory=dict)


class Policy(Protocol):
    """Decides what an identity may see. Pure and quick; asked for each table of each query."""

    def rights(self, identity: Identity, table: str) -> Rights:
        """The rights of ``identity`` on ``table`` (full name)."""
        ...


class EveryReader:
    """Whoever may read at all may read every table of ``lake`` and ``system``.

    But of the query history only their own queries, see :func:`own_queries`; an admin has all.
    """

    def rights(self, identity: Identity, table: str) -> Rights:
        """Everything, unless the token only ingests."""
        if identity.scope == "ingest":
            return Rights(allowed=False, reason="the token may only ingest")
        if table == QUERY_HISTORY and identity.scope != "admin":
            return Rights(row_filter=own_queries(identity), filter_columns=_ASKER_COLUMNS)
        return Rights()


_ASKER_COLUMNS = {"user": "VARCHAR", "user_id": "BIGINT", "token": "VARCHAR"}


def own_queries(identity: Identity) -> str:
    """The condition under which a row of the query history is about a query of ``identity``.

    A person has those of all their sessions and tokens; a token only its own. Rows of before there
    were ids name people, and tokens by a name that anybody could give to theirs.
    """
    if identity.token is not None:
        return f"user_id = {_number(identity.user_id)} AND token = {literal(identity.token)}"
    unnumbered = f'user_id IS NULL AND "user" = {literal(identity.user)}'
    return f"user_id = {_number(identity.user_id)} OR {unnumbered}"


def _number(user_id: int | None) -> str:
    return "NULL" if user_id is None else str(user_id)
