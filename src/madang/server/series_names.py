"""Names and labels of the series that stand in ``metrics.samples`` by number, for people's eyes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from madang.core.clock import Clock, SystemClock
from madang.core.errors import MadangError
from madang.core.names import SAMPLES
from madang.core.samples import METRIC_NAME, labels_of
from madang.lake import Lake
from madang.lake.lineage import offsets_of
from madang.metrics.head.intake import SampleColumns
from madang.metrics.tables.known_series import TableSeries
from madang.stream import LogStream

_MOST_KNOWN_BYTES = 32 * 2**20
_ENTRY_BYTES = 200
_AGAIN_S = 5.0
_READ_BYTES = 4 * 2**20
_READS = 8
"""So much is read at a time to find labels that no table has yet."""


class SeriesNames:
    """Knows series by what was read of the stream, from ``metrics.series``, or not. Thread-safe.

    Labels stand beside the first sample that a sender brings and every ten minutes; what was said
    before the table's offsets is in the table, and what was said since is looked for in the stream,
    some 30 MB at a time.

    Args:
        lake: Where the tables are.
        stream: Opens the stream of samples.
        clock: Injected time.
    """

    def __init__(
        self, lake: Lake, stream: Callable[[], LogStream], clock: Clock | None = None
    ) -> None:
        self._lake = lake
        self._stream = stream
        self._clock = clock or SystemClock()
        self._tables = TableSeries(lake)
        self._known: dict[int, bytes] = {}
        self._known_bytes = 0
        self._read: dict[int, int] = {}
        self._sought: set[int] = set()
        self._sought_at_s = self._clock.monotonic_s()
        self._lock = threading.Lock()

    def of(self, batch: pa.RecordBatch) -> list[dict[str, Any]]:
        """``name`` and ``labels`` of each sample of a batch; null where nobody knows them yet."""
        columns = SampleColumns.of(batch)
        with self._lock:
            if self._known_bytes > _MOST_KNOWN_BYTES:
                self._known.clear()
                self._known_bytes = 0
            self._learn(columns)
            missing = set(columns.ids.tolist()) - self._known.keys() - self._sought_lately()
            if missing:
                self._seek(sorted(missing))
            found = {number: self._known.get(number) for number in set(columns.ids.tolist())}
        shown = {number: _shown(labels) for number, labels in found.items()}
        return [shown[number] for number in columns.ids.tolist()]

    def _learn(self, columns: SampleColumns) -> None:
        ids = columns.ids[columns.announced].tolist()
        self._keep(dict(zip(ids, columns.labels, strict=True)))

    def _keep(self, found: Mapping[int, bytes]) -> None:
        for number, labels in found.items():
            if number not in self._known:
                self._known_bytes += len(labels) + _ENTRY_BYTES
            self._known[number] = labels

    def _sought_lately(self) -> set[int]:
        now_s = self._clock.monotonic_s()
        if now_s - self._sought_at_s >= _AGAIN_S:
            self._sought_at_s = now_s
            self._sought.clear()
        return self._sought

    def _seek(self, missing: Sequence[int]) -> None:
        self._sought.update(missing)
        try:
            self._keep(self._tables.labels_of(np.array(missing, np.int64)))
            left = set(missing) - self._known.keys()
            if left:
                self._look_back(self._stream(), left)
        except (MadangError, OSError):
            # Records are shown without names, rather than not at all.
            return

    def _look_back(self, stream: LogStream, left: set[int]) -> None:
        reached: Mapping[int, int] = {}
        if self._lake.exists(SAMPLES):
            reached = offsets_of(stream, self._lake.table(SAMPLES).offsets())
        reads = _READS
        for partition in range(stream.partitions):
            offset = max(reached.get(partition, 0), self._read.get(partition, 0))
            while reads and left:
                chunks = stream.read(partition, offset, max_bytes=_READ_BYTES)
                if not chunks:
                    break
                reads -= 1
                for chunk in chunks:
                    columns = SampleColumns.of(chunk.batch)
                    self._learn(columns)
                    left -= set(columns.ids[columns.announced].tolist())
                offset = chunks[-1].end_offset
            self._read[partition] = offset


def _shown(labels: bytes | None) -> dict[str, Any]:
    if labels is None:
        return {"name": None, "labels": None}
    try:
        pairs = labels_of(labels)
    except ValueError:  # what a broken sender announced
        return {"name": None, "labels": None}
    name = pairs.pop(METRIC_NAME, "")
    return {"name": name, "labels": pairs}
