"""Streams, their records and dead letters."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from madang.project import RecordFormat, StreamSpec
from madang.server.models.base import Answer, Asked, ErrorDetail, Instant
from madang.server.models.overview import StreamFlow, TimeFallbacks


class StreamSummary(StreamFlow):
    """A stream in a list."""

    description: str
    """What the records are; empty: nobody wrote it."""
    owner: str
    """Who answers questions about it; empty: nobody is named."""
    partitions: int
    """Number of partitions."""
    format: RecordFormat
    """How its records are read."""
    time_zone: str
    """Zone of event times that carry none."""
    editable: bool
    """Whether the project defines it; Madang's own streams cannot be changed."""


class StreamsAnswer(Answer):
    """All streams."""

    streams: list[StreamSummary]
    """Every stream, by name."""


class NamedType(Answer):
    """A column."""

    name: str
    """The column's name."""
    type: str
    """Its Arrow type."""


class PartitionBounds(Answer):
    """Where a partition stands."""

    partition: int
    """The partition, counted from 0."""
    earliest: int
    """Offset of the oldest record that is kept."""
    end: int
    """Offset that the next record will get."""
    size_bytes: int
    """What the partition takes on disk."""
    delivered: int | None
    """Offset up to which records are in the table; null: the stream fills none."""


class GroupRow(Answer):
    """A consumer group."""

    name: str
    """The name; ``lake`` is delivery into the table."""
    offsets: dict[str, int]
    """For each partition, the offset that the group reads next."""
    lag: int
    """Records that the group has not read yet."""


class StreamAnswer(StreamSummary):
    """A stream in full."""

    spec: StreamSpec
    """The stream's settings, defaults included."""
    yaml: str
    """Text of the stream's file; empty for Madang's own."""
    file: str
    """The stream's file, within the project directory; empty for Madang's own."""
    columns: list[NamedType] = Field(alias="schema")
    """Columns of a record as it lies in the stream, before it is decoded."""
    partition_bounds: list[PartitionBounds]
    """Where each partition stands."""
    groups: list[GroupRow]
    """The consumer groups that read it."""
    time_fallbacks: TimeFallbacks
    """Rows without a usable event time: the arrival stands in."""


class PutStreamAnswer(Answer):
    """A stream that was written and opened."""

    name: str
    """The name of the stream."""
    file: str
    """Its file, within the project directory."""
    yaml: str
    """The file's text, with what was there before and was not changed."""
    table: str | None
    """The table that it fills; null: none."""
    broken_elsewhere: list[ErrorDetail]
    """Errors of other files of the project, which keep their last good state."""


class RecordRow(Answer):
    """A record as it lies in the stream."""

    partition: int
    """The partition, counted from 0."""
    offset: int
    """Its number within the partition."""
    ts: Instant
    """When the record arrived."""
    key: str | None
    """What decided its partition; null: it has none."""
    value: str
    """The bytes as received; in a typed stream, the row as JSON. Cut at 64 KiB."""
    encoding: Literal["utf8", "base64"]
    """``utf8``: ``value`` is the text itself; ``base64``: the bytes are no UTF-8."""
    size_bytes: int
    """The value's size before it was cut."""
    attributes: dict[str, str]
    """Of its batch and of itself, such as ``source`` and ``path``."""


class RecordsAnswer(Answer):
    """Records."""

    records: list[RecordRow]
    """The records; without ``partition`` merged by arrival, oldest first."""
    next: dict[str, int]
    """For each partition, the ``offset`` to ask for next."""


class DeadLetterRow(Answer):
    """A record that could not become a row."""

    offset: int
    """Its number among the dead letters of the stream; replay counts by it."""
    ts: Instant
    """When the record arrived in its stream."""
    stream: str
    """The stream that the record is from."""
    partition: int
    """The partition where the record lies there."""
    source_offset: int
    """The offset where the record lies there."""
    code: str
    """Stable name of the reason, such as ``invalid_json``; docs/reference/decoding.md has all."""
    reason: str
    """Why it became no row, with the values."""
    replayed: bool
    """Whether it was put into the stream again."""
    value: str
    """The bytes as received. Cut at 64 KiB."""
    encoding: Literal["utf8", "base64"]
    """``utf8``: ``value`` is the text itself; ``base64``: the bytes are no UTF-8."""
    size_bytes: int
    """The value's size before it was cut."""
    attributes: dict[str, str]
    """Attributes of the record, such as ``source`` and ``path``."""


class DeadLettersAnswer(Answer):
    """Dead letters."""

    total: int
    """Dead letters that are kept, replayed ones too."""
    replayed_to: int
    """Those with a smaller ``offset`` were replayed."""
    letters: list[DeadLetterRow]
    """The dead letters, newest first."""


class ReasonRow(Answer):
    """Dead letters of one reason."""

    code: str
    """Stable name of the reason."""
    reason: str
    """The reason of the newest of them, with its values."""
    count: int
    """How many dead letters that are kept have it, replayed ones too."""
    waiting: int
    """How many of them were not replayed."""
    last_at: Instant
    """When the record of the newest of them had arrived."""


class ReasonsAnswer(Answer):
    """Why records died."""

    reasons: list[ReasonRow]
    """One row for each code, most frequent first."""
    complete: bool
    """Whether every dead letter was counted; of more than 64 MiB only the newest are."""


class AdoptAnswer(Answer):
    """Where a table goes on after its stream was replaced."""

    table: str
    """The table that the stream fills; it keeps its rows."""
    starts: dict[str, int]
    """Partition → the offset from which on records are delivered."""
    records: int
    """How many wait there now."""


class ReplayRequest(Asked):
    """Which dead letters to append again; by default, those that were not yet."""

    from_offset: int | None = None
    """Offset of the first dead letter to replay; null: the first that was not replayed."""
    to_offset: int | None = None
    """Offset behind the last one; null: up to the newest."""
    code: str | None = None
    """Replay only dead letters of this code; null: all."""


class ReplayAnswer(Answer):
    """What was appended again."""

    replayed: int
    """How many records were appended again."""
    from_offset: int
    """Offset of the first dead letter that was looked at."""
    to_offset: int
    """Offset behind the last dead letter that was looked at."""
