from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from madang.core.clock import ManualClock
from madang.operate.accounts import open_accounts


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def accounts(tmp_path, clock):
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    opened = open_accounts(tmp_path / "madang.db", clock=clock, session_age_s=86_400, hasher=weak)
    yield opened
    opened.close()
