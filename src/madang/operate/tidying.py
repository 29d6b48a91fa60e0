"""What keeps a platform small: upkeep of tables and retention of streams."""

from __future__ import annotations

import logging
import threading
import time

from madang.core.errors import MadangError
from madang.core.names import DEAD_SUFFIX, SAMPLES, SERIES
from madang.lake import Lake, Readers, Upkeep
from madang.lake.deliver import GROUP
from madang.metrics.head.follower import GROUP as METRICS_GROUP
from madang.onward import sender_groups
from madang.operate.streams import open_stream
from madang.project import Project, ProjectFollower, RetentionSpec, TableSpec
from madang.stream import LogStore, LogStream
from madang.stream.retention import RetentionReport

_AFTER_FAILURE_S = 10.0
_RETENTION_EVERY_S = 30.0
_STEP_S = 1.0
_DEAD_LETTERS = RetentionSpec(age=30 * 86_400.0, size=2**30)
"""Dead letters wait for somebody to mend what broke them, so they stay longer than records."""
_log = logging.getLogger(__name__)


class Tidying:
    """Runs upkeep and retention in one thread, a small step at a time."""

    def __init__(self, follower: ProjectFollower, store: LogStore, lake: Lake) -> None:
        self._follower = follower
        self._store = store
        self._lake = lake

    def run(self, stop: threading.Event) -> None:
        """Until ``stop`` is set."""
        self._lake.sweep_dropped()
        upkeep = Upkeep(
            self._lake,
            spec_of=self._table_spec,
            sort_by_of=self._sort_by,
            reading_since_s=Readers(self._lake.data.readers).oldest_s,
            stop=stop.is_set,
        )
        retention_at_s = time.monotonic() + _RETENTION_EVERY_S
        while not stop.wait(_STEP_S):
            try:
                upkeep.poll()
                if time.monotonic() >= retention_at_s:
                    retention_at_s = time.monotonic() + _RETENTION_EVERY_S
                    self._retain(self._follower.current())
            except Exception:  # noqa: BLE001 - one fault must not end upkeep
                # Without this thread, streams grow and tables crumble until the next start.
                _log.exception("a step of upkeep failed; it is tried again")
                stop.wait(_AFTER_FAILURE_S)

    def _table_spec(self, table: str) -> TableSpec:
        project = self._follower.current()
        if table in (SAMPLES, SERIES):
            return TableSpec(name=table, keep=project.platform.metrics.retention)
        return project.tables.get(table) or TableSpec(name=table)

    def _sort_by(self, table: str) -> tuple[str, ...]:
        streams = self._follower.current().streams.values()
        return next((spec.delivery.sort_by for spec in streams if spec.table == table), ())

    def _retain(self, project: Project) -> None:
        for name in self._store.names():
            try:
                self._retain_stream(project, name)
            except (MadangError, OSError):
                _log.warning("retention of %s failed; it is tried again", name, exc_info=True)

    def _retain_stream(self, project: Project, name: str) -> None:
        spec = project.streams.get(name)
        if spec is None and not name.endswith(DEAD_SUFFIX):
            return  # taken out of the project: its records stay until somebody removes them
        stream = open_stream(self._store, project, name)
        if spec is not None and name == SAMPLES:
            self._retain_samples(project, spec.retention, stream)
            return
        floor = {p: stream.bounds(p).end for p in range(stream.partitions)}
        if spec is not None and spec.table:
            floor = dict.fromkeys(floor, 0) | dict(stream.committed(GROUP))
        retention = spec.retention if spec else _DEAD_LETTERS
        report = stream.retain(age_s=retention.age, size_bytes=retention.size, floor=floor)
        _tell_held(report, name)

    def _retain_samples(
        self, project: Project, retention: RetentionSpec, stream: LogStream
    ) -> None:
        """Samples wait for the head and its tables without end, for receivers up to a limit."""
        begins = dict.fromkeys(range(stream.partitions), 0)
        head = begins | dict(stream.committed(METRICS_GROUP))
        floor = dict(head)
        for group in sender_groups(project):
            place = stream.committed(group)
            for partition in place:  # none: the sender has not begun, and begins at the end
                floor[partition] = min(floor.get(partition, 0), place[partition])
        report = stream.retain(age_s=retention.age, size_bytes=retention.size, floor=floor)
        if report.held and floor != head:
            most = project.platform.metrics.backlog
            report = stream.retain(
                age_s=max(most.age, retention.age),
                size_bytes=max(most.size, retention.size),
                floor=head,
            )
        _tell_held(report, stream.name)


def _tell_held(report: RetentionReport, name: str) -> None:
    if report.held:
        _log.warning(
            "%s is over its retention, but its records are not in the table yet: they stay",
            name,
            extra={"stream": name},
        )
