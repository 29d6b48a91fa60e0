"""When credentials were last used: noted in memory, written now and then."""

from __future__ import annotations

import threading

import sqlalchemy as sa

from madang.core.clock import Clock
from madang.core.errors import StorageFullError
from madang.metadata import Database
from madang.operate.accounts.identity import Identity
from madang.operate.accounts.tables import SESSIONS, TOKENS, USERS

_US = 1_000_000


class LastUse:
    """Notes uses without touching the disk; :meth:`flush` writes them in one transaction."""

    def __init__(self, database: Database, clock: Clock, session_age_s: float) -> None:
        self._database = database
        self._clock = clock
        self._session_age_us = round(session_age_s * _US)
        self._lock = threading.Lock()
        self._noted: dict[tuple[str, str], tuple[Identity, int]] = {}

    def note(self, identity: Identity) -> None:
        """Remember that ``identity`` asked for something now."""
        key = (identity.kind, identity.credential)
        with self._lock:
            self._noted[key] = (identity, self._clock.now_us())

    def flush(self) -> None:
        """Write what was noted; a session's end moves on with its use."""
        with self._lock:
            noted, self._noted = self._noted, {}
        if not noted:
            return
        try:
            with self._database.writing() as connection:
                for identity, at_us in noted.values():
                    self._write(connection, identity, at_us)
        except (sa.exc.DatabaseError, StorageFullError):
            # Worth another try, not worth an error: newer notes win.
            with self._lock:
                self._noted = noted | self._noted
            raise

    def _write(self, connection: sa.Connection, identity: Identity, at_us: int) -> None:
        if identity.kind == "token":
            connection.execute(
                sa.update(TOKENS)
                .where(TOKENS.c.id == identity.credential)
                .values(last_used_at_us=at_us)
            )
            return
        connection.execute(
            sa.update(SESSIONS)
            .where(SESSIONS.c.digest == identity.credential)
            .values(last_used_at_us=at_us, expires_at_us=at_us + self._session_age_us)
        )
        connection.execute(
            sa.update(USERS).where(USERS.c.id == identity.user_id).values(last_seen_at_us=at_us)
        )
