"""Tokens as programs send them: each knows another way."""

from __future__ import annotations

import base64
import binascii

_PLAIN = frozenset({b"bearer", b"token"})
"""``Token`` is what InfluxDB's clients write."""


def token_in(authorization: bytes) -> bytes | None:
    """The token in an Authorization header; None where there is none.

    ``Bearer <token>``, ``Token <token>``, or Basic with the token as the password, whatever the
    user's name is: so do programs that know no tokens (Grafana, promtool, Telegraf).
    """
    scheme, _, credentials = authorization.strip().partition(b" ")
    credentials = credentials.strip()
    if scheme.lower() in _PLAIN:
        return credentials or None
    if scheme.lower() != b"basic":
        return None
    try:
        _, _, password = base64.b64decode(credentials, validate=True).partition(b":")
    except binascii.Error:
        return None
    return password or None
