"""Streams, their records and dead letters."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from madang.project import RecordFormat, StreamSpec
from madang.server.models.base import Answer, Asked, Instant
from madang.server.models.overview import StreamFlow, TimeFallbacks


class StreamSummary(StreamFlow):
    """A stream in a list."""

    description: str
    """What the records are."""
    owner: str
    """Who answers questions about it."""
    partitions: int
    """How many."""
    format: RecordFormat
    """How its records are read."""
    time_zone: str
    """Zone of times that carry none."""
    editable: bool
    """Whether it is the project's; Madang's own are not."""


class StreamsAnswer(Answer):
    """All streams."""

    streams: list[StreamSummary]
    """By name."""


class NamedType(Answer):
    """A column."""

    name: str
    """Its name."""
    type: str
    """Its type."""


class PartitionBounds(Answer):
    """Where a partition stands."""

    partition: int
    """From 0."""
    earliest: int
    """First readable offset."""
    end: int
    """Behind the last one."""
    size_bytes: int
    """On disk."""
    delivered: int | None
    """The next offset that is not in the table; null: no table."""


class GroupRow(Answer):
    """A consumer group."""

    name: str
    """``lake`` is delivery."""
    offsets: dict[str, int]
    """Partition → next offset."""
    lag: int
    """Records behind them."""


class StreamAnswer(StreamSummary):
    """A stream in full."""

    spec: StreamSpec
    """What its file says, with defaults."""
    yaml: str
    """The file's text; empty for Madang's own."""
    file: str
    """The file, within the project directory; empty for Madang's own."""
    columns: list[NamedType] = Field(alias="schema")
    """Columns of its records in the log."""
    partition_bounds: list[PartitionBounds]
    """One per partition."""
    groups: list[GroupRow]
    """Who reads it."""
    time_fallbacks: TimeFallbacks
    """Rows without a usable event time: the arrival stands in."""


class PutStreamAnswer(Answer):
    """A stream that was written and opened."""

    name: str
    """The stream."""
    file: str
    """Its file, within the project directory."""
    yaml: str
    """Its text."""
    table: str | None
    """The table that it fills."""


class RecordRow(Answer):
    """A record as it lies in the stream."""

    partition: int
    """From 0."""
    offset: int
    """In the partition."""
    ts: Instant
    """When it arrived."""
    key: str | None
    """Its partition key."""
    value: str
    """As received; in a typed stream, the row as JSON. Cut at 64 KiB."""
    encoding: Literal["utf8", "base64"]
    """How ``value`` is written."""
    size_bytes: int
    """The whole value's size."""
    attributes: dict[str, str]
    """Of its batch and of itself, such as ``source`` and ``path``."""


class RecordsAnswer(Answer):
    """Records."""

    records: list[RecordRow]
    """In order of arrival."""
    next: dict[str, int]
    """Partition → the offset to go on from."""


class DeadLetterRow(Answer):
    """A record that could not become a row."""

    offset: int
    """Among the dead letters."""
    ts: Instant
    """When the record arrived."""
    stream: str
    """Where it came from."""
    partition: int
    """Where it lies there."""
    source_offset: int
    """Where it lies there."""
    code: str
    """Stable name of the reason."""
    reason: str
    """Why, with the values."""
    replayed: bool
    """Whether it was put into the stream again."""
    value: str
    """As received. Cut at 64 KiB."""
    encoding: Literal["utf8", "base64"]
    """How ``value`` is written."""
    size_bytes: int
    """The whole value's size."""
    attributes: dict[str, str]
    """Of the record."""


class DeadLettersAnswer(Answer):
    """Dead letters."""

    total: int
    """How many there are."""
    replayed_to: int
    """Those before this offset were replayed."""
    letters: list[DeadLetterRow]
    """Newest first."""


class ReasonRow(Answer):
    """Dead letters of one reason."""

    code: str
    """Stable name."""
    reason: str
    """The latest one's reason, with its values."""
    count: int
    """How many are kept."""
    waiting: int
    """How many of them were not replayed."""
    last_at: Instant
    """When the latest arrived."""


class ReasonsAnswer(Answer):
    """Why records died."""

    reasons: list[ReasonRow]
    """Most frequent first."""
    complete: bool
    """Whether all were counted; of very many, only the newest are."""


class ReplayRequest(Asked):
    """Which dead letters to append again; by default, those that were not yet."""

    from_offset: int | None = None
    """The first one."""
    to_offset: int | None = None
    """Behind the last one."""
    code: str | None = None
    """Only those with this code."""


class ReplayAnswer(Answer):
    """What was appended again."""

    replayed: int
    """How many."""
    from_offset: int
    """The first one that was looked at."""
    to_offset: int
    """Behind the last one."""
