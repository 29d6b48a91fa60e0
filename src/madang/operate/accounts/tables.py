"""The tables of ``madang.db``. Times are microseconds UTC; secrets are kept as SHA-256 only."""

from __future__ import annotations

import hashlib

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
)

from madang.metadata import METADATA

USERS = Table(
    "users",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("password", String(256)),
    Column("role", String(16), nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("last_seen_at_us", BigInteger),
    # An id is never given out again: a cached identity of a deleted user must not fit a new one.
    sqlite_autoincrement=True,
)


def _owner() -> Column[int]:
    return Column("user_id", Integer, ForeignKey("users.id", ondelete="CASCADE"), nullable=False)


SESSIONS = Table(
    "sessions",
    METADATA,
    Column("digest", String(64), primary_key=True),
    _owner(),
    Column("created_at_us", BigInteger, nullable=False),
    Column("expires_at_us", BigInteger, nullable=False),
    Column("last_used_at_us", BigInteger, nullable=False),
    Column("by_code", Boolean, nullable=False),
    Index("ix_sessions_user_id", "user_id"),
)

TOKENS = Table(
    "tokens",
    METADATA,
    Column("id", String(26), primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("name", String(64), nullable=False),
    Column("scope", String(16), nullable=False),
    _owner(),
    Column("created_at_us", BigInteger, nullable=False),
    Column("expires_at_us", BigInteger),
    Column("last_used_at_us", BigInteger),
    Index("ix_tokens_user_id", "user_id"),
)

LOGIN_CODES = Table(
    "login_codes",
    METADATA,
    Column("digest", String(64), primary_key=True),
    _owner(),
    Column("expires_at_us", BigInteger, nullable=False),
)


def digest_of(secret: str) -> str:
    """What is stored of a secret: with 256 random bits, a plain hash is enough."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
