"""Who asks: a token or a session cookie → :class:`Identity`, cached for seconds.

A credential is looked up in SQLite at most every two seconds; requests in between, all of ingest's
among them, are answered from memory. A revocation in this process holds at once, one in another
process within four seconds.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Security
from fastapi.security import SecurityScopes
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, cookie_parser
from starlette.types import Scope

from madang.core.clock import Clock
from madang.core.errors import DeniedError, UnauthenticatedError
from madang.operate.accounts import Accounts, Identity, Permission
from madang.server.credentials import token_in

SESSION_COOKIE = "madang_session"
REQUEST_HEADER = b"x-madang-request"
_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
_FRESH_S = 2.0
_STALE_S = 4.0
_MAX_ENTRIES = 4096
_MAX_SECRET_LENGTH = 512
_KINDS = {"token": "the token", "anonymous": "a request without a token"}


@dataclass(slots=True)
class _Entry:
    identity: Identity | None
    loaded_s: float
    loading: asyncio.Task[Identity | None] | None = None


class Authenticator:
    """Resolves credentials; used from one event loop."""

    def __init__(self, accounts: Accounts, clock: Clock) -> None:
        self._accounts = accounts
        self._clock = clock
        self._entries: dict[tuple[str, bytes], _Entry] = {}

    async def identify(self, method: str, headers: Iterable[tuple[bytes, bytes]]) -> Identity:
        """Who sends these headers.

        Raises:
            UnauthenticatedError: no credential, or one that does not hold.
            DeniedError: a cookie on an unsafe method without the header that a foreign page cannot
                set.
        """
        authorization = cookie = None
        marked = False
        for name, value in headers:
            if name == b"authorization":
                authorization = value
            elif name == b"cookie":
                cookie = value if cookie is None else cookie + b"; " + value
            elif name == REQUEST_HEADER:
                marked = True
        if authorization is not None:
            return await self._by_token(token_in(authorization))
        secret = None if cookie is None else session_secret(cookie)
        if secret is None:
            raise UnauthenticatedError(
                "nobody is signed in", hint="send Authorization: Bearer <token>, or sign in"
            )
        identity = await self._resolve("session", secret)
        if identity is None:
            raise UnauthenticatedError("the session has ended", hint="sign in again")
        if not marked and method not in _SAFE_METHODS:
            raise DeniedError(
                "a request with the session cookie lacks the header X-Madang-Request",
                hint="send X-Madang-Request: 1, or use a token",
            )
        return identity

    async def admit(
        self, scope: Scope, permission: Permission, *, token: bytes | None = None
    ) -> Identity:
        """Who sends a request, if they may; the access log will say it.

        Where requests without a credential are let in (``madang.anonymous``, an identity, in the
        scope), so are those with one that does not hold: they may no more.

        Args:
            scope: ASGI's.
            permission: What it takes.
            token: Of a request that has one elsewhere than in its headers.

        Raises:
            UnauthenticatedError, DeniedError: they may not.
        """
        try:
            if token is not None:
                identity = await self._by_token(token)
            else:
                identity = await self.identify(scope["method"], scope["headers"])
        except UnauthenticatedError:
            anonymous: Identity | None = scope.get("madang.anonymous")
            if anonymous is None:
                raise
            identity = anonymous
        scope["madang.identity"] = identity
        check_permission(identity, permission)
        return identity

    def forget(self) -> None:
        """Look everybody up again: somebody's rights changed."""
        self._entries.clear()

    async def _by_token(self, secret: bytes | None) -> Identity:
        if not secret or len(secret) > _MAX_SECRET_LENGTH:
            raise UnauthenticatedError(
                "the Authorization header holds no token",
                hint="send Authorization: Bearer mdg_…, or Basic with the token as the password",
            )
        identity = await self._resolve("token", secret)
        if identity is None:
            raise UnauthenticatedError(
                "the token is unknown, revoked or expired",
                hint="make one under Settings → API tokens, or with madang token create",
            )
        return identity

    async def _resolve(self, kind: str, secret: bytes) -> Identity | None:
        key = (kind, hashlib.sha256(secret).digest())
        now = self._clock.monotonic_s()
        entry = self._entries.get(key)
        if entry is not None:
            age = now - entry.loaded_s
            if age < _FRESH_S:
                return entry.identity
            if entry.loading is None:
                entry.loading = self._begin(key, kind, secret)
            if age < _STALE_S:
                return entry.identity
            return await asyncio.shield(entry.loading)
        if len(self._entries) >= _MAX_ENTRIES:
            self._entries.clear()
        entry = self._entries[key] = _Entry(None, float("-inf"))
        entry.loading = self._begin(key, kind, secret)
        return await asyncio.shield(entry.loading)

    def _begin(
        self, key: tuple[str, bytes], kind: str, secret: bytes
    ) -> asyncio.Task[Identity | None]:
        task = asyncio.create_task(self._load(key, kind, secret))
        # Nobody may wait for it; an error is met again by whoever asks next.
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return task

    async def _load(self, key: tuple[str, bytes], kind: str, secret: bytes) -> Identity | None:
        # The time before the look-up: what is revoked while it runs must not count as fresh.
        started_s = self._clock.monotonic_s()
        find = self._accounts.tokens.find if kind == "token" else self._accounts.sessions.find
        entry = self._entries.get(key)
        try:
            identity = await run_in_threadpool(find, secret.decode("latin-1"))
        except BaseException:
            self._entries.pop(key, None)
            raise
        if identity is not None:
            self._accounts.last_use.note(identity)
        if entry is not None:
            entry.identity, entry.loaded_s, entry.loading = identity, started_s, None
        return identity


def session_secret(cookie: bytes) -> bytes | None:
    """The session's secret in a Cookie header."""
    secret = cookie_parser(cookie.decode("latin-1")).get(SESSION_COOKIE, "")
    return secret.encode("latin-1") if 0 < len(secret) <= _MAX_SECRET_LENGTH else None


def check_permission(identity: Identity, permission: Permission) -> None:
    """Let ``identity`` pass.

    Raises:
        DeniedError: it lacks ``permission``.
    """
    if identity.may(permission):
        return
    what = _KINDS.get(identity.kind, f"the role {identity.role.value}")
    raise DeniedError(
        f"{what} does not have the permission {permission.value!r}",
        hint=f"{identity} may {', '.join(sorted(identity.permissions)) or 'nothing'}",
    )


async def caller(connection: HTTPConnection, scopes: SecurityScopes) -> Identity:
    """The dependency of every route that is not open: who asks, with the permission it names."""
    authenticator: Authenticator = connection.app.state.authenticator
    (permission,) = scopes.scopes
    return await authenticator.admit(connection.scope, Permission(permission))


MayRead = Annotated[Identity, Security(caller, scopes=[Permission.READ.value])]
MayEdit = Annotated[Identity, Security(caller, scopes=[Permission.EDIT.value])]
MayAdmin = Annotated[Identity, Security(caller, scopes=[Permission.ADMIN.value])]
HasAccount = Annotated[Identity, Security(caller, scopes=[Permission.ACCOUNT.value])]
