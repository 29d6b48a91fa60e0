"""The body of a ``query-<n>`` process: one query at a time, from its text to its bytes."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import shutil
import signal
import socket
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import msgspec

from madang.core.datadir import DataDir
from madang.core.errors import MadangError, UnavailableError
from madang.lake import Reading
from madang.project import Project, ProjectFollower
from madang.project.system import QUERY_HISTORY
from madang.query import wire
from madang.query.answer import Finished
from madang.query.door import Door, DoorSettings
from madang.query.engine import EngineSettings
from madang.query.history import QUERY_HISTORY_SCHEMA, HistoryWriter
from madang.query.lake_catalog import LakeCatalog
from madang.query.process_io import address_bytes, give_memory_back, resident_bytes
from madang.query.request import Identity
from madang.query.sandbox import confine
from madang.query.serving import Serving
from madang.query.socket_path import short_address
from madang.query.zone import zone_name

_log = logging.getLogger(__name__)
RETIRE_BYTES = 512 * 2**20
"""A worker that holds more memory than this after a query ends, to be started anew."""
_GROWTH_BYTES = 8 * 2**20
_FIRST_FRAME_S = 5.0
_OVERHEAD_BYTES = 2 * 2**30
_FRAGMENTATION = 3
"""Addresses reserved for each byte of ``query.memory``: a window over 61 million rows within 1.6 GB
had 4.2 GB reserved, since freed pieces leave holes. The limit only has to stop what runs away."""


class Worker:
    """Serves queries on ``run/query-<index>.sock`` until it is told to stop.

    Args:
        index: Its number, from 0.
        data: The data directory.
        stop: Set, by a handler of a signal, when it is to finish.
        crowded_bytes: A worker that has reserved more addresses when a query ends makes room.
    """

    def __init__(
        self, index: int, data: DataDir, stop: threading.Event, crowded_bytes: int
    ) -> None:
        self._stop = stop
        self._crowded_bytes = crowded_bytes
        # The others are asked only while this one is busy: until then they cost next to nothing.
        self._warm_from_start = index == 0
        self._data = data
        self._socket_path = data.run / f"query-{index}.sock"
        self._spill = data.spill / f"query-{index}"
        self._follower = ProjectFollower(data)
        self._known: Project | None = None
        self._catalog = LakeCatalog(data, self._project)
        self._reading = Reading(data.readers)
        self._door: Door | None = None
        self._door_of: object = None
        self._history: HistoryWriter | None = None
        self._used_memory_bytes = 0

    def _project(self) -> Project:
        """The published project; while that cannot be read, the last one that could."""
        try:
            self._known = self._follower.current()
        except (MadangError, OSError, ValueError, KeyError, TypeError):
            if self._known is None:
                raise
            _log.warning("the published project cannot be read", exc_info=True)
        return self._known

    def serve(self, ready: Callable[[], None] | None = None) -> None:
        """Serve until it is told to stop, or until memory does not come back."""
        self._empty_spill()
        self._data.run.mkdir(parents=True, exist_ok=True)
        woken, wake = socket.socketpair()
        wake.setblocking(False)
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        with woken, wake, contextlib.closing(self._listen()) as listener:
            if self._warm_from_start:
                self._ready_door().warm()
            self._used_memory_bytes = resident_bytes()
            if ready:
                ready()
            if self._warm_from_start:
                with contextlib.suppress(MadangError):
                    # What the first query would have to load: the lake's libraries, mostly.
                    self._catalog.names()
            while not self._stop.is_set():
                readable, _, _ = select.select([listener, woken], [], [])
                if listener in readable and not self._stop.is_set():
                    self._serve_next(listener)
            signal.set_wakeup_fd(-1)
        self._close()

    def _listen(self) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # Bound under another name first: a socket that can be seen can be connected to.
        fresh = self._socket_path.with_suffix(f".{os.getpid()}")
        fresh.unlink(missing_ok=True)
        with short_address(fresh) as address:
            listener.bind(address)
        fresh.chmod(0o600)
        listener.listen(16)
        fresh.replace(self._socket_path)
        return listener

    def _serve_next(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            try:
                self._serve_one(connection)
            except (OSError, msgspec.DecodeError):
                # The pool went away, or speaks another version; it sees the end of the connection.
                pass
            except Exception as error:  # noqa: BLE001 - a defect fails its query, not the worker
                _log.exception("a query failed for a reason that is not the query's")
                with contextlib.suppress(OSError):
                    wire.send(connection, wire.FAILED, wire.pack_error(_defect(error)))
        if self._stop.is_set():
            return
        self._tidy_memory()
        self._ready_door().warm()

    def _tidy_memory(self) -> None:
        """Return what the query left; where that is not possible, make room for a new process."""
        if resident_bytes() >= self._used_memory_bytes + _GROWTH_BYTES:
            give_memory_back()
            self._used_memory_bytes = resident_bytes()
        # Near the limit on addresses the next query, even a thread of it, might not begin.
        crowded = address_bytes() > self._crowded_bytes
        if crowded or self._used_memory_bytes > RETIRE_BYTES:
            _log.info(
                "ends, because a query left it large", extra={"bytes": self._used_memory_bytes}
            )
            self._stop.set()

    def _serve_one(self, connection: socket.socket) -> None:
        connection.settimeout(_FIRST_FRAME_S)
        first = wire.receive(connection)
        connection.settimeout(None)
        if first is None:
            return
        kind, body = first
        if kind == wire.REQUEST:
            Serving(connection, self._ready_door(), self._last_words).run(body)
        elif kind == wire.CATALOG:
            identity = msgspec.json.decode(body, type=Identity)
            try:
                answer = msgspec.json.encode(self._ready_door().complete(identity))
                wire.send(connection, wire.FINISHED, answer)
            except MadangError as error:
                wire.send(connection, wire.FAILED, wire.pack_error(error))

    def _ready_door(self) -> Door:
        """The door with the limits of the project as it stands."""
        platform = self._project().platform
        wanted = (platform.query, platform.time_zone)
        if self._door is None or self._door_of != wanted:
            if self._door is not None:
                self._door.close()
            limits = platform.query
            engine = EngineSettings(
                limits.memory,
                limits.threads,
                self._spill,
                limits.spill,
                zone_name(platform.time_zone),
            )
            settings = DoorSettings(engine, limits.max_rows, limits.timeout)
            self._door = Door(
                self._catalog, settings, record=self._remember, reading=self._reading.held
            )
            self._door_of = wanted
        return self._door

    def _remember(self, finished: Finished) -> None:
        if self._history is None:
            stream = self._catalog.store.open(QUERY_HISTORY, QUERY_HISTORY_SCHEMA)
            self._history = HistoryWriter(stream)
        self._history.record(finished)

    def _last_words(self) -> None:
        """Before a hard exit: what was recorded gets written, shortly."""
        if self._history:
            self._history.close(timeout_s=1.0)
        self._empty_spill()

    def _empty_spill(self) -> None:
        shutil.rmtree(self._spill, ignore_errors=True)
        self._spill.mkdir(parents=True, exist_ok=True)

    def _close(self) -> None:
        self._last_words()
        if self._door is not None:
            self._door.close()
        self._reading.close()
        self._catalog.close()


def _defect(error: Exception) -> UnavailableError:
    return UnavailableError(
        f"the query worker failed: {type(error).__name__}: {error}",
        hint="this is a defect; please report it with the query",
    )


def run_worker(
    index: int,
    data: DataDir,
    *,
    ready: Callable[[], None] | None = None,
    stop: threading.Event | None = None,
) -> None:
    """Be the query worker ``index``, in the main thread of a process of its own.

    Args:
        index: Its number: it listens on ``run/query-<index>.sock``.
        data: The data directory.
        ready: Called once, when it takes queries.
        stop: Set by the caller's handler of SIGTERM: the worker finishes its query and returns.
            None: the worker handles SIGTERM and SIGINT itself.

    It also returns when a query left so much memory behind that a new process is better.
    """
    limits = ProjectFollower(data).current().platform.query
    most_address_bytes = _FRAGMENTATION * limits.memory + _OVERHEAD_BYTES
    confinement = confine(
        memory_bytes=most_address_bytes,
        max_file_bytes=max(limits.spill, 2**30),
    )
    _log.info("a query worker starts", extra={"confinement": asdict(confinement)})
    if stop is None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
    # What is left then would not hold what a query may use.
    Worker(index, data, stop, most_address_bytes - limits.memory).serve(ready)


def main(index: int, data_dir: Path) -> None:
    """Be a query worker that nobody supervises."""
    run_worker(index, DataDir(data_dir))
