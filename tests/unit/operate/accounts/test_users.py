from __future__ import annotations

import unicodedata

import pytest

from madang.core.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    OverloadedError,
    UnauthenticatedError,
)
from madang.operate.accounts import Role


def test_a_user_signs_in_with_name_in_any_case(accounts):
    accounts.users.create("Kim.Minji", Role.EDITOR, "correct horse")
    user, secret = accounts.sign_in(" KIM.minji ", "correct horse", "127.0.0.1")
    assert user.name == "kim.minji"
    identity = accounts.sessions.find(secret)
    assert identity.user == "kim.minji"
    assert identity.role is Role.EDITOR


def test_korean_password_fits_in_either_normal_form(accounts):
    accounts.users.create("민지", Role.VIEWER, unicodedata.normalize("NFD", "마당을 나온 암탉"))
    accounts.sign_in("민지", unicodedata.normalize("NFC", "마당을 나온 암탉"), "x")


@pytest.mark.parametrize("name", ["", " ", "a b", "../x", "a/b", "-a", "a" * 65, "a\0b", "a\nb"])
def test_bad_names(accounts, name):
    with pytest.raises(InvalidInputError, match="cannot name a user"):
        accounts.users.create(name, Role.VIEWER, None)


@pytest.mark.parametrize("password", ["", "short", "x" * 257])
def test_bad_passwords(accounts, password):
    with pytest.raises(InvalidInputError, match="8 to 256"):
        accounts.users.create("minji", Role.VIEWER, password)


def test_a_name_is_taken_once(accounts):
    accounts.users.create("minji", Role.VIEWER, None)
    with pytest.raises(ConflictError, match="already"):
        accounts.users.create("Minji", Role.VIEWER, None)


def test_wrong_name_and_wrong_password_look_alike(accounts):
    accounts.users.create("minji", Role.VIEWER, "correct horse")
    accounts.users.create("nopassword", Role.VIEWER, None)
    messages = set()
    for name, password in [("minji", "wrong"), ("nobody", "wrong"), ("nopassword", "")]:
        with pytest.raises(UnauthenticatedError) as caught:
            accounts.sign_in(name, password, "x")
        messages.add(str(caught.value))
    assert len(messages) == 1


def test_five_failures_then_wait(accounts, clock):
    accounts.users.create("minji", Role.VIEWER, "correct horse")
    for _ in range(5):
        with pytest.raises(UnauthenticatedError):
            accounts.sign_in("minji", "wrong", "10.0.0.1")
    with pytest.raises(OverloadedError) as caught:
        accounts.sign_in("minji", "correct horse", "10.0.0.1")
    assert 0 < caught.value.retry_after_s <= 300
    accounts.sign_in("minji", "correct horse", "10.0.0.2")
    clock.advance(301)
    accounts.sign_in("minji", "correct horse", "10.0.0.1")


def test_success_forgets_failures(accounts):
    accounts.users.create("minji", Role.VIEWER, "correct horse")
    for _ in range(3):
        for _ in range(4):
            with pytest.raises(UnauthenticatedError):
                accounts.sign_in("minji", "wrong", "x")
        accounts.sign_in("minji", "correct horse", "x")


def test_one_address_trying_many_names_is_slowed_down(accounts):
    for number in range(30):
        with pytest.raises(UnauthenticatedError):
            accounts.sign_in(f"user{number}", "wrong", "10.0.0.1")
    with pytest.raises(OverloadedError):
        accounts.sign_in("user31", "wrong", "10.0.0.1")


def test_the_last_admin_stays(accounts):
    accounts.users.create("one", Role.ADMIN, None)
    accounts.users.create("viewer", Role.VIEWER, None)
    with pytest.raises(ConflictError, match="last admin"):
        accounts.users.delete("one")
    accounts.users.create("two", Role.ADMIN, None)
    accounts.users.delete("one")
    assert [user.name for user in accounts.users.all()] == ["two", "viewer"]


def test_unknown_user_has_near_match(accounts):
    accounts.users.create("minji", Role.VIEWER, None)
    with pytest.raises(NotFoundError, match="did you mean 'minji'"):
        accounts.users.delete("minij")


def test_password_change_ends_other_sessions(accounts):
    user = accounts.users.create("minji", Role.VIEWER, "correct horse")
    mine, other = accounts.sessions.open(user.id), accounts.sessions.open(user.id)
    digest = accounts.sessions.find(mine).credential

    def change(current, trusted=False):
        accounts.users.set_password(
            user.id, "battery staple", current=current, trusted=trusted, keep_session=digest
        )

    with pytest.raises(InvalidInputError, match="wrong"):
        change("not it")
    with pytest.raises(InvalidInputError, match="wrong"):
        change(None)
    change("correct horse")
    assert accounts.sessions.find(mine) is not None
    assert accounts.sessions.find(other) is None
    change(None, trusted=True)


def test_first_password_needs_no_current_one(accounts):
    user = accounts.users.create("minji", Role.VIEWER, None)
    accounts.users.set_password(
        user.id, "battery staple", current=None, trusted=False, keep_session=""
    )
    accounts.sign_in("minji", "battery staple", "x")
