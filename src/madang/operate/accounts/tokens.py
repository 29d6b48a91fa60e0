"""API tokens: ``mdg_<scope>_<random>``, shown once, stored as SHA-256."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import sqlalchemy as sa

from madang.core.clock import Clock
from madang.core.errors import InvalidInputError, Place
from madang.core.ids import new_id
from madang.core.names import unknown
from madang.metadata import Database
from madang.operate.accounts.identity import (
    ROLE_PERMISSIONS,
    SCOPE_PERMISSIONS,
    Identity,
    Role,
    Scope,
)
from madang.operate.accounts.tables import TOKENS, USERS, digest_of

_MAX_EXPIRY_S = 100 * 366 * 86_400.0
_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token; not its secret. Times are microseconds UTC."""

    id: str
    name: str
    scope: Scope
    owner: str
    created_at_us: int
    last_used_at_us: int | None
    expires_at_us: int | None


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token just made; ``secret`` is never seen again."""

    id: str
    name: str
    scope: Scope
    secret: str


class Tokens:
    """The table of tokens."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def all(self, *, user_id: int | None = None) -> list[Token]:
        """Tokens, newest first: of one user, or of everybody."""
        query = (
            sa.select(TOKENS, USERS.c.name.label("owner"))
            .join(USERS, USERS.c.id == TOKENS.c.user_id)
            .order_by(TOKENS.c.id.desc())
        )
        if user_id is not None:
            query = query.where(TOKENS.c.user_id == user_id)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return [
            Token(
                row.id,
                row.name,
                Scope(row.scope),
                row.owner,
                row.created_at_us,
                row.last_used_at_us,
                row.expires_at_us,
            )
            for row in rows
        ]

    def create(
        self,
        name: str,
        scope: Scope,
        *,
        user_id: int,
        expires_in_s: float | None = None,
        secret: str | None = None,
    ) -> NewToken:
        """Add a token.

        Args:
            name: What it is for; 1 to 64 characters.
            scope: What it may do; never more than its owner.
            user_id: Its owner.
            expires_in_s: Seconds until it ends; None for never.
            secret: A given secret, such as ``MADANG_TOKEN``.

        Raises:
            InvalidInputError: the name, the expiry or the secret will not do.
        """
        name = name.strip()
        if not 1 <= len(name) <= 64 or not name.isprintable():
            raise InvalidInputError(
                "a token's name has 1 to 64 printable characters", where=Place("name")
            )
        if expires_in_s is not None and not 0 < expires_in_s <= _MAX_EXPIRY_S:
            raise InvalidInputError(
                f"a token cannot expire in {expires_in_s} seconds", where=Place("expires_in_s")
            )
        if secret is None:
            secret = f"mdg_{scope.value}_{secrets.token_urlsafe(32)}"
        elif not secret.isascii() or not secret.isprintable() or " " in secret or not secret:
            raise InvalidInputError("a token is printable ASCII without spaces")
        now_us = self._clock.now_us()
        made = NewToken(new_id(), name, scope, secret)
        values = {
            "id": made.id,
            "digest": digest_of(secret),
            "name": name,
            "scope": scope.value,
            "user_id": user_id,
            "created_at_us": now_us,
            "expires_at_us": None if expires_in_s is None else now_us + round(expires_in_s * _US),
        }
        with self._database.writing() as connection:
            connection.execute(sa.insert(TOKENS).values(values))
        return made

    def delete(self, token_id: str, *, user_id: int | None = None) -> None:
        """Revoke a token; of one user, or of anybody.

        Raises:
            NotFoundError: there is none of that id (that the user may see).
        """
        query = sa.delete(TOKENS).where(TOKENS.c.id == token_id)
        if user_id is not None:
            query = query.where(TOKENS.c.user_id == user_id)
        with self._database.writing() as connection:
            if connection.execute(query).rowcount == 0:
                raise unknown("token", token_id, ())

    def find(self, secret: str) -> Identity | None:
        """Who the token speaks for, or None: unknown, revoked or expired."""
        query = (
            sa.select(TOKENS.c.id.label("token_id"), TOKENS.c.name.label("label"), TOKENS.c.scope)
            .add_columns(TOKENS.c.expires_at_us, USERS)
            .join(USERS, USERS.c.id == TOKENS.c.user_id)
            .where(TOKENS.c.digest == digest_of(secret))
        )
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        if row.expires_at_us is not None and row.expires_at_us <= self._clock.now_us():
            return None
        scope, owner_role = Scope(row.scope), Role(row.role)
        return Identity(
            user=row.name,
            user_id=row.id,
            role=owner_role if scope is Scope.ADMIN else Role.VIEWER,
            kind="token",
            permissions=SCOPE_PERMISSIONS[scope] & ROLE_PERMISSIONS[owner_role],
            credential=row.token_id,
            token_name=row.label,
        )
