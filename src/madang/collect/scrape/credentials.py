"""What a request says of who asks, as configured; files are read at every request."""

from __future__ import annotations

import base64
from pathlib import Path

from madang.core.errors import UnavailableError
from madang.project.files import reason
from madang.project.http_client_spec import HttpClientSpec


def authorization(spec: HttpClientSpec) -> dict[str, str]:
    """The header ``Authorization``, or none.

    Raises:
        UnavailableError: a file of it cannot be read.
    """
    if spec.basic_auth is not None:
        given = spec.basic_auth
        user = _read(given.username_file) if given.username_file else given.username
        password = given.password.get_secret_value() if given.password else ""
        password = _read(given.password_file) if given.password_file else password
        return {"Authorization": basic(user, password)}
    if spec.authorization is not None:
        named = spec.authorization
        secret = named.credentials.get_secret_value() if named.credentials else ""
        secret = _read(named.credentials_file) if named.credentials_file else secret
        return _header(named.type.strip() or "Bearer", secret) if secret else {}
    if spec.bearer_token is not None:
        return _header("Bearer", spec.bearer_token.get_secret_value())
    if spec.bearer_token_file:
        return _header("Bearer", _read(spec.bearer_token_file))
    return {}


def basic(user: str, password: str) -> str:
    """User and password as ``Authorization`` has them."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def _header(kind: str, secret: str) -> dict[str, str]:
    return {"Authorization": f"{kind} {secret}"}


def _read(path: str) -> str:
    try:
        return Path(path).read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        why = reason(error) if isinstance(error, OSError) else "it is not UTF-8"
        raise UnavailableError(f"the credentials in {path} cannot be read: {why}") from None
