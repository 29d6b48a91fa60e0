"""How everything flows."""

from __future__ import annotations

from typing import Literal

from madang.server.models.base import Answer, ErrorDetail, Instant


class ProblemRow(Answer):
    """Something that a person should do something about."""

    code: str
    """Stable name; docs/operations.md says what to do about each."""
    severity: Literal["notice", "warning", "error"]
    """``error``: something does not work; ``warning``: it works, but not fully or not for long."""
    message: str
    """What is wrong, with the values."""
    hint: str | None = None
    """What to do about it."""


class DiskRow(Answer):
    """The disk of the data directory."""

    total_bytes: int
    """Size of the file system that holds the data directory."""
    free_bytes: int
    """Free for Madang."""
    min_free_bytes: int
    """With less free than this (``storage.min_free``), producers are refused."""


class RoleRow(Answer):
    """A process of the platform."""

    name: str
    """``serve``, ``collect``, ``deliver`` or ``query-<n>``."""
    pid: int | None
    """Number of the process; null: it does not run now."""
    state: str
    """``starting``, ``running``, ``stopping``, ``stopped`` or ``dead`` (it is started
    again)."""
    started_at: Instant | None
    """When it was started last."""
    restarts: int
    """How often it was started again since ``madang up``."""
    memory_bytes: int
    """Resident memory (RSS); pages shared between roles count in each."""


class StreamFlow(Answer):
    """How a stream flows."""

    name: str
    """The name of the stream."""
    records_per_s: float
    """Records appended a second, mean of the last 10 s."""
    bytes_per_s: float
    """Bytes appended a second as they lie on disk, mean of the last 10 s."""
    records_total: int
    """Records ever appended; those that retention removed count too."""
    lag_records: int
    """Records that are acknowledged and not in the table yet; SQL sees them already."""
    freshness_s: float | None
    """Age of the oldest record that is not in the table yet; 0: all are; null: no table, or no
    record ever."""
    dead_letters: int
    """Records that could not become rows and were not replayed yet."""
    size_bytes: int
    """What the stream takes on disk now."""
    last_append_at: Instant | None
    """When records were acknowledged last; null: never."""
    table: str | None
    """The table that it fills; null: none (``deliver: false``)."""
    history: list[float]
    """Records a second, one value per 2 s, oldest first, at most 60."""


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
    """Rows that are committed."""
    size_bytes: int
    """Size of its data files."""
    files: int
    """Number of its data files."""
    last_commit_at: Instant | None
    """When its newest snapshot was made; null: there is none."""


class StatusProject(Answer):
    """The project directory."""

    directory: str
    """The project directory's path."""
    version: str
    """Digest of the state that is in force."""
    loaded_at: Instant | None
    """When that state was published."""
    errors: list[ErrorDetail]
    """What is wrong with the files as they stand now; empty when they are in force."""


class Health(Answer):
    """The judgement."""

    health: Literal["ok", "degraded", "down"]
    """``ok``; ``degraded``: there are problems; ``down``: nothing is accepted."""
    problems: list[ProblemRow]
    """What is wrong now; empty when all is well."""
    disk: DiskRow
    """Space on the disk of the data directory."""
    roles: list[RoleRow]
    """The processes of the platform."""


class StatusAnswer(Health):
    """Health and the project."""

    project: StatusProject
    """The project that is in force, and what is wrong with its files."""
    time_fallbacks: list[StreamTimeFallbacks]
    """Streams with records that have no usable event time, by name."""


class OverviewAnswer(Health):
    """Everything that the first page shows."""

    at: Instant
    """When all of this was looked at."""
    streams: list[StreamFlow]
    """Every stream, by name."""
    tables: list[TableFlow]
    """Every table, by name."""
