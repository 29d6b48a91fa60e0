"""``streams/<name>.yml``: a stream, how its records are read, and the table that it fills."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from madang.project.types import DurationS, Name, SizeBytes, Spec, TimeZone


class RecordFormat(StrEnum):
    """How the raw bytes of a record are read into columns."""

    JSON = "json"
    LOGFMT = "logfmt"
    CSV = "csv"
    REGEX = "regex"
    COMBINED = "combined"
    SYSLOG = "syslog"
    PLAIN = "plain"
    TYPED = "typed"


class ColumnType(StrEnum):
    """Types of a declared column, as Iceberg names them."""

    BOOLEAN = "boolean"
    LONG = "long"
    DOUBLE = "double"
    STRING = "string"
    TIMESTAMP = "timestamp"
    DATE = "date"
    JSON = "json"


class TimeFault(StrEnum):
    """What becomes of a record without a usable event time."""

    ARRIVAL = "arrival"
    DEAD_LETTER = "dead_letter"


class TimeSpec(Spec):
    """Where the event time of a record stands; without it, the arrival time counts."""

    field: str
    """The column that holds the time, such as ``ts``; a dotted path reaches into objects."""
    format: str = "auto"
    """``auto``, ``iso8601``, ``epoch_s``, ``epoch_ms``, ``epoch_us``, ``epoch_ns``, or a strptime
    pattern such as ``%d/%b/%Y:%H:%M:%S %z``. A leap second is the next second: ``23:59:60`` is
    ``00:00:00``."""
    zone: TimeZone | None = None
    """IANA zone of times that carry none; default: the project's zone."""
    on_error: TimeFault = TimeFault.ARRIVAL
    """A record whose time is missing, cannot be read or lies outside the years 1970 to 2199:
    ``arrival`` keeps the row, with the arrival as its time, and counts it; ``dead_letter`` makes
    it a dead letter, to be replayed."""


class RetentionSpec(Spec):
    """How long the stream keeps records; what is not delivered yet stays in any case."""

    age: DurationS = 7 * 86_400.0
    """Records older than this go."""
    size: SizeBytes = 10 * 2**30
    """The oldest segments of a partition go when it is larger than this."""


class ContractSpec(Spec):
    """A strict contract: records that break it become dead letters."""

    json_schema: dict[str, Any] | str = Field(alias="schema")
    """A JSON Schema, or the path of a file (JSON or YAML) in the project that holds one. In a
    loaded project it is always the schema itself."""


class DeliverSpec(Spec):
    """The table that the stream fills."""

    table: str | None = None
    """``<namespace>.<table>``; default: ``lake.<stream>``. Another table is filled from the oldest
    record that the stream has, one that was filled before from where it stood; the table before
    keeps its rows."""
    buffer_size: SizeBytes = 64 * 2**20
    """Commit when this much raw input is waiting, or when ``buffer_time`` is over."""
    buffer_time: DurationS = 10.0
    """The longest that an acknowledged record waits for its commit."""
    sort_by: tuple[str, ...] = ()
    """Columns that rows are sorted by within a file; default: ``_time``."""


def _deliver_form(value: object) -> str:
    return "switch" if isinstance(value, bool) else "settings"


Deliver = Annotated[
    Annotated[DeliverSpec, Tag("settings")] | Annotated[bool, Tag("switch")],
    Discriminator(_deliver_form),
]
"""Settings, or ``true`` for the default ones, or ``false``."""


class StreamSpec(Spec):
    """A durable, partitioned, ordered log of records."""

    name: Name = ""
    """Given by the file's name; need not be written."""
    description: str = ""
    """What the records are, in a line."""
    owner: str = ""
    """Who answers questions about it."""
    partitions: int = Field(default=1, ge=1, le=64)
    """Number of partitions; may grow later, never shrink."""
    key: str | None = None
    """Field whose value decides the partition: records with one key keep their order."""
    format: RecordFormat = RecordFormat.JSON
    """How the raw bytes of a record are read into columns."""
    pattern: str | None = None
    """For ``format: regex``: the regular expression (RE2) with named groups."""
    header: tuple[str, ...] = ()
    """For ``format: csv``: column names, where the input has no header line."""
    delimiter: str = ","
    """For ``format: csv``: one character."""
    time: TimeSpec | None = None
    """Where the event time stands; default: the arrival time."""
    columns: dict[str, ColumnType] = Field(default_factory=dict)
    """Types of columns that must not be inferred from the data."""
    contract: ContractSpec | None = None
    """Records that break it become dead letters instead of rows."""
    max_record_size: SizeBytes = 2**20
    """A larger record is refused (HTTP) or becomes a dead letter (files)."""
    retention: RetentionSpec = RetentionSpec()
    """How long records stay in the stream; tables have their own."""
    deliver: Deliver = True
    """The table that the stream fills; ``false`` for none."""

    @property
    def table(self) -> str | None:
        """The full name of the table that the stream fills, or None."""
        if self.deliver is False:
            return None
        named = self.deliver.table if isinstance(self.deliver, DeliverSpec) else None
        return named or (self.name if "." in self.name else f"lake.{self.name}")

    @property
    def delivery(self) -> DeliverSpec:
        """The delivery settings with their defaults."""
        return self.deliver if isinstance(self.deliver, DeliverSpec) else DeliverSpec()
