"""The deliveries of a project: one per stream that fills a table, in step with the project."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial

from madang.core.datadir import DataDir
from madang.core.errors import MadangError
from madang.core.names import DEAD_SUFFIX
from madang.lake import Deliverer, Lake
from madang.operate.declared_types import unfit_of
from madang.operate.health import DELIVERY_FILE, UNFIT_FIELD
from madang.operate.state_file import StateFile
from madang.operate.streams import open_stream
from madang.operate.tallies import StreamTallies, read_tallies
from madang.operate.wiring import decoder_of
from madang.project import Project, ProjectFollower, StreamSpec, TableSpec
from madang.stream import LogStore

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Specs:
    """What a delivery was made for; another one takes its place when either changes."""

    stream: StreamSpec
    table: TableSpec | None


class Deliveries:
    """Polls every delivery in turn. Used by one thread."""

    def __init__(
        self, follower: ProjectFollower, store: LogStore, lake: Lake, data: DataDir
    ) -> None:
        self._follower = follower
        self._store = store
        self._lake = lake
        self._project: Project | None = None
        self._by_stream: dict[str, tuple[_Specs, Deliverer]] = {}
        self._unopened: dict[str, str] = {}
        self._unfit: dict[str, list[str]] = {}
        self._tallies = read_tallies(data)
        self._states = StateFile(data.run / DELIVERY_FILE)

    def follow_project(self) -> None:
        """Begin, end or rebuild deliveries whose streams the project added, removed or changed."""
        project = self._follower.current()
        if project is self._project and not self._unopened:
            return
        self._project = project
        self._unopened = {}
        wanted = {
            name: _Specs(spec, project.tables.get(spec.table))
            for name, spec in project.streams.items()
            if spec.table
        }
        for name in [*self._by_stream]:
            if wanted.get(name) != self._by_stream[name][0]:
                _, ended = self._by_stream.pop(name)
                # What came after the change is for the one that takes over.
                ended.flush(read=False)
                self._tallies[name] = StreamTallies.of(ended.state)
        for name, specs in wanted.items():
            if name not in self._by_stream:
                self._begin(project, name, specs)

    def _begin(self, project: Project, name: str, specs: _Specs) -> None:
        spec = specs.stream
        assert spec.table is not None
        try:
            stream = open_stream(self._store, project, name)
            deliverer = Deliverer(
                self._lake,
                stream,
                decoder_of(project, spec),
                spec.table,
                spec=spec.delivery,
                dead_letters=partial(open_stream, self._store, project, name + DEAD_SUFFIX),
                table_spec=specs.table,
            )
        except MadangError as error:
            # A typed stream without its first batch, or a disk in trouble: tried at the next turn.
            self._unopened[name] = str(error)
            return
        before = self._tallies.pop(name, None)
        if before is not None:
            before.resume(deliverer.state)
        self._by_stream[name] = (specs, deliverer)
        # A table that is made later is made of these types.
        self._unfit[name] = [one.message(spec.table) for one in unfit_of(self._lake, spec)]

    def poll(self) -> bool:
        """Let each delivery do one piece of work; whether any did, or the project changed."""
        # Every one gets its turn, also behind one that always has work.
        worked = False
        for _, deliverer in self._by_stream.values():
            if self._follower.current() is not self._project:
                # Read from here on, records could go to a table that their stream fills no more.
                return True
            worked = deliverer.poll().worked or worked
        return worked

    def flush(self) -> None:
        """Commit whatever was read."""
        for name, (_, deliverer) in self._by_stream.items():
            if not deliverer.flush():
                _log.warning("%s was not delivered to its end; the stream keeps it", name)

    def write_states(self) -> None:
        """Leave how each delivery stands in ``run/delivery.json``, if it changed."""
        self._states.write(
            {
                name: {**_state(deliverer), UNFIT_FIELD: self._unfit[name]}
                for name, (_, deliverer) in self._by_stream.items()
            }
        )


def _state(deliverer: Deliverer) -> dict[str, object]:
    state = deliverer.state
    commit_us = state.last_commit_at_us
    return {
        "table": state.table,
        "waiting_records": state.waiting_records,
        "waiting_bytes": state.waiting_bytes,
        "oldest_us": state.oldest_waiting_us,
        "rows": state.rows,
        "dead_letters": state.dead_letters,
        **StreamTallies.of(state).fields(),
        "gaps": state.gaps,
        "commits": state.commits,
        "last_commit_us": commit_us,
        "error": state.error.message if state.error else None,
        "hint": state.error.hint if state.error else None,
    }
