import importlib.util
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location(
    "collect_follow", Path(__file__).parent / "follow.py"
)
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)


@pytest.fixture
def follow(tmp_path):
    made = []

    def make(**options):
        made.append(_module.Follow(tmp_path, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()
