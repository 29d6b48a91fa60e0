"""The stream port: what a durable partitioned log of Arrow batches promises.

One contract suite, ``madang.testing.stream_contract``, runs against every implementation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa

RECORD_SCHEMA = pa.schema(
    [
        pa.field("ts", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("key", pa.binary()),
        pa.field("headers", pa.map_(pa.string(), pa.string())),
        pa.field("value", pa.binary(), nullable=False),
    ]
)
"""Schema of a raw stream: arrival time, partition key, per-record headers, bytes as received."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Who sent a batch and how far it has come: makes appending idempotent.

    A partition keeps the last sequence of each producer, in the log itself. A batch whose sequence
    is not above it was appended already and is acknowledged with its first offsets instead.

    An HTTP ``Idempotency-Key`` is the producer ``key:<key>``; its sequence is a fingerprint of the
    body (or 1, where nobody took one), because a key stands for one body: another one is refused.
    It is forgotten after the idempotency window. A followed file is the producer
    ``file:<identity>`` whose sequence is the byte offset behind the batch: its checkpoint. Such
    named producers are not forgotten.
    """

    producer: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Appended:
    """The acknowledgement of one batch.

    ``base_offset`` is the first record's offset; ``count`` records follow one another.
    ``duplicate``: the batch had been appended before, nothing was written.
    """

    partition: int
    base_offset: int
    count: int
    appended_at_us: int
    duplicate: bool = False

    @property
    def end_offset(self) -> int:
        """The offset behind the last record."""
        return self.base_offset + self.count


@dataclass(frozen=True, slots=True)
class Chunk:
    """One appended batch, as read.

    ``attributes`` hold for every record of the batch: ``format`` (a ``RecordFormat`` that overrides
    the stream's), ``source`` (``http``, ``files``, …), ``path`` (of a followed file), ``header``
    (of a CSV body), ``reading`` (how the stream said then that its records are read), ``host``.
    Records have the offsets ``base_offset + i``.
    """

    partition: int
    base_offset: int
    batch: pa.RecordBatch
    appended_at_us: int
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def end_offset(self) -> int:
        """The offset behind the last record."""
        return self.base_offset + int(self.batch.num_rows)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Readable offsets of a partition: ``earliest`` inclusive, ``end`` exclusive.

    ``size_bytes`` is what the partition takes on disk.
    """

    earliest: int
    end: int
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class LogIdentity:
    """Which log a stream's offsets count in; it survives restarts, not the removal of its records.

    ``follows``: the identity of a log that it took the place of (empty where that one had none) →
    partition → the first offset that was not in that one; a partition that is absent begins at 0.
    """

    id: str
    follows: Mapping[str, Mapping[int, int]] = field(default_factory=dict)


class Stream(Protocol):
    """A durable, partitioned, ordered log of Arrow record batches.

    Ordering: within a partition, offsets follow the order of acknowledgement. Thread-safe, and safe
    among processes that open the same stream. Times are microseconds UTC.
    """

    name: str
    schema: pa.Schema
    partitions: int

    @property
    def identity(self) -> LogIdentity:
        """Which log this is; cheap enough to be asked for every read."""
        ...

    def submit(
        self,
        batch: pa.RecordBatch,
        *,
        partition: int = 0,
        origin: Origin | None = None,
        attributes: Mapping[str, str] | None = None,
    ) -> Future[Appended]:
        """Append ``batch``; the future ends when it is on disk (fsync) and readable.

        Concurrent callers share an fsync. Idempotent by ``origin``.

        Raises (from the future): StorageFullError over the watermark or on a full disk (nothing of
        the batch was kept), InvalidInputError for another schema, ConflictError for an idempotency
        key that was used for another body, UnavailableError when closed.
        """
        ...

    def read(self, partition: int, offset: int, *, max_bytes: int = 8 * 2**20) -> Sequence[Chunk]:
        """Durable chunks from ``offset`` on, at least one if there is any, in order, no copy.

        The first chunk is cut so that it begins at ``offset``. Empty at the end. Quarantined frames
        leave a gap between ``end_offset`` and the next ``base_offset``; an offset below
        ``earliest`` begins at ``earliest``.
        """
        ...

    def evict(self, partition: int, offset: int) -> None:
        """A hint: what lies below ``offset``, where a read ended, is not read again soon.

        The caller has let go of the chunks. May do nothing.
        """
        ...

    def bounds(self, partition: int) -> Bounds:
        """Readable offsets; cheap enough to be asked every second."""
        ...

    def offset_at(self, partition: int, time_us: int) -> int:
        """The offset of the first batch that was appended at or after ``time_us``, or the end."""
        ...

    def last_sequence(self, partition: int, producer: str) -> int | None:
        """The highest sequence appended by ``producer``, or None: where it goes on."""
        ...

    def commit(self, group: str, offsets: Mapping[int, int]) -> None:
        """Remember the next offset per partition for a consumer group; atomic, durable."""
        ...

    def committed(self, group: str) -> Mapping[int, int]:
        """The offsets that the group committed; partitions without one are absent."""
        ...

    def close(self) -> None:
        """Finish what was submitted, then release files. Later submits fail."""
        ...
