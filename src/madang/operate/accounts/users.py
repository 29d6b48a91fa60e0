"""Users: people with a name, a role and, once set, a password."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import sqlalchemy as sa

from madang.core.clock import Clock
from madang.core.errors import ConflictError, InvalidInputError, Place, UnauthenticatedError
from madang.core.names import unknown
from madang.metadata import Database
from madang.operate.accounts.identity import Role
from madang.operate.accounts.passwords import Passwords
from madang.operate.accounts.tables import LOGIN_CODES, SESSIONS, USERS

_NAME = re.compile(r"\w[\w.@+-]{0,63}")


@dataclass(frozen=True, slots=True)
class User:
    """A person. Times are microseconds UTC."""

    id: int
    name: str
    role: Role
    created_at_us: int
    last_seen_at_us: int | None
    has_password: bool


class Users:
    """The table of users."""

    def __init__(self, database: Database, clock: Clock, passwords: Passwords) -> None:
        self._database = database
        self._clock = clock
        self._passwords = passwords

    def all(self) -> list[User]:
        """Everybody, by name."""
        with self._database.reading() as connection:
            return [_user(row) for row in connection.execute(sa.select(USERS).order_by("name"))]

    def find(self, name: str) -> User | None:
        """The user of that name, in any case."""
        with self._database.reading() as connection:
            row = connection.execute(_by_name(name)).one_or_none()
        return None if row is None else _user(row)

    def create(self, name: str, role: Role, password: str | None) -> User:
        """Add a user.

        Args:
            name: Letters (any script), digits and ``. _ @ + -``; kept in lower case.
            role: What they are.
            password: None for one who signs in by a one-time link first.

        Raises:
            InvalidInputError: the name or the password will not do.
            ConflictError: the name is taken.
        """
        name = normal_name(name)
        if _NAME.fullmatch(name) is None:
            raise InvalidInputError(
                f"{name!r} cannot name a user",
                hint="1 to 64 letters, digits and . _ @ + -",
                where=Place("name"),
            )
        stored = None if password is None else self._passwords.hash(password)
        insert = sa.insert(USERS).values(
            name=name, password=stored, role=role.value, created_at_us=self._clock.now_us()
        )
        try:
            with self._database.writing() as connection:
                connection.execute(insert)
                return _user(connection.execute(_by_name(name)).one())
        except sa.exc.IntegrityError:
            raise ConflictError(f"there is a user {name!r} already") from None

    def delete(self, name: str) -> None:
        """Remove a user with their sessions and tokens.

        Raises:
            NotFoundError: there is none of that name.
            ConflictError: the last admin stays.
        """
        with self._database.writing() as connection:
            row = connection.execute(_by_name(name)).one_or_none()
            if row is None:
                known = connection.execute(sa.select(USERS.c.name)).scalars()
                raise unknown("user", name, known)
            if row.role == Role.ADMIN:
                admins = sa.select(sa.func.count()).where(USERS.c.role == Role.ADMIN.value)
                if connection.execute(admins).scalar_one() == 1:
                    raise ConflictError(
                        f"{row.name!r} is the last admin", hint="make another user an admin first"
                    )
            connection.execute(sa.delete(USERS).where(USERS.c.id == row.id))

    def authenticate(self, name: str, password: str) -> User:
        """The user with that name and password.

        Raises:
            UnauthenticatedError: no such user, no password set, or a wrong one; the message does
                not say which.
        """
        with self._database.reading() as connection:
            row = connection.execute(_by_name(name)).one_or_none()
        stored = None if row is None else row.password
        if not self._passwords.verify(stored, password) or row is None:
            raise UnauthenticatedError("the name or the password is wrong")
        if self._passwords.is_outdated(row.password):
            self._store(row.id, self._passwords.hash(password))
        return _user(row)

    def set_password(
        self, user_id: int, new: str, *, current: str | None, trusted: bool, keep_session: str
    ) -> None:
        """Change a password, and end the user's other sessions.

        Args:
            user_id: Whose.
            new: The new one.
            current: The old one.
            trusted: The session was opened by a one-time link: ``current`` may be missing.
            keep_session: Digest of the session that goes on.

        Raises:
            InvalidInputError: ``new`` will not do, or ``current`` is wrong.
        """
        with self._database.reading() as connection:
            stored = connection.execute(
                sa.select(USERS.c.password).where(USERS.c.id == user_id)
            ).scalar_one_or_none()
        may = current is None and (trusted or stored is None)
        if not may and not self._passwords.verify(stored, current or ""):
            raise InvalidInputError("the current password is wrong", where=Place("current"))
        hashed = self._passwords.hash(new)
        self._store(user_id, hashed)
        with self._database.writing() as connection:
            others = (SESSIONS.c.user_id == user_id) & (SESSIONS.c.digest != keep_session)
            connection.execute(sa.delete(SESSIONS).where(others))
            # The password is known from now on: the link's right to set it without is used up.
            connection.execute(
                sa.update(SESSIONS).where(SESSIONS.c.digest == keep_session).values(by_code=False)
            )
            connection.execute(sa.delete(LOGIN_CODES).where(LOGIN_CODES.c.user_id == user_id))

    def _store(self, user_id: int, hashed: str) -> None:
        with self._database.writing() as connection:
            connection.execute(
                sa.update(USERS).where(USERS.c.id == user_id).values(password=hashed)
            )


def normal_name(name: str) -> str:
    """The form in which names are kept and compared."""
    return unicodedata.normalize("NFC", name.strip()).casefold()


def _by_name(name: str) -> sa.Select[tuple[object, ...]]:
    return sa.select(USERS).where(USERS.c.name == normal_name(name))


def _user(row: sa.Row[tuple[object, ...]]) -> User:
    return User(
        row.id,
        row.name,
        Role(row.role),
        row.created_at_us,
        row.last_seen_at_us,
        row.password is not None,
    )
