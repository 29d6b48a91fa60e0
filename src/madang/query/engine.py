"""One DuckDB for one query: made fresh, shut in, thrown away.

Nothing survives from one query to the next: no setting, no variable, no prepared statement. Before
the user's text runs, the database is locked: it can open the files of the granted snapshots, spill
to its own folder, and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from madang.query.types import literal


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Limits of one query's database. ``time_zone`` is an IANA name."""

    memory_bytes: int
    threads: int
    spill: Path
    spill_bytes: int
    time_zone: str = "UTC"


class Engine:
    """A database that is prepared, locked, used once and closed."""

    def __init__(self, settings: EngineSettings) -> None:
        self.settings = settings
        self._connection = duckdb.connect(
            ":memory:",
            config={
                "threads": settings.threads,
                "memory_limit": f"{settings.memory_bytes}B",
                "temp_directory": str(settings.spill),
                "max_temp_directory_size": f"{settings.spill_bytes}B",
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "allow_community_extensions": False,
                "python_enable_replacements": False,
                "arrow_large_buffer_size": True,
            },
        )
        self._connection.execute(f"SET TimeZone = {literal(settings.time_zone)}")

    def prepare(
        self, statements: Sequence[str], arrow_tables: dict[str, pa.Table], files: Sequence[str]
    ) -> None:
        """Make the views, then lock the database so that only ``files`` can be opened."""
        for name, table in arrow_tables.items():
            self._connection.register(name, table)
        for statement in statements:
            self._connection.execute(statement)
        paths = ", ".join(literal(path) for path in files)
        self._connection.execute(f"SET allowed_paths = [{paths}]::VARCHAR[]")
        self._connection.execute("SET enable_external_access = false")
        self._connection.execute("SET lock_configuration = true")

    def register(self, name: str, table: pa.Table) -> None:
        """Make ``table`` readable under ``name``."""
        self._connection.register(name, table)

    def bind(self, sql: str, params: dict[str, Any] | None) -> Any:  # noqa: ANN401
        """A relation for ``sql``: bound, its columns known, run when it is read.

        Raises:
            duckdb.Error: It does not bind.
        """
        return self._connection.sql(sql, params=params or None)

    def interrupt(self) -> None:
        """Stop what runs; from any thread."""
        self._connection.interrupt()

    def close(self) -> None:
        """Free everything."""
        self._connection.close()
