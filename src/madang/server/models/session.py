"""Sign-in, users and tokens."""

from __future__ import annotations

from pydantic import SecretStr

from madang.operate.accounts import Role, Scope
from madang.server.models.base import Answer, Asked, Instant


class SessionUser(Answer):
    """Who is signed in."""

    name: str
    """The user's name."""
    role: Role
    """What they are."""


class SessionAnswer(Answer):
    """The session, and what a page needs to know first."""

    user: SessionUser
    """Who is signed in."""
    time_zone: str
    """IANA zone of days and crons."""
    platform: str
    """The platform's name."""
    version: str
    """Madang's version."""
    must_set_password: bool
    """The user has no password yet."""


class SignIn(Asked):
    """Name and password."""

    name: str
    """The user's name, in any case."""
    password: SecretStr
    """The password."""


class PasswordChange(Asked):
    """A new password."""

    current: SecretStr | None = None
    """The old one; may be missing behind a one-time link, or where none is set."""
    new: SecretStr
    """8 to 256 characters."""


class UserRow(Answer):
    """A user."""

    name: str
    """The user's name."""
    role: Role
    """What they are."""
    created_at: Instant
    """When they were added."""
    last_seen_at: Instant | None
    """Their last request, to within half a minute."""


class UsersAnswer(Answer):
    """Everybody."""

    users: list[UserRow]
    """By name."""


class NewUser(Asked):
    """A user to add."""

    name: str
    """1 to 64 letters, digits and ``. _ @ + -``."""
    password: SecretStr | None = None
    """8 to 256 characters; without one they sign in by a one-time link."""
    role: Role
    """What they are."""


class TokenRow(Answer):
    """A token, without its secret."""

    id: str
    """Names it when it is revoked."""
    name: str
    """What it is for."""
    scope: Scope
    """What it may do."""
    owner: str
    """Who made it; it never may more than they."""
    created_at: Instant
    """When it was made."""
    last_used_at: Instant | None
    """Its last use, to within half a minute."""
    expires_at: Instant | None
    """When it ends."""


class TokensAnswer(Answer):
    """Tokens."""

    tokens: list[TokenRow]
    """Newest first; an admin sees everybody's."""


class NewToken(Asked):
    """A token to make."""

    name: str
    """What it is for; 1 to 64 characters."""
    scope: Scope
    """What it may do; not more than the one who asks."""
    expires_in_s: float | None = None
    """Seconds until it ends; none: never."""


class MadeToken(Answer):
    """A token just made."""

    id: str
    """Names it when it is revoked."""
    name: str
    """What it is for."""
    scope: Scope
    """What it may do."""
    token: str
    """The secret, shown this once."""
