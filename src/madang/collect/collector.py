"""The collector: runs every source of the project, each in a thread of its own."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Literal, Protocol

from madang.collect.claims import Claims
from madang.collect.files import FilesSource
from madang.collect.host import HostSource
from madang.collect.source import Source, SourceContext, SourceFactory, SourceStatus
from madang.core.clock import Clock, SystemClock
from madang.core.datadir import DataDir
from madang.core.errors import MadangError
from madang.core.names import unknown
from madang.project import FilesSourceSpec, HostSourceSpec, Project, ScrapeSourceSpec
from madang.project.reading import reading_of
from madang.project.source_spec import SourceSpec
from madang.stream import Stream

_log = logging.getLogger(__name__)
ENTRY_POINTS = "madang.sources"
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0
_HEALTHY_AFTER_S = 60.0
_STOP_WAIT_S = 20.0
_LOOK_S = 0.05

State = Literal["starting", "running", "waiting", "failed", "stopped"]


@dataclass(frozen=True, slots=True)
class SourceState:
    """A source as ``madang status`` and the API show it.

    ``waiting``: it goes on by itself when ``error`` is over. ``failed``: it is started again after
    a pause. ``since_us`` is when the state began.
    """

    name: str
    kind: str
    stream: str
    state: State
    since_us: int
    error: MadangError | None
    problems: tuple[str, ...]
    counts: Mapping[str, int]
    restarts: int

    def as_dict(self) -> dict[str, Any]:
        """JSON-able; ``error`` is its text, ``code`` the error's code."""
        return {
            "name": self.name,
            "kind": self.kind,
            "stream": self.stream,
            "state": self.state,
            "since_us": self.since_us,
            "error": None if self.error is None else str(self.error),
            "code": None if self.error is None else self.error.code,
            "problems": list(self.problems),
            "counts": dict(self.counts),
            "restarts": self.restarts,
        }


def source_factories() -> dict[str, SourceFactory]:
    """The kinds of sources that are installed: entry points of the group ``madang.sources``.

    Madang's own are there in any case, so that a source tree that was never installed works too.
    An extension that cannot be loaded is reported and left out.
    """
    found: dict[str, SourceFactory] = {"files": _files, "host": _host, "scrape": _scrape}
    for point in entry_points(group=ENTRY_POINTS):
        if point.value.startswith("madang.collect."):  # imported when it is used, as above
            continue
        try:
            found[point.name] = point.load()
        except Exception:  # noqa: BLE001 - somebody else's code
            _log.exception("the source kind %s (%s) cannot be loaded", point.name, point.value)
    return found


def _files(spec: SourceSpec, context: SourceContext) -> Source:
    assert isinstance(spec, FilesSourceSpec)
    return FilesSource(spec, context)


def _host(spec: SourceSpec, context: SourceContext) -> Source:
    assert isinstance(spec, HostSourceSpec)
    return HostSource(spec, context)


def _scrape(spec: SourceSpec, context: SourceContext) -> Source:
    from madang.collect.scrape import ScrapeSource  # asyncio, TLS, RE2: only where it is used

    assert isinstance(spec, ScrapeSourceSpec)
    return ScrapeSource(spec, context)


class Projects(Protocol):
    """Where the project is read from."""

    def current(self) -> Project:
        """The project as it stands; the same object until it changes."""
        ...


