"""Whose a query is: who may see its text and end it without being an admin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from madang.operate.accounts import Identity, Permission
from madang.query import QUERY_HISTORY_SCHEMA, QueryStatus
from madang.query import Identity as QueryIdentity


@dataclass(frozen=True, slots=True)
class Asker:
    """Somebody by what nobody can pick: the user's id and, for a token, the token's.

    A person has the queries of all their sessions and tokens; a token only its own, since it may be
    in other hands than its owner's.

    Attributes:
        user: The user's name, for rows of before there were ids.
        user_id: The user's id.
        token: The token's id; None for a person.
    """

    user: str
    user_id: int
    token: str | None

    @classmethod
    def of(cls, identity: Identity) -> Asker:
        """The asker behind a request."""
        return cls(identity.user, identity.user_id, identity.token)

    def asked(self, status: QueryStatus) -> bool:
        """Whether a query that the pool knows is theirs."""
        return self._is(status.user_id, status.token)

    def asked_row(self, row: Mapping[str, Any]) -> bool:
        """Whether a query of the history is theirs; ``row`` is of ``QUERY_HISTORY_SCHEMA``.

        Rows without ids tell people by their name, and tokens by a name that anybody could give to
        theirs: these are an admin's to see.
        """
        if row.get("user_id") is None:
            return self.token is None and row["user"] == self.user
        return self._is(row["user_id"], row["token"])

    def asked_rows(self, batch: pa.RecordBatch) -> pa.BooleanArray:
        """Which rows of a batch of the history are theirs, as by :meth:`asked_row`."""
        user_ids, tokens, users = (_column(batch, name) for name in ("user_id", "token", "user"))
        own = pc.equal(user_ids, pa.scalar(self.user_id, pa.int64()))
        if self.token is None:
            named = pc.and_(pc.is_null(user_ids), pc.equal(users, self.user))
            own = pc.or_(pc.fill_null(own, False), pc.fill_null(named, False))
        else:
            own = pc.and_(own, pc.equal(tokens, self.token))
        return pc.fill_null(own, False)

    def _is(self, user_id: int | None, token: str | None) -> bool:
        return user_id == self.user_id and self.token in (None, token)


def _column(batch: pa.RecordBatch, name: str) -> pa.Array:
    """A column of the history; of nulls where there was none of that name yet."""
    if name in batch.schema.names:
        return batch.column(name)
    return pa.nulls(batch.num_rows, QUERY_HISTORY_SCHEMA.field(name).type)


def query_identity(identity: Identity, agent: str) -> QueryIdentity:
    """Who asks, as queries are told; ``agent`` is the User-Agent header."""
    client = "ui" if identity.kind == "session" else "api"
    if agent.startswith("madang-cli"):
        client = "cli"
    return QueryIdentity(
        user=identity.user,
        role=identity.role.value,
        scope="admin" if identity.may(Permission.ADMIN) else "read",
        client=client,
        user_id=identity.user_id,
        token=identity.token,
        token_name=identity.token_name,
    )
