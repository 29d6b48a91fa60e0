"""Users, sessions, tokens and one-time login codes, in SQLite.

Entry: :func:`open_accounts`, which gives :class:`Accounts`; :class:`Identity` is who asks.
All calls block (SQLite, argon2): an event loop makes them in a thread.
"""

from madang.operate.accounts.accounts import Accounts, open_accounts
from madang.operate.accounts.bootstrap import ADMIN_NAME, Bootstrapped, bootstrap, local_token
from madang.operate.accounts.identity import Identity, Permission, Role, Scope
from madang.operate.accounts.throttle import Throttle
from madang.operate.accounts.tokens import NewToken, Token
from madang.operate.accounts.users import User

__all__ = [
    "ADMIN_NAME",
    "Accounts",
    "Bootstrapped",
    "Identity",
    "NewToken",
    "Permission",
    "Role",
    "Scope",
    "Throttle",
    "Token",
    "User",
    "bootstrap",
    "local_token",
    "open_accounts",
]
