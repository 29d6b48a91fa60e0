"""How the parts are built from a data directory and a project; every role builds them here."""

from __future__ import annotations

from madang.core.clock import SystemClock
from madang.core.datadir import DataDir
from madang.project import Project
from madang.stream import LogStore


def open_store(data: DataDir, project: Project) -> LogStore:
    """The stream store of a data directory."""
    storage = project.platform.storage
    return LogStore(
        data.streams,
        clock=SystemClock(),
        segment_size_bytes=storage.segment_size,
        min_free_bytes=storage.min_free,
        idempotency_window_s=storage.idempotency_window,
    )
