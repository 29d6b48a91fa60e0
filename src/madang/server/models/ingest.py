"""The acknowledgement of an ingested body."""

from __future__ import annotations

from madang.server.models.base import Answer


class PartitionRange(Answer):
    """The offsets that records got."""

    partition: int
    """From 0."""
    first_offset: int
    """Of the first record."""
    last_offset: int
    """Of the last record."""


class IngestAnswer(Answer):
    """Everything in the body is on disk."""

    stream: str
    """Where it went."""
    records: int
    """How many records."""
    duplicate: bool
    """The Idempotency-Key was seen before: nothing was appended, the offsets are the first ones."""
    partitions: list[PartitionRange]
    """Where the records lie."""
