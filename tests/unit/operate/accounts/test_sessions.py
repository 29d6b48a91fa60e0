from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest

from madang.core.errors import NotFoundError
from madang.operate.accounts import Permission, Role


@pytest.fixture
def user(accounts):
    return accounts.users.create("minji", Role.VIEWER, None)


def test_session_slides_with_use_and_then_expires(accounts, clock, user):
    secret = accounts.sessions.open(user.id)
    clock.advance(80_000)
    accounts.last_use.note(accounts.sessions.find(secret))
    accounts.last_use.flush()
    clock.advance(80_000)
    assert accounts.sessions.find(secret) is not None
    clock.advance(10_000)
    assert accounts.sessions.find(secret) is None
    assert accounts.users.all()[0].last_seen_at_us is not None


def test_session_ends(accounts, user):
    secret = accounts.sessions.open(user.id)
    accounts.sessions.end(accounts.sessions.find(secret).credential)
    assert accounts.sessions.find(secret) is None


def test_deleting_a_user_ends_everything_of_theirs(accounts, user):
    secret = accounts.sessions.open(user.id)
    code = accounts.sessions.new_code("minji")
    accounts.users.delete("minji")
    assert accounts.sessions.find(secret) is None
    assert accounts.sessions.redeem(code) is None


def test_login_code_works_once(accounts, user):
    code = accounts.sessions.new_code("minji")
    identity = accounts.sessions.find(accounts.sessions.redeem(code))
    assert identity.by_code
    assert not identity.has_password
    assert not identity.may(Permission.ADMIN)
    assert accounts.sessions.redeem(code) is None


def test_login_code_expires(accounts, clock, user):
    code = accounts.sessions.new_code("minji")
    clock.advance(15 * 60)
    assert accounts.sessions.redeem(code) is None


def test_code_for_an_unknown_user(accounts, user):
    with pytest.raises(NotFoundError, match="minji"):
        accounts.sessions.new_code("minij")


def test_no_secret_is_stored(accounts, user, tmp_path):
    secret, code = accounts.sessions.open(user.id), accounts.sessions.new_code("minji")
    with sqlite3.connect(tmp_path / "madang.db") as connection:
        text = "\n".join(connection.iterdump())
    connection.close()
    assert secret not in text
    assert code not in text


@pytest.mark.parametrize("secret", ["", "x", "\ud800", "\0", "a" * 100_000])
def test_strange_secrets_are_nobody(accounts, secret):
    assert accounts.sessions.find(secret) is None
    assert accounts.sessions.redeem(secret) is None
    assert accounts.tokens.find(secret) is None


def test_many_threads_at_once(accounts):
    user = accounts.users.create("minji", Role.VIEWER, None)

    def work(_):
        secret = accounts.sessions.open(user.id)
        return accounts.sessions.find(secret).user

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(work, range(40))) == {"minji"}
