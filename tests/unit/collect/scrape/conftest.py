from __future__ import annotations

import pytest

from page_server import Web


@pytest.fixture
def serve():
    """Makes servers, which end with the test."""
    made: list[Web] = []

    def make(answer, **options) -> Web:
        made.append(Web(answer, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()
