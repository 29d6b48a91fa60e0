from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from madang.core.clock import ManualClock
from madang.stream import LogStore
from madang.testing.folders import fast_folder

OpenStore = Callable[..., LogStore]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    with fast_folder() as folder:
        yield folder


@pytest.fixture
def open_store(tmp_path: Path, clock: ManualClock) -> Iterator[OpenStore]:
    """Opens stores on one folder, each as another process would; closes them in the end."""
    opened: list[LogStore] = []

    def open_(**settings: int) -> LogStore:
        store = LogStore(tmp_path / "streams", clock=clock, **{"min_free_bytes": 0, **settings})
        opened.append(store)
        return store

    yield open_
    for store in opened:
        store.close()
