"""How everything flows."""

from __future__ import annotations

from typing import Literal

from madang.server.models.base import Answer, ErrorDetail, Instant


class ProblemRow(Answer):
    """Something that a person should do something about."""

    code: str
    """Stable name."""
    severity: Literal["warning", "error"]
    """``error``: something does not work."""
    message: str
    """What, with the values."""
    hint: str | None = None
    """What to do."""


class DiskRow(Answer):
    """The disk of the data directory."""

    total_bytes: int
    """Its size."""
    free_bytes: int
    """What is free."""
    min_free_bytes: int
    """With less than this, producers are refused."""


class RoleRow(Answer):
    """A process of the platform."""

    name: str
    """The role."""
    pid: int | None
    """The process, if it runs."""
    state: str
    """``starting``, ``ready``, ``dead``, …"""
    started_at: Instant | None
    """When it was started last."""
    restarts: int
    """How often it was restarted."""
    memory_bytes: int
    """What it holds alone and shared (RSS)."""


class StreamFlow(Answer):
    """How a stream flows."""

    name: str
    """The stream."""
    records_per_s: float
    """Appended lately."""
    bytes_per_s: float
    """Appended lately, as they lie on disk."""
    records_total: int
    """Ever appended."""
    lag_records: int
    """Not in the table yet."""
    freshness_s: float | None
    """Age of the oldest record that is not in the table yet; 0: all are; null: no table, or no
    record ever."""
    dead_letters: int
    """Records that could not become rows."""
    size_bytes: int
    """On disk."""
    last_append_at: Instant | None
    """The last acknowledgement."""
    table: str | None
    """The table that it fills."""
    history: list[float]
    """Records per second, one value per 2 s, oldest first, at most 60."""


class TimeFallbackRow(Answer):
    """Records whose arrival stands in for their event time, for one reason."""

    reason: Literal["missing", "unreadable", "out_of_range"]
    """``missing``: no such field. ``out_of_range``: not in the years 1970 to 2199."""
    count: int
    """How many rows."""
    example: str | None
    """What one of them says; null where they say nothing. Cut at 100 characters."""


class TimeFallbacks(Answer):
    """Records of a stream whose arrival stands in for their event time."""

    count: int
    """How many rows."""
    last_at: Instant | None
    """When the last one reached the table."""
    reasons: list[TimeFallbackRow]
    """Most frequent first."""


class StreamTimeFallbacks(TimeFallbacks):
    """Those of one stream."""

    stream: str
    """Its name."""


class TableFlow(Answer):
    """A table's size."""

    name: str
    """``<namespace>.<table>``."""
    rows: int
    """Committed."""
    size_bytes: int
    """Of its data files."""
    files: int
    """Data files."""
    last_commit_at: Instant | None
    """The last snapshot."""


class StatusProject(Answer):
    """The project directory."""

    directory: str
    """Its path."""
    version: str
    """Digest of the state that is in force."""
    loaded_at: Instant | None
    """When that state was published."""
    errors: list[ErrorDetail]
    """What is wrong with the files as they stand now; empty when they are in force."""


class Health(Answer):
    """The judgement."""

    health: Literal["ok", "degraded", "down"]
    """``down``: nothing is accepted."""
    problems: list[ProblemRow]
    """What is wrong."""
    disk: DiskRow
    """The data directory's."""
    roles: list[RoleRow]
    """The processes."""


class StatusAnswer(Health):
    """Health and the project."""

    project: StatusProject
    """What is in force."""
    time_fallbacks: list[StreamTimeFallbacks]
    """Streams with records that have no usable event time, by name."""


class OverviewAnswer(Health):
    """Everything that the first page shows."""

    at: Instant
    """When it was looked at."""
    streams: list[StreamFlow]
    """By name."""
    tables: list[TableFlow]
    """By name."""
