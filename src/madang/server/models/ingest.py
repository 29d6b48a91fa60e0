"""The acknowledgement of an ingested body."""

from __future__ import annotations

from madang.server.models.base import Answer


class PartitionRange(Answer):
    """The offsets that records got."""

    partition: int
    """The partition, counted from 0."""
    first_offset: int
    """Offset of the first of these records."""
    last_offset: int
    """Offset of the last of these records."""


class IngestAnswer(Answer):
    """Everything in the body is on disk."""

    stream: str
    """The stream that holds the records."""
    records: int
    """How many records the body held."""
    duplicate: bool
    """The Idempotency-Key was seen before: nothing was appended, the offsets are the first ones."""
    partitions: list[PartitionRange]
    """Which offsets the records got; a body without keys goes into one partition."""
