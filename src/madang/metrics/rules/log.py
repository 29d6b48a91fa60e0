"""Where results go: the stream of samples, each evaluation once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import pyarrow as pa

from madang.core.samples import SAMPLES_SCHEMA
from madang.stream import Appended, Origin, Stream

_ATTRIBUTES = {"source": "rules"}


@dataclass(slots=True)
class Rows:
    """Samples of one time: numbers of series, values, and labels of those that are announced."""

    series: list[int]
    values: list[float]
    labels: list[bytes | None]


class RuleLog:
    """Appends results, and says how far groups have come.

    Args:
        stream: ``metrics.samples``.
        taken: By partition, up to which offset the head has taken the stream.
        timeout_s: How long an append may take.
    """

    def __init__(
        self, stream: Stream, taken: Callable[[], Mapping[int, int]], *, timeout_s: float = 30.0
    ) -> None:
        self._stream = stream
        self._taken = taken
        self._timeout_s = timeout_s

    def write(self, producer: str, sequence: int, at_ms: int, rows: Rows) -> Appended:
        """Append the results of an evaluation; a sequence that was appended is not appended again.

        Raises:
            MadangError: the stream takes nothing now.
            TimeoutError: it did not answer; whether it took the results is not known.
        """
        count = len(rows.series)
        batch = pa.RecordBatch.from_arrays(
            [
                pa.array(np.full(count, at_ms, "datetime64[ms]"), SAMPLES_SCHEMA.field("ts").type),
                pa.array(rows.series, pa.int64()),
                pa.array(np.array(rows.values, np.float64), pa.float64(), from_pandas=False),
                pa.nulls(count, pa.binary()),
                pa.array(rows.labels, pa.binary()),
            ],
            schema=SAMPLES_SCHEMA,
        )
        future = self._stream.submit(
            batch,
            partition=self._partition(producer),
            origin=Origin(producer, sequence),
            attributes=_ATTRIBUTES,
        )
        return future.result(self._timeout_s)

    def last_sequence(self, producer: str) -> int | None:
        """The last evaluation of a group that gave something, or None."""
        return self._stream.last_sequence(self._partition(producer), producer)

    def ends(self) -> dict[int, int]:
        """By partition, where the stream ends now."""
        return {
            number: self._stream.bounds(number).end for number in range(self._stream.partitions)
        }

    def taken(self) -> dict[int, int]:
        """By partition, up to which offset the head has taken the stream."""
        return dict(self._taken())

    def _partition(self, producer: str) -> int:
        return crc32(producer.encode()) % self._stream.partitions
