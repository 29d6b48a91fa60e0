from __future__ import annotations

import pytest

from madang.operate.accounts import Role, Scope

PASSWORD = "correct horse"  # of the users ``editor`` and ``viewer``
CSRF = {"X-Madang-Request": "1"}


def error_of(response):
    return response.json()["error"]


def test_one_time_link_signs_in_once(server):
    code = server.accounts.sessions.new_code("admin")
    with server.client() as client:
        first = client.get(f"/login?code={code}")
        assert first.status_code == 303
        assert first.headers["Location"] == "/"
        cookie = first.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        found = client.get("/api/session").json()
        assert found == {
            "user": {"name": "admin", "role": "admin"},
            "time_zone": "Asia/Seoul",
            "platform": "test",
            "version": found["version"],
            "must_set_password": True,
            "by_link": True,
        }
    with server.client() as other:
        again = other.get(f"/login?code={code}")
        assert again.headers["Location"] == "/signin?error=code"
        assert "Set-Cookie" not in again.headers


@pytest.mark.parametrize("query", ["", "?code=", "?code=x", "?code=%00", "?code=" + "x" * 500])
def test_bad_codes(server, query):
    with server.client() as client:
        assert client.get(f"/login{query}").headers["Location"] == "/signin?error=code"


def test_sign_in_and_out(server):
    with server.client() as client:
        assert client.get("/api/session").status_code == 401
        body = {"name": "Viewer", "password": PASSWORD}
        found = client.post("/api/session", json=body)
        assert found.json()["user"] == {"name": "viewer", "role": "viewer"}
        assert not found.json()["must_set_password"]
        cookie = dict(client.cookies)
        assert client.delete("/api/session").status_code == 403
        assert client.delete("/api/session", headers=CSRF).status_code == 204
        client.cookies.update(cookie)
        assert client.get("/api/session").status_code == 401


def test_wrong_passwords_then_429(world):
    world.serve()
    with world.client() as client:
        body = {"name": "viewer", "password": "wrong"}
        for _ in range(5):
            answer = client.post("/api/session", json=body)
            assert answer.status_code == 401
        answer = client.post("/api/session", json={**body, "password": PASSWORD})
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{", "body"),
        (b"", "body"),
        (b"[]", "body"),
        (b'{"name": "x"}', "password"),
        (b'{"name": 1, "password": "x"}', "name"),
        (b'{"name": "x", "password": "x", "role": "admin"}', "role"),
    ],
)
def test_bad_bodies_have_the_one_shape(server, body, field):
    with server.client() as client:
        answer = client.post(
            "/api/session", content=body, headers={"Content-Type": "application/json"}
        )
    assert answer.status_code == 400
    assert error_of(answer)["code"] == "invalid_input"
    assert error_of(answer)["where"]["name"] == field


def test_password_is_set_behind_a_link(server):
    server.accounts.users.create("new", Role.VIEWER, None)
    code = server.accounts.sessions.new_code("new")
    with server.client() as client:
        client.headers.update(CSRF)
        client.get(f"/login?code={code}")
        assert client.get("/api/session").json()["must_set_password"]
        short = client.put("/api/session/password", json={"new": "short"})
        assert error_of(short)["where"]["name"] == "password"
        assert client.put("/api/session/password", json={"new": "long enough"}).status_code == 204
        assert not client.get("/api/session").json()["must_set_password"]
        assert not client.get("/api/session").json()["by_link"]
        wrong = client.put("/api/session/password", json={"new": "long enough"})
        assert error_of(wrong)["where"]["name"] == "current"
    with server.client() as client:
        body = {"name": "new", "password": "long enough"}
        assert client.post("/api/session", json=body).status_code == 200


def test_token_cannot_change_a_password(server):
    with server.client("admin") as client:
        assert client.put("/api/session/password", json={"new": "long enough"}).status_code == 403


def test_users(server):
    with server.session("admin") as client:
        made = client.post(
            "/api/users", json={"name": "Minji", "password": PASSWORD, "role": "viewer"}
        )
        assert made.status_code == 201
        assert made.json()["name"] == "minji"
        again = client.post("/api/users", json={"name": "minji", "role": "viewer"})
        assert again.status_code == 409
        names = [user["name"] for user in client.get("/api/users").json()["users"]]
        assert "minji" in names
        assert client.delete("/api/users/minij").status_code == 404
        assert client.delete("/api/users/minji").status_code == 204
        assert error_of(client.delete("/api/users/admin"))["code"] == "conflict"


def test_deleting_a_user_ends_their_session_at_once(server):
    server.accounts.users.create("leaver", Role.VIEWER, None)
    with server.session("leaver") as leaver, server.session("admin") as admin:
        assert leaver.get("/api/session").status_code == 200
        admin.delete("/api/users/leaver")
        assert leaver.get("/api/session").status_code == 401


def test_token_is_shown_once_and_revoked_at_once(server):
    with server.session("editor") as client:
        made = client.post("/api/tokens", json={"name": "shipper", "scope": "ingest"}).json()
        (row,) = client.get("/api/tokens").json()["tokens"]
        assert row["name"] == "shipper"
        assert made["token"] not in str(row)
        stream = server.new_stream()
        bearer = {"Authorization": f"Bearer {made['token']}"}
        with server.client() as shipper:
            assert shipper.post(f"/ingest/{stream}", content=b"{}", headers=bearer).is_success
            assert client.delete(f"/api/tokens/{made['id']}").status_code == 204
            refused = shipper.post(f"/ingest/{stream}", content=b"{}", headers=bearer)
        assert refused.status_code == 401
        assert refused.headers["WWW-Authenticate"] == "Bearer"


def test_revocation_elsewhere_takes_effect_soon(server):
    made = server.accounts.tokens.create("t", Scope.READ, user_id=server.admin_id)
    with server.client() as client:
        client.headers["Authorization"] = f"Bearer {made.secret}"
        assert client.get("/api/session").status_code == 200
        server.accounts.tokens.delete(made.id)
        server.clock_s.advance(4.1)
        assert client.get("/api/session").status_code == 401


@pytest.mark.parametrize(
    ("role", "scope"), [("viewer", "ingest"), ("viewer", "admin"), ("editor", "admin")]
)
def test_nobody_makes_a_token_above_themselves(server, role, scope):
    with server.session(role) as client:
        answer = client.post("/api/tokens", json={"name": "t", "scope": scope})
    assert answer.status_code == 403


def test_others_tokens_are_not_found(server):
    made = server.accounts.tokens.create("t", Scope.READ, user_id=server.admin_id)
    with server.session("viewer") as client:
        assert client.delete(f"/api/tokens/{made.id}").status_code == 404


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer  x y", "Basic YTpi", "Bearer " + "x" * 600, "Bearer nobody", "x"],
)
def test_bad_authorization(server, header):
    with server.client() as client:
        answer = client.get("/api/session", headers={"Authorization": header})
    assert answer.status_code == 401
    assert error_of(answer)["code"] == "unauthenticated"


def test_foreign_cookies_do_not_disturb(server):
    user = server.accounts.users.find("viewer")
    secret = server.accounts.sessions.open(user.id)
    with server.client() as client:
        cookie = f'theirs={{"a": "b"}}; other; madang_session={secret}; =x'
        assert client.get("/api/session", headers={"Cookie": cookie}).status_code == 200