class Collector:
    """Runs the sources of a project, and changes what runs when the project changes.

    A source that fails is started again after a pause that doubles up to a minute; the others do
    not notice. Sources keep their checkpoints in their streams, so a restart loses and repeats
    nothing.

    Args:
        projects: Tells the project as it stands; ``operate`` gives a ``ProjectFollower``.
        open_stream: Gives the stream of a name, opened; raises MadangError where there is none.
        data: The data directory; sources keep what they remember in ``collect/<source>/``.
        clock: Injected time.
        factories: Kinds of sources; default: those installed.
    """

    def __init__(
        self,
        projects: Projects,
        open_stream: Callable[[str], Stream],
        *,
        data: DataDir,
        clock: Clock | None = None,
        factories: Mapping[str, SourceFactory] | None = None,
    ) -> None:
        self._projects = projects
        self._applied: Project | None = None
        self._open_stream = open_stream
        self._data = data
        self._clock = clock or SystemClock()
        self._factories = dict(source_factories() if factories is None else factories)
        self._claims = Claims()
        self._mutex = threading.Lock()
        self._running: dict[str, _Running] = {}
        self._ending: list[_Running] = []

    def start(self) -> None:
        """Run what the project says now.

        Raises:
            UnavailableError: there is no project yet.
        """
        self.refresh()

    def refresh(self) -> None:
        """Look at the project again; cheap where it did not change."""
        project = self._projects.current()
        if project is not self._applied:
            self.apply(project)
            self._applied = project

    def apply(self, project: Project) -> None:
        """Run what ``project`` says: stop what is gone, restart what changed, start what is new.

        Returns when what had to stop has stopped.
        """
        with self._mutex:
            wanted = {
                name: _Wanted.of(name, spec, project) for name, spec in project.sources.items()
            }
            ending = [
                running
                for name, running in self._running.items()
                if name not in wanted or running.wanted != wanted[name]
            ]
            self._end(ending)
            for name, what in wanted.items():
                if name not in self._running:
                    # What is still on its way to the stream would be read and appended again.
                    before = [one for one in self._ending if one.feeds(what.spec.stream)]
                    self._running[name] = _Running(what, self, before)
                    self._running[name].start()

    def states(self) -> list[SourceState]:
        """How every source does, by name."""
        with self._mutex:
            return [running.state() for _, running in sorted(self._running.items())]

    def source_states(self) -> dict[str, dict[str, Any]]:
        """How every source does, by name; JSON-able."""
        return {state.name: state.as_dict() for state in self.states()}

    def stop(self) -> None:
        """Stop every source: what is in flight lands, then files are closed."""
        with self._mutex:
            self._end(list(self._running.values()))

    def _end(self, ending: list[_Running]) -> None:
        for running in ending:
            running.stop.set()
        for running in ending:
            running.join(_STOP_WAIT_S)
            del self._running[running.wanted.name]
        self._ending = [one for one in [*self._ending, *ending] if one.alive]

    def build(self, wanted: _Wanted) -> Source:
        """A new source. Raises MadangError where it cannot be made."""
        spec = wanted.spec
        factory = self._factories.get(spec.kind)
        if factory is None:
            raise unknown("kind of source", spec.kind, self._factories)
        context = SourceContext(
            stream=self._open_stream(spec.stream),
            stream_spec=wanted.project.streams.get(spec.stream),
            project=wanted.project,
            directory=Path(wanted.project.directory),
            data=self._data.root,
            state=self._data.root / "collect" / wanted.name,
            clock=self._clock,
            claims=self._claims,
        )
        return factory(spec, context)

    def now_us(self) -> int:
        """Wall time."""
        return self._clock.now_us()

    def monotonic_s(self) -> float:
        """Monotonic time."""
        return self._clock.monotonic_s()


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a source's work depends on: if it changed, the source is started anew."""

    name: str
    spec: SourceSpec
    stream: str
    project: Project

    @classmethod
    def of(cls, name: str, spec: SourceSpec, project: Project) -> _Wanted:
        spec = spec if spec.name else spec.model_copy(update={"name": name})
        stream = project.streams.get(spec.stream)
        # Of the stream only what changes how records are cut; not its retention, say.
        cut = "" if stream is None else f"{reading_of(stream)} {stream.partitions}"
        return cls(name, spec, cut, project)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Wanted) and (
            (self.name, self.spec, self.stream, self.project.directory)
            == (other.name, other.spec, other.stream, other.project.directory)
        )

    def __hash__(self) -> int:
        return hash(self.name)


class _Running:
    """A source's thread, over its restarts."""

    def __init__(self, wanted: _Wanted, collector: Collector, before: list[_Running]) -> None:
        self.wanted = wanted
        self._before = before
        self.stop = threading.Event()
        self._collector = collector
        self._thread = threading.Thread(target=self._run, name=f"source-{wanted.name}", daemon=True)
        self._source: Source | None = None
        self._error: MadangError | None = None
        self._state: State = "starting"
        self._since_us = collector.now_us()
        self._restarts = 0

    def start(self) -> None:
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def feeds(self, stream: str) -> bool:
        return self.wanted.spec.stream == stream

    def join(self, timeout_s: float) -> None:
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            _log.error("the source %s did not stop within %g s", self.wanted.name, timeout_s)

    def state(self) -> SourceState:
        source, state, error = self._source, self._state, self._error
        status = source.status() if source is not None else SourceStatus()
        if state == "running" and status.waiting_for is not None:
            state, error = "waiting", status.waiting_for
        return SourceState(
            self.wanted.name,
            self.wanted.spec.kind,
            self.wanted.spec.stream,
            state,
            self._since_us,
            error,
            status.problems,
            status.counts,
            self._restarts,
        )

    def _enter(self, state: State, error: MadangError | None = None) -> None:
        self._state, self._error, self._since_us = state, error, self._collector.now_us()

    def _run(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while any(one.alive for one in self._before) and not self.stop.wait(_LOOK_S):
            pass
        self._before.clear()
        while not self.stop.is_set():
            begun_s = self._collector.monotonic_s()
            try:
                self._source = self._collector.build(self.wanted)
                self._enter("running")
                self._source.run(self.stop)
            except Exception as error:  # noqa: BLE001 - one source's failure is not the others'
                self._failed(error)
            finally:
                self._release()
            if self.stop.is_set():
                break
            if self._collector.monotonic_s() - begun_s >= _HEALTHY_AFTER_S:
                pause_s = _FIRST_PAUSE_S
            # Spread out, so that sources that fell together do not rise together.
            self.stop.wait(pause_s * random.uniform(0.8, 1.2))  # noqa: S311 - no secret
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
            self._restarts += 1
        self._enter("stopped")

    def _failed(self, error: Exception) -> None:
        name = self.wanted.name
        if isinstance(error, MadangError):
            _log.error("the source %s failed: %s", name, error)
        else:
            _log.exception("the source %s failed", name)
            error = MadangError(
                f"the source {name!r} failed: {type(error).__name__}: {error}",
                hint="the log has the details; this is a bug",
            )
        self._enter("failed", error)

    def _release(self) -> None:
        source, self._source = self._source, None
        if source is None:
            return
        try:
            source.close()
        except OSError as error:
            _log.warning("the source %s was not closed cleanly: %s", self.wanted.name, error)
