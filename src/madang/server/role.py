"""The role ``serve``: the HTTP side of the platform, and the one that publishes the project."""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Callable

import pyarrow as pa

from madang.core.clock import SystemClock
from madang.core.datadir import DataDir
from madang.lake import Lake
from madang.operate.accounts import open_accounts
from madang.operate.expressions import is_promql
from madang.operate.health import assess
from madang.operate.listen import Listeners
from madang.operate.metrics_telemetry import record_answered
from madang.operate.notices import ProjectNotices
from madang.operate.role import RoleContext
from madang.operate.streams import open_stream, schema_of
from madang.operate.telemetry import exposition
from madang.operate.wiring import metadata_location, open_store
from madang.project import (
    OwnPortSpec,
    Project,
    ProjectEditor,
    ProjectFollower,
    ProjectPublisher,
    ServerSpec,
)
from madang.project.system import QUERY_HISTORY
from madang.project.watch import ProjectWatch
from madang.query import HistoryWriter
from madang.query.pool import QueryPool
from madang.query.prometheus import ApiRelay
from madang.server.app import create_app
from madang.server.context import ServerContext
from madang.server.gate import allowed_hosts
from madang.server.metrics import observe_query
from madang.server.own_ports import OwnPort
from madang.server.run import run_server
from madang.stream import LogStore, LogStream

_log = logging.getLogger(__name__)
_LOOK_EVERY_S = 0.1
_WATCH_AGAIN_S = 5.0


def run_serve(context: RoleContext, listeners: Listeners) -> None:
    """Serve HTTP on ``listeners`` until told to stop, then finish what is under way.

    Args:
        context: The role's place in the platform.
        listeners: Opened by the supervisor, so that a restart refuses nobody.
    """
    data, clock = context.data, SystemClock()
    current = CurrentProject(data)
    project = current()
    store = open_store(data, project)
    current.on_change = lambda project: _apply(project, store)
    streams = _Streams(store, current)
    accounts = open_accounts(
        metadata_location(data, project), session_age_s=project.platform.server.session_age
    )
    lake = Lake(data, clock=clock)
    history = HistoryWriter(streams.open(QUERY_HISTORY))
    query, server = project.platform.query, project.platform.server
    pool = QueryPool(
        data.run,
        query.workers,
        queue_timeout_s=query.queue_timeout,
        record=history.record,
        ended=observe_query,
        clock=clock,
    )
    app = create_app(
        ServerContext(
            data=data,
            accounts=accounts,
            project=current,
            open_stream=streams.open,
            define_stream=streams.define,
            lake=lake,
            health=lambda: assess(data, current(), clock.now_us()),
            queries=pool,
            prometheus=ApiRelay(
                data.metrics_socket,
                lambda: current().platform.metrics.query,
                record=lambda lost: record_answered(lost, history),
                clock=clock,
            ),
            editor=ProjectEditor(context.project_dir, data, is_promql=is_promql),
            metrics=exposition,
            clock=clock,
            hosts=allowed_hosts(listeners.main.getsockname()[0], server.hosts),
            ports=_own_ports(listeners, server),
        )
    )
    watch = threading.Thread(target=_watch, args=(context,), name="project", daemon=True)
    watch.start()
    # What is imported and built by now stays: the collector need not look at it again.
    gc.collect()
    gc.freeze()
    try:
        run_server(
            app,
            listeners.main,
            ready=context.ready,
            stop=context.stop,
            further=listeners.own.values(),
        )
    finally:
        history.close()
        store.close()
        lake.close()
        accounts.close()


def _own_ports(listeners: Listeners, server: ServerSpec) -> dict[int, OwnPort]:
    """What the further sockets are for; a protocol that was taken out since lets nobody in."""
    given = server.ports.given()
    closed = OwnPortSpec(port=0, anonymous=False)
    return {
        listener.getsockname()[1]: OwnPort.of(
            protocol, given.get(protocol, closed), listener, server.hosts
        )
        for protocol, listener in listeners.own.items()
    }


class CurrentProject:
    """The published project, for any thread: looked for at most ten times a second."""

    def __init__(self, data: DataDir) -> None:
        self._follower = ProjectFollower(data)
        self._clock = SystemClock()
        self._lock = threading.Lock()
        self._project = self._follower.current()
        self._looked_at_s = self._clock.monotonic_s()

        self.on_change: Callable[[Project], None] = lambda project: None
        """Told of each new state, from the thread that noticed it."""

    def __call__(self) -> Project:
        """The last good state; the same object until it changes."""
        now_s = self._clock.monotonic_s()
        if now_s - self._looked_at_s > _LOOK_EVERY_S and self._lock.acquire(blocking=False):
            try:
                found = self._follower.current()
                if found is not self._project:
                    self._project = found
                    self.on_change(found)
            except Exception:  # noqa: BLE001 -- the state that is known goes on
                _log.warning("the published project cannot be read", exc_info=True)
            finally:
                self._looked_at_s = now_s
                self._lock.release()
        return self._project


class _Streams:
    """The project's streams."""

    def __init__(self, store: LogStore, project: CurrentProject) -> None:
        self._store = store
        self._project = project

    def open(self, name: str) -> LogStream:
        """The stream ``name``.

        Raises:
            NotFoundError: the project has none of that name, or it is a typed one that nobody has
                sent a batch to.
        """
        project = self._project()
        if schema_of(project, name) is None:
            return self._store.get(name)
        return open_stream(self._store, project, name)

    def define(self, name: str, schema: pa.Schema) -> LogStream:
        """A typed stream with the schema of its first batch."""
        partitions = self._project().streams[name].partitions
        return self._store.open(name, schema, partitions=partitions)


def _apply(project: Project, store: LogStore) -> None:
    """Take over what of the settings may change while the role runs."""
    store.space.min_free_bytes = project.platform.storage.min_free


def _watch(context: RoleContext) -> None:
    notices = ProjectNotices()
    while not context.stop.is_set():
        try:
            publisher = ProjectPublisher(context.project_dir, context.data, is_promql=is_promql)
            ProjectWatch(publisher).run(context.stop, notices)
        except Exception:  # noqa: BLE001 -- watching must go on
            _log.warning("watching the project failed; it begins anew", exc_info=True)
            context.stop.wait(_WATCH_AGAIN_S)
