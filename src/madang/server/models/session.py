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
    """What the user may do."""


class SessionAnswer(Answer):
    """The session, and what a page needs to know first."""

    user: SessionUser
    """Who is signed in."""
    time_zone: str
    """IANA zone of days and of times without a zone."""
    platform: str
    """The platform's name (``name`` in madang.yml)."""
    version: str
    """Madang's version."""
    must_set_password: bool
    """Whether the user has no password yet, so that only one-time links sign in."""
    by_link: bool
    """Whether a one-time link let them in: a password may be set without telling the old one."""


class SignIn(Asked):
    """Name and password."""

    name: str
    """The user's name; capitals do not matter."""
    password: SecretStr
    """The password."""


class PasswordChange(Asked):
    """A new password."""

    current: SecretStr | None = None
    """The present password; not needed after a one-time link, or where none is set."""
    new: SecretStr
    """The new password, 8 to 256 characters."""


class UserRow(Answer):
    """A user."""

    name: str
    """The user's name."""
    role: Role
    """What the user may do."""
    created_at: Instant
    """When they were added."""
    last_seen_at: Instant | None
    """Their last request, to within half a minute; null: none yet."""


class UsersAnswer(Answer):
    """Everybody."""

    users: list[UserRow]
    """All users, by name."""


class NewUser(Asked):
    """A user to add."""

    name: str
    """The name to sign in with: 1 to 64 letters, digits and ``. _ @ + -``."""
    password: SecretStr | None = None
    """8 to 256 characters; without one they sign in by a one-time link."""
    role: Role
    """What the user may do."""


class TokenRow(Answer):
    """A token, without its secret."""

    id: str
    """Its id, for ``DELETE /api/tokens/{token_id}``."""
    name: str
    """What it is for, as its maker wrote."""
    scope: Scope
    """What it may do."""
    owner: str
    """Who made it; a token never may do more than its owner."""
    created_at: Instant
    """When it was made."""
    last_used_at: Instant | None
    """Its last use, to within half a minute; null: never used."""
    expires_at: Instant | None
    """When it stops working; null: never."""


class TokensAnswer(Answer):
    """Tokens."""

    tokens: list[TokenRow]
    """Newest first; an admin sees everybody's."""


class NewToken(Asked):
    """A token to make."""

    name: str
    """What it is for; 1 to 64 characters."""
    scope: Scope
    """What it may do; no more than the one who asks."""
    expires_in_s: float | None = None
    """Seconds until it stops working; null: never."""


class MadeToken(Answer):
    """A token just made."""

    id: str
    """Its id, for ``DELETE /api/tokens/{token_id}``."""
    name: str
    """What it is for."""
    scope: Scope
    """What it may do."""
    token: str
    """The secret ``mdg_…``; it is shown this once."""
