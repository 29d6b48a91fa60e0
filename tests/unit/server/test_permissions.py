"""Every route × everybody who may ask, taken from the OpenAPI document: no route is forgotten."""

from __future__ import annotations

import re

import pytest

from madang.operate.accounts.identity import (
    ROLE_PERMISSIONS,
    SCOPE_PERMISSIONS,
    Permission,
    Role,
    Scope,
)
from madang.server.app import describe

OPEN = {
    ("GET", "/login"),
    ("POST", "/api/session"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
}
ASKERS = {
    "anonymous": frozenset(),
    **{f"token:{scope.value}": SCOPE_PERMISSIONS[scope] for scope in Scope},
    **{f"session:{role.value}": ROLE_PERMISSIONS[role] for role in Role},
}


def operations():
    for path, methods in describe().openapi()["paths"].items():
        for method, operation in methods.items():
            needed = {tuple(names) for one in operation["security"] for names in one.values()}
            yield method.upper(), path, [name for names in needed for name in names]


OPERATIONS = list(operations())


def test_open_routes_are_these():
    assert {(method, path) for method, path, needed in OPERATIONS if not needed} == OPEN


def test_every_other_route_names_one_permission():
    for method, path, needed in OPERATIONS:
        if (method, path) not in OPEN:
            assert len(needed) == 1, path
            Permission(needed[0])


def client_of(server, asker):
    kind, _, name = asker.partition(":")
    if kind == "anonymous":
        return server.client()
    return server.client(name) if kind == "token" else server.session(name)


@pytest.mark.parametrize("asker", ASKERS)
def test_who_may_what(server, asker):
    for method, path, needed in OPERATIONS:
        # Ends the session itself; tails do not end.
        if not needed or (method, path) == ("DELETE", "/api/session"):
            continue
        # A name that is nothing's: whoever may pass gets 400 or 404, and changes nothing.
        url = re.sub(r"\{\w+\}", "Nothing", path)
        with client_of(server, asker) as client:
            status = client.request(method, url, content=b"").status_code
        if asker == "anonymous":
            assert status == 401, (method, path)
        elif needed[0] in ASKERS[asker]:
            assert status not in (401, 403), (method, path)
        else:
            assert status == 403, (method, path)


def test_cookie_needs_the_header_on_every_unsafe_method(server):
    with server.session("admin") as client:
        del client.headers["X-Madang-Request"]
        for method, path, needed in OPERATIONS:
            if needed and method not in ("GET", "HEAD"):
                url = re.sub(r"\{\w+\}", "Nothing", path)
                answer = client.request(method, url, json={})
                assert answer.status_code == 403, (method, path)
                assert "X-Madang-Request" in answer.json()["error"]["message"]


def test_a_foreign_page_cannot_ask_by_cookie(server):
    with server.session("admin") as client:
        headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
        answer = client.options("/api/tokens", headers=headers)
    assert not any(name.lower().startswith("access-control") for name in answer.headers)
