from __future__ import annotations

import pytest

from pushing import pushing


@pytest.fixture
def gate(tmp_path):
    """A gateway in an empty folder."""
    with pushing(tmp_path) as made:
        yield made
