"""Samples of one poll, gathered and turned into a record batch."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

HOST_SCHEMA = pa.schema(
    [
        pa.field("ts", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("labels", pa.map_(pa.string(), pa.string())),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("host", pa.string()),
    ]
)
"""Schema of the stream of a host source: a row a sample, ``ts`` the same for all of a poll."""


class Samples:
    """What a poll found, in order."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._values: list[float] = []
        self._labels: list[dict[str, str]] = []

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[tuple[str, float, dict[str, str]]]:
        """Name, value and further labels of each."""
        return zip(self._names, self._values, self._labels, strict=True)

    def add(self, name: str, value: float, /, **labels: str) -> None:
        """Add a sample. Units are those of the name."""
        self._names.append(name)
        self._values.append(value)
        self._labels.append(labels)

    def find(self, name: str, /, **labels: str) -> list[float]:
        """The values of a name whose labels include ``labels``."""
        return [
            value
            for found, value, has in zip(self._names, self._values, self._labels, strict=True)
            if found == name and labels.items() <= has.items()
        ]

    def names(self) -> set[str]:
        """The names that occur."""
        return set(self._names)

    def batch(self, ts_us: int, host: str) -> pa.RecordBatch:
        """A batch of ``HOST_SCHEMA``: all samples at ``ts_us`` of ``host``."""
        count = len(self)
        offsets = np.zeros(count + 1, np.int32)
        np.cumsum([len(labels) for labels in self._labels], out=offsets[1:])
        # Metric names and most label values repeat at every poll and column: Arrow takes lists.
        keys = pa.array(itertools.chain.from_iterable(self._labels), pa.string())
        items = pa.array(
            itertools.chain.from_iterable(labels.values() for labels in self._labels), pa.string()
        )
        labels = pa.MapArray.from_arrays(pa.array(offsets), keys, items)
        stamps = np.full(count, ts_us, np.int64)
        return pa.RecordBatch.from_arrays(
            [
                pa.array(stamps).cast(HOST_SCHEMA.field("ts").type),
                pa.array(self._names, pa.string()),
                labels,
                pa.array(self._values, pa.float64()),
                pa.repeat(pa.scalar(host, pa.string()), count),
            ],
            schema=HOST_SCHEMA,
        )
