"""The first start: an admin to sign in as, and the tokens that need nobody to make them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from madang.operate.accounts.accounts import Accounts
from madang.operate.accounts.identity import Permission, Role, Scope
from madang.operate.accounts.users import User

ADMIN_NAME = "admin"
_BOOTSTRAP_NAME = "MADANG_TOKEN"
_LOCAL_NAME = "this machine"


@dataclass(frozen=True, slots=True)
class Bootstrapped:
    """What a start found or made.

    ``first``: nobody existed before. ``token_taken``: ``MADANG_TOKEN`` became the admin token now.
    """

    first: bool
    token_taken: bool


def bootstrap(accounts: Accounts, token: str | None) -> Bootstrapped:
    """Make the user ``admin``, without a password, and the bootstrap token, at the first start.

    Later starts change nothing, whatever ``token`` is: who controls the environment of a restart
    does not become an admin by it.

    Args:
        accounts: The accounts.
        token: The value of ``MADANG_TOKEN``, if it is set.

    Raises:
        InvalidInputError: the token is not printable ASCII.
    """
    if accounts.users.all():
        return Bootstrapped(first=False, token_taken=False)
    admin = accounts.users.create(ADMIN_NAME, Role.ADMIN, None)
    if not token:
        return Bootstrapped(first=True, token_taken=False)
    accounts.tokens.create(_BOOTSTRAP_NAME, Scope.ADMIN, user_id=admin.id, secret=token)
    return Bootstrapped(first=True, token_taken=True)


def local_token(accounts: Accounts, run: Path) -> Path:
    """The file of the admin token by which this machine's own user calls the API.

    ``<run>/admin.token``, mode 600. A token that still holds is kept; otherwise it is made anew and
    the one before is revoked.

    Args:
        accounts: The accounts.
        run: ``DataDir.run``.
    """
    path = run / "admin.token"
    try:
        found = accounts.tokens.find(path.read_text().strip())
    except (FileNotFoundError, UnicodeDecodeError):
        found = None
    if found is not None and found.may(Permission.ADMIN):
        path.chmod(0o600)
        return path
    admin = _an_admin(accounts)
    for token in accounts.tokens.all(user_id=admin.id):
        if token.name == _LOCAL_NAME:
            accounts.tokens.delete(token.id)
    made = accounts.tokens.create(_LOCAL_NAME, Scope.ADMIN, user_id=admin.id)
    run.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(made.secret + "\n")
    fresh.replace(path)
    return path


def _an_admin(accounts: Accounts) -> User:
    return next(user for user in accounts.users.all() if user.role is Role.ADMIN)
