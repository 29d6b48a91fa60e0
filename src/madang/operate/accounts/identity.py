"""Who asks, and what they may."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Role(StrEnum):
    """What a person is in Madang."""

    ADMIN = "admin"
    EDITOR = "editor"
    VIEWER = "viewer"


class Scope(StrEnum):
    """What a token is for."""

    INGEST = "ingest"
    READ = "read"
    ADMIN = "admin"


class Permission(StrEnum):
    """What a route asks for; every route names exactly one."""

    INGEST = "ingest"
    """Append records."""
    READ = "read"
    """See streams, tables and results."""
    EDIT = "edit"
    """Replay dead letters."""
    ACCOUNT = "account"
    """Keep one's own password, session and tokens."""
    ADMIN = "admin"
    """Create streams, keep users, see everybody's tokens."""


ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.ADMIN: frozenset(Permission),
    Role.EDITOR: frozenset(Permission) - {Permission.ADMIN},
    Role.VIEWER: frozenset({Permission.READ, Permission.ACCOUNT}),
}
SCOPE_PERMISSIONS: dict[Scope, frozenset[Permission]] = {
    Scope.ADMIN: frozenset(Permission),
    Scope.READ: frozenset({Permission.READ}),
    Scope.INGEST: frozenset({Permission.INGEST}),
}


ANONYMOUS = "anonymous"
"""How the access log and the query history name somebody without a credential."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody known.

    ``user`` is the owner's name, also of a token's. A token never may more than its owner.
    ``credential`` is the session's digest or the token's id; it signs nobody in. ``token_name`` is
    what the owner calls the token: anybody may call theirs the same, so it is shown and never
    compared. ``by_code``: the session was opened with a one-time link.
    """

    user: str
    user_id: int
    role: Role
    kind: Literal["session", "token", "anonymous"]
    permissions: frozenset[Permission]
    credential: str
    token_name: str | None = None
    has_password: bool = True
    by_code: bool = False

    def __str__(self) -> str:
        """As messages name them: ``kim``, or ``kim's token 'shipper'``."""
        return self.user if self.token is None else f"{self.user}'s token {self.token_name!r}"

    @classmethod
    def anonymous(cls, permissions: frozenset[Permission]) -> Identity:
        """Somebody without a credential, where that is allowed."""
        return cls(ANONYMOUS, 0, Role.VIEWER, "anonymous", permissions, "")

    @property
    def token(self) -> str | None:
        """The token's id, or None for a session."""
        return self.credential if self.kind == "token" else None

    def may(self, permission: Permission) -> bool:
        """Whether this somebody has ``permission``."""
        return permission in self.permissions
