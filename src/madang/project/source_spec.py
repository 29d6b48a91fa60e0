"""``sources/<name>.yml``: where records come from without anybody sending them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from madang.core.names import SAMPLES
from madang.project.prometheus_types import LabelName
from madang.project.scrape_spec import ScrapeSourceSpec
from madang.project.types import DurationS, Name, Regex, SizeBytes, Spec


class MultilineSpec(Spec):
    """How several lines make one record, such as a stack trace."""

    start: Regex
    """Regular expression that the first line of a record matches."""
    max_lines: int = Field(default=1000, ge=1)
    """A record is closed after this many lines."""
    wait: DurationS = 2.0
    """An unfinished record is closed after this long without a new line."""


class FilesSourceSpec(Spec):
    """Lines of files, followed as they grow, rotate and vanish."""

    kind: Literal["files"]
    """``files``."""
    name: Name = ""
    """Given by the file's name; need not be written."""
    description: str = ""
    """What is collected, in a line."""
    stream: Name
    """The stream that the lines are appended to."""
    paths: tuple[str, ...] = Field(min_length=1)
    """Globs; ``**`` crosses folders. Relative ones start at the project directory;
    ``${data}`` is the data directory."""
    exclude: tuple[str, ...] = ()
    """Globs of files to leave out."""
    start_at: Literal["beginning", "end"] = "beginning"
    """Where a file that was never read before is begun."""
    multiline: MultilineSpec | None = None
    """How several lines make one record; default: each line is one."""
    poll_interval: DurationS = 1.0
    """How often files and globs are looked at."""
    batch_size: SizeBytes = 2**20
    """Bytes read from a file at once."""


class HostSourceSpec(Spec):
    """Metrics of this machine, in node exporter's names."""

    kind: Literal["host"]
    """``host``."""
    name: Name = ""
    """Given by the file's name; need not be written."""
    description: str = ""
    """What is collected, in a line."""
    stream: Name = SAMPLES
    """Where the samples go; default: with all other metrics, for PromQL and dashboards. A stream of
    format ``typed`` gets them as rows instead, for a table of its own."""
    labels: dict[LabelName, str] = Field(default_factory=dict)
    """Further labels of the metrics, or other values than ``job: node`` and ``instance``, which is
    the machine's name."""
    textfiles: str = ""
    """A folder whose files ``*.prom`` are read too, as node exporter's textfile collector does; a
    relative path starts at the project directory."""
    interval: DurationS = 5.0
    """Time between two samples."""


SourceSpec = Annotated[
    FilesSourceSpec | HostSourceSpec | ScrapeSourceSpec, Field(discriminator="kind")
]
"""Any source; ``kind`` tells which."""
