"""What the role ``metrics`` is made of: the one place where its parts are put together.

Whoever adds to it (rules, tables, senders, endpoints) builds a part from what an engine has and
hands it to :meth:`MetricsEngine.add`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from madang.core.clock import Clock, SystemClock
from madang.core.datadir import DataDir
from madang.core.errors import MadangError, UnavailableError
from madang.core.names import SAMPLES
from madang.lake import Lake, Reading
from madang.metrics.api.answers import Answer
from madang.metrics.api.api import PrometheusApi
from madang.metrics.api.knowledge import Replay
from madang.metrics.head.folder import HeadFolder
from madang.metrics.head.follower import HeadFollower
from madang.metrics.head.head import Head
from madang.metrics.head.series_limits import SeriesLimits
from madang.metrics.joined_storage import JoinedStorage
from madang.metrics.lake_storage import LakeStorage
from madang.metrics.promql import Budget, Options
from madang.metrics.storage import SampleStorage
from madang.metrics.tables.delivery import SampleDelivery, SampleTables
from madang.operate.metrics_knowledge import knowledge_of
from madang.operate.metrics_telemetry import HeadReport, record_answered
from madang.operate.remote_read import RemoteRead
from madang.operate.streams import open_stream
from madang.project import Project
from madang.project.system import QUERY_HISTORY
from madang.query import HistoryWriter
from madang.query.prometheus import FEDERATE, READ, Answering, ApiRequest
from madang.stream import LogStore

_IDLE_S = 0.1
_TROUBLE_S = 1.0
_AGAIN_S = 5.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Part:
    """Work with a thread of its own.

    ``run`` works until the event is set. What it raises is logged, and it is begun anew.
    """

    name: str
    run: Callable[[threading.Event], None]


class MetricsEngine:
    """The head, who follows, who answers, and whatever else works on samples.

    ``storage`` is what PromQL reads: the head, and behind it the tables that it is delivered to;
    ``knowledge`` what the API tells beside samples, ``history`` where queries are noted. A
    part that widens one of them (rules) replaces the attribute before :meth:`start`.

    Args:
        data: The data directory.
        store: The streams; the caller's.
        project: The published project as it is now; cheap, from any thread.
        clock: Injected time.
    """

    def __init__(
        self,
        data: DataDir,
        store: LogStore,
        project: Callable[[], Project],
        *,
        clock: Clock | None = None,
    ) -> None:
        self.data = data
        self.store = store
        self.project = project
        self.clock = clock or SystemClock()
        self.stream = open_stream(store, project(), SAMPLES)
        self.head = Head()
        self.tables = SampleTables(Lake(data, clock=self.clock), self.stream)
        self.follower = HeadFollower(
            self.stream, self.head, HeadFolder(data.head), clock=self.clock, archive=self.tables
        )
        self.delivery = SampleDelivery(self.tables, self.follower, clock=self.clock)
        self._reading = Reading(data.readers, self.clock)
        self.storage: SampleStorage = JoinedStorage(
            self.follower.view, LakeStorage(self.tables.lake, self._reading)
        )
        self._started_at_us, self._behind = self.clock.now_us(), 0
        self.knowledge = knowledge_of(
            data,
            project,
            self.follower,
            started_at_us=self._started_at_us,
            replay=self._replay,
        )
        self.history = HistoryWriter(open_stream(store, project(), QUERY_HISTORY))
        self.report = HeadReport(data, self.head, self.follower, self.clock)
        self._there: dict[int, int] = {}
        self.trouble = ""
        """Why the head cannot be written now, if it cannot."""
        self.caught_up = threading.Event()
        """Set when everything that was acknowledged before the start can be asked for."""
        self._parts: list[Part] = [
            Part("follow", self._follow),
            Part("answer", self._answering),
            Part("tables", self._deliver),
        ]
        self._threads: list[threading.Thread] = []

    def add(self, part: Part) -> None:
        """Let a part work too, from :meth:`start` on."""
        self._parts.append(part)

    def options(self) -> Options:
        """Settings and limits of queries, as the project says now."""
        spec = self.project().platform.metrics.query
        return Options(
            lookback_ms=round(spec.lookback * 1000),
            timeout_s=spec.timeout,
            max_samples=spec.max_samples,
            max_series=spec.max_series,
            experimental=spec.experimental,
        )

    def start(self, stop: threading.Event) -> None:
        """Bring the head back and let all parts work until ``stop`` is set."""
        self.api = PrometheusApi(self.storage, clock=self.clock, knowledge=self.knowledge)
        self._read = RemoteRead(self.storage, self.knowledge.external_labels)
        self._set_limits()
        self.follower.restore()
        self._behind = self.lag()
        self._there = {
            number: self.stream.bounds(number).end for number in range(self.stream.partitions)
        }
        for part in self._parts:
            thread = threading.Thread(target=_keep_on, args=(part, stop), name=part.name)
            thread.start()
            self._threads.append(thread)

    def close(self) -> None:
        """Wait for the parts, which were told to stop, and write the head for the next start."""
        for thread in self._threads:
            thread.join()
        try:
            self.follower.write()
        except (MadangError, OSError):
            _log.warning("the head could not be written; the stream keeps it", exc_info=True)
        self.history.close()
        self._reading.close()

    def look(self) -> None:
        """Tell how the head is doing; once a second, say."""
        error = self.delivery.state.error
        self.report.tell(self.trouble or (error.message if error else ""))

    def lag(self) -> int:
        """How many samples are acknowledged and cannot be asked for yet."""
        return sum(self.follower.lag().values())

    def _follow(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                worked = self.follower.poll()
            except (MadangError, OSError) as error:
                # The samples were taken; only that they are in files too has to wait.
                if not self.trouble:
                    _log.warning("the head cannot be written: %s; it is tried again", error)
                self.trouble = str(error)
                stop.wait(_TROUBLE_S)
                continue
            self.trouble = ""
            if not self.caught_up.is_set() and self._has_what_was_there():
                self.caught_up.set()  # also where samples come without a pause
            if not worked:
                stop.wait(_IDLE_S)

    def _has_what_was_there(self) -> bool:
        taken = self.follower.taken()
        return all(taken.get(number, 0) >= end for number, end in self._there.items())

    def _deliver(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self._set_limits()
            wake_at_s = self.delivery.poll()
            stop.wait(max(_IDLE_S, wake_at_s - self.clock.monotonic_s()))

    def _set_limits(self) -> None:
        spec = self.project().platform.metrics
        self.head.late_ms = round(spec.out_of_order * 1000)
        self.head.keep_ms = round(spec.head * 1000)
        self.head.gate.limits = SeriesLimits(spec.series.per_job, spec.series.total)

    def _answering(self, stop: threading.Event) -> None:
        Answering(
            self.data.metrics_socket,
            self._answer,
            self.options,
            threads=self._concurrency,
            record=lambda answered: record_answered(answered, self.history),
        ).run(stop)

    def _concurrency(self) -> int:
        return self.project().platform.metrics.query.concurrency

    def _replay(self) -> Replay:
        return Replay(end=self._behind, current=self._behind - min(self.lag(), self._behind))

    def _answer(self, request: ApiRequest, budget: Budget) -> Answer | None:
        if not self.caught_up.is_set():
            raise UnavailableError(
                f"the newest samples are being read: {self.lag():,} to go",
                hint="try again in a moment",
            )
        if request.endpoint == FEDERATE:
            return self.api.federate(request.pairs, budget=budget, accept=request.accept)
        if request.endpoint == READ:
            return self._read.answer(request.body, budget)
        return self.api.answer(request.endpoint, request.pairs, budget=budget)


def _keep_on(part: Part, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            part.run(stop)
        except Exception:  # noqa: BLE001 - a part that fails must not end for good
            _log.exception("%s failed; it begins anew", part.name)
            stop.wait(_AGAIN_S)
        else:
            return
