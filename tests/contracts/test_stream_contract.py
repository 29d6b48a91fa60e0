"""The embedded log keeps the stream's contract."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from madang.core.clock import ManualClock
from madang.stream import LogStore, Stream
from madang.testing.folders import fast_folder
from madang.testing.stream_contract import StreamContract


class TestLogStream(StreamContract):
    @pytest.fixture
    def tmp_path(self) -> Iterator[Path]:
        with fast_folder() as folder:
            yield folder

    segment_size_bytes = 128 * 2**20

    def open_stream(self, root: Path, clock: ManualClock, partitions: int) -> Stream:
        store = LogStore(
            root, clock=clock, segment_size_bytes=self.segment_size_bytes, min_free_bytes=0
        )
        return store.open("orders", partitions=partitions)


class TestLogStreamOfSmallSegments(TestLogStream):
    """Every few batches begin a segment: nothing may depend on where one ends."""

    segment_size_bytes = 2000
