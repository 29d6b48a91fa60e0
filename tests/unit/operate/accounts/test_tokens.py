from __future__ import annotations

import pytest

from madang.core.errors import InvalidInputError, NotFoundError
from madang.operate.accounts import Permission, Role, Scope


@pytest.fixture
def admin(accounts):
    return accounts.users.create("boss", Role.ADMIN, None)


def test_a_token_speaks_for_its_scope(accounts, admin):
    made = accounts.tokens.create("shipper", Scope.INGEST, user_id=admin.id)
    assert made.secret.startswith("mdg_ingest_")
    identity = accounts.tokens.find(made.secret)
    assert (identity.user, identity.token, identity.token_name) == ("boss", made.id, "shipper")
    assert str(identity) == "boss's token 'shipper'"
    assert identity.permissions == {Permission.INGEST}


def test_a_token_never_may_more_than_its_owner(accounts):
    viewer = accounts.users.create("viewer", Role.VIEWER, None)
    made = accounts.tokens.create("too much", Scope.ADMIN, user_id=viewer.id)
    identity = accounts.tokens.find(made.secret)
    assert identity.permissions == {Permission.READ, Permission.ACCOUNT}
    assert identity.role is Role.VIEWER


def test_expiry_and_revocation(accounts, clock, admin):
    short = accounts.tokens.create("short", Scope.READ, user_id=admin.id, expires_in_s=60)
    long = accounts.tokens.create("long", Scope.READ, user_id=admin.id)
    clock.advance(60)
    assert accounts.tokens.find(short.secret) is None
    accounts.tokens.delete(long.id)
    assert accounts.tokens.find(long.secret) is None
    with pytest.raises(NotFoundError):
        accounts.tokens.delete(long.id)


def test_others_tokens_are_out_of_reach(accounts, admin):
    viewer = accounts.users.create("viewer", Role.VIEWER, None)
    made = accounts.tokens.create("boss's", Scope.READ, user_id=admin.id)
    with pytest.raises(NotFoundError):
        accounts.tokens.delete(made.id, user_id=viewer.id)
    assert accounts.tokens.all(user_id=viewer.id) == []
    assert [token.owner for token in accounts.tokens.all()] == ["boss"]


def test_last_use_is_written_late(accounts, clock, admin):
    made = accounts.tokens.create("t", Scope.READ, user_id=admin.id)
    accounts.last_use.note(accounts.tokens.find(made.secret))
    assert accounts.tokens.all()[0].last_used_at_us is None
    accounts.last_use.flush()
    assert accounts.tokens.all()[0].last_used_at_us == clock.now_us()


@pytest.mark.parametrize("name", ["", " ", "x" * 65, "a\nb"])
def test_bad_names(accounts, admin, name):
    with pytest.raises(InvalidInputError, match="printable"):
        accounts.tokens.create(name, Scope.READ, user_id=admin.id)


@pytest.mark.parametrize("seconds", [0, -1, 1e18, float("inf"), float("nan")])
def test_bad_expiry(accounts, admin, seconds):
    with pytest.raises(InvalidInputError, match="cannot expire"):
        accounts.tokens.create("t", Scope.READ, user_id=admin.id, expires_in_s=seconds)
