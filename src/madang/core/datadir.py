"""The layout of the data directory: pure paths, nothing is touched."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class DataDir:
    """Where everything lies that cannot be rebuilt from the project directory."""

    root: Path

    @property
    def streams(self) -> Path:
        """``<stream>/p<partition>/*.seg``: the durable log."""
        return self.root / "streams"

    @property
    def lake(self) -> Path:
        """The Iceberg warehouse: ``<namespace>/<table>/{data,metadata}``."""
        return self.root / "lake"

    @property
    def catalog(self) -> Path:
        """SQLite file of the Iceberg catalog."""
        return self.root / "catalog.db"

    @property
    def head(self) -> Path:
        """The newest hours of metrics' samples, as the role ``metrics`` keeps them."""
        return self.root / "metrics" / "head"

    @property
    def metadata(self) -> Path:
        """SQLite file of users, sessions and tokens."""
        return self.root / "madang.db"

    @property
    def collect(self) -> Path:
        """By source, what it keeps for itself and what it tells other roles."""
        return self.root / "collect"

    @property
    def logs(self) -> Path:
        """Madang's own logs, ``<role>.jsonl``, which it collects itself."""
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """Sockets, locks, the published project; may be removed while nothing runs."""
        return self.root / "run"

    @property
    def spill(self) -> Path:
        """Where queries spill; emptied at start."""
        return self.root / "spill"

    @property
    def pushed_groups(self) -> Path:
        """Groups of pushed metrics, a file each, and ``broken/``; no source has this name."""
        return self.root / "collect" / "pushed-groups"

    @property
    def readers(self) -> Path:
        """By process, since when it reads table files; see :mod:`madang.lake.readers`."""
        return self.run / "readers"

    @property
    def metrics_socket(self) -> Path:
        """Where the role ``metrics`` answers."""
        return self.run / "metrics.sock"

    @property
    def published_project(self) -> Path:
        """The last good state of the project, which every process follows."""
        return self.run / "project.json"
