"""The accounts of a data directory, put together."""

from __future__ import annotations

from pathlib import Path

from argon2 import PasswordHasher

from madang.core.clock import Clock, SystemClock
from madang.metadata import Database
from madang.operate.accounts.last_use import LastUse
from madang.operate.accounts.passwords import Passwords
from madang.operate.accounts.sessions import Sessions
from madang.operate.accounts.throttle import Throttle
from madang.operate.accounts.tokens import Tokens
from madang.operate.accounts.users import User, Users, normal_name


class Accounts:
    """Users, sessions, tokens. Thread-safe; to be opened after a fork, not before."""

    def __init__(
        self, database: Database, clock: Clock, session_age_s: float, hasher: PasswordHasher | None
    ) -> None:
        self._database = database
        self.users = Users(database, clock, Passwords(hasher))
        self.sessions = Sessions(database, clock, session_age_s)
        self.tokens = Tokens(database, clock)
        self.last_use = LastUse(database, clock, session_age_s)
        # A name from one address, and an address with any name; a name from anywhere is bounded
        # far higher, so that a stranger can slow guessing down but not lock its owner out cheaply.
        self._by_pair = Throttle(clock, limit=5)
        self._by_address = Throttle(clock, limit=30)
        self._by_name = Throttle(clock, limit=100)

    def sign_in(self, name: str, password: str, address: str) -> tuple[User, str]:
        """The user of that name and password, and the secret of a new session.

        Raises:
            UnauthenticatedError: the name or the password is wrong.
            OverloadedError: too many failures before.
        """
        name = normal_name(name)
        keys = (
            (self._by_pair, f"{name}\0{address}"),
            (self._by_address, address),
            (self._by_name, name),
        )
        for throttle, key in keys:
            throttle.attempt(key)
        user = self.users.authenticate(name, password)
        for throttle, key in keys:
            throttle.succeeded(key)
        return user, self.sessions.open(user.id)

    def close(self) -> None:
        """Write what was noted, and close the database."""
        try:
            self.last_use.flush()
        finally:
            self._database.close()


def open_accounts(
    location: Path | str,
    *,
    clock: Clock | None = None,
    session_age_s: float = 14 * 86_400.0,
    hasher: PasswordHasher | None = None,
) -> Accounts:
    """Open the metadata database, made or migrated where it must be.

    Args:
        location: The SQLite file or the URL of a PostgreSQL (``operate.wiring``).
        clock: Time; default: the machine's.
        session_age_s: A session ends this long after its last use.
        hasher: argon2 parameters; default: the library's.

    Raises:
        UnavailableError: it cannot be opened.
        InvalidInputError: it was written by a newer Madang.
    """
    return Accounts(Database(location), clock or SystemClock(), session_age_s, hasher)
