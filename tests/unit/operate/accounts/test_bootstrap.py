from __future__ import annotations

import stat

import pytest

from madang.core.errors import InvalidInputError
from madang.operate.accounts import Permission, Role, bootstrap, local_token


def test_first_start_makes_the_admin_and_takes_the_token(accounts):
    found = bootstrap(accounts, "s3cret")
    assert found.first
    assert found.token_taken
    assert accounts.tokens.find("s3cret").may(Permission.ADMIN)
    assert [(user.name, user.role) for user in accounts.users.all()] == [("admin", Role.ADMIN)]


def test_later_starts_change_nothing(accounts):
    bootstrap(accounts, "first")
    found = bootstrap(accounts, "second")
    assert not found.first
    assert accounts.tokens.find("second") is None


@pytest.mark.parametrize("token", ["has space", "한글", "tab\t"])
def test_a_token_that_no_header_can_carry(accounts, token):
    with pytest.raises(InvalidInputError, match="printable ASCII"):
        bootstrap(accounts, token)


def test_local_token_is_kept_while_it_holds(accounts, tmp_path):
    bootstrap(accounts, None)
    path = local_token(accounts, tmp_path / "run")
    first = path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert local_token(accounts, tmp_path / "run").read_text() == first
    assert accounts.tokens.find(first.strip()).may(Permission.ADMIN)


def test_local_token_is_made_anew_when_lost(accounts, tmp_path):
    bootstrap(accounts, None)
    path = local_token(accounts, tmp_path / "run")
    first = path.read_text().strip()
    path.unlink()
    second = local_token(accounts, tmp_path / "run").read_text().strip()
    assert accounts.tokens.find(first) is None
    assert accounts.tokens.find(second) is not None
