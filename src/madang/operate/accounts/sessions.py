"""Sessions of signed-in people, and the one-time codes that open one without a password."""

from __future__ import annotations

import secrets

import sqlalchemy as sa

from madang.core.clock import Clock
from madang.core.names import unknown
from madang.metadata import Database
from madang.operate.accounts.identity import ROLE_PERMISSIONS, Identity, Role
from madang.operate.accounts.tables import LOGIN_CODES, SESSIONS, USERS, digest_of
from madang.operate.accounts.users import normal_name

CODE_AGE_S = 15 * 60.0
_US = 1_000_000


class Sessions:
    """The tables of sessions and login codes."""

    def __init__(self, database: Database, clock: Clock, age_s: float) -> None:
        self._database = database
        self._clock = clock
        self.age_s = age_s

    def open(self, user_id: int, *, by_code: bool = False) -> str:
        """A new session's secret (256 random bits), for the cookie."""
        secret = secrets.token_urlsafe(32)
        with self._database.writing() as connection:
            self._insert(connection, secret, user_id, by_code)
        return secret

    def find(self, secret: str) -> Identity | None:
        """Who the session belongs to, or None: unknown, ended or expired."""
        query = (
            sa.select(SESSIONS.c.digest, SESSIONS.c.by_code, USERS)
            .join(USERS, USERS.c.id == SESSIONS.c.user_id)
            .where(SESSIONS.c.digest == digest_of(secret))
            .where(SESSIONS.c.expires_at_us > self._clock.now_us())
        )
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        role = Role(row.role)
        return Identity(
            user=row.name,
            user_id=row.id,
            role=role,
            kind="session",
            permissions=ROLE_PERMISSIONS[role],
            credential=row.digest,
            has_password=row.password is not None,
            by_code=row.by_code,
        )

    def end(self, digest: str) -> None:
        """End a session; none of that digest is fine."""
        with self._database.writing() as connection:
            connection.execute(sa.delete(SESSIONS).where(SESSIONS.c.digest == digest))

    def new_code(self, user_name: str) -> str:
        """A code that signs ``user_name`` in once, within 15 minutes.

        Raises:
            NotFoundError: there is no such user.
        """
        code = secrets.token_urlsafe(24)
        now_us = self._clock.now_us()
        with self._database.writing() as connection:
            user_id = connection.execute(
                sa.select(USERS.c.id).where(USERS.c.name == normal_name(user_name))
            ).scalar_one_or_none()
            if user_id is None:
                known = connection.execute(sa.select(USERS.c.name)).scalars()
                raise unknown("user", user_name, known)
            connection.execute(sa.delete(LOGIN_CODES).where(LOGIN_CODES.c.expires_at_us <= now_us))
            expires_at_us = now_us + round(CODE_AGE_S * _US)
            connection.execute(
                sa.insert(LOGIN_CODES).values(
                    digest=digest_of(code), user_id=user_id, expires_at_us=expires_at_us
                )
            )
        return code

    def redeem(self, code: str) -> str | None:
        """A new session for a login code, or None: unknown, used or expired. Only once."""
        now_us = self._clock.now_us()
        used = (
            sa.delete(LOGIN_CODES)
            .where(LOGIN_CODES.c.digest == digest_of(code))
            .returning(LOGIN_CODES.c.user_id, LOGIN_CODES.c.expires_at_us)
        )
        with self._database.writing() as connection:
            row = connection.execute(used).one_or_none()
            if row is None or row.expires_at_us <= now_us:
                return None
            secret = secrets.token_urlsafe(32)
            self._insert(connection, secret, row.user_id, by_code=True)
        return secret

    def _insert(self, connection: sa.Connection, secret: str, user_id: int, by_code: bool) -> None:
        now_us = self._clock.now_us()
        connection.execute(sa.delete(SESSIONS).where(SESSIONS.c.expires_at_us <= now_us))
        connection.execute(
            sa.insert(SESSIONS).values(
                digest=digest_of(secret),
                user_id=user_id,
                created_at_us=now_us,
                last_used_at_us=now_us,
                expires_at_us=now_us + round(self.age_s * _US),
                by_code=by_code,
            )
        )
