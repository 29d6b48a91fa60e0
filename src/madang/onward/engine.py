"""A sender for each receiver of the project, as it is now."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from madang.core.errors import MadangError
from madang.metrics.head.head import KnownSeries
from madang.metrics.head.view import HeadView
from madang.onward.groups import senders_of
from madang.project import Project
from madang.project.remote_write_spec import RemoteWriteSpec
from madang.stream import Stream

if TYPE_CHECKING:
    from madang.onward.sender import Sender, SenderState

_log = logging.getLogger(__name__)
_LOOK_S = 1.0
_AGAIN_S = 5.0

__all__ = ["Onward"]


class _Running:
    """A sender and its thread."""

    def __init__(self, sender: Sender) -> None:
        self.sender = sender
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="onward")
        self._thread.start()

    def tell_to_stop(self) -> None:
        self._stop.set()

    def join(self) -> None:
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.sender.run(self._stop)
            except (MadangError, OSError) as error:  # a full disk: its place cannot be kept
                self.sender.trouble.say(str(error))
                self._stop.wait(_AGAIN_S)
            except Exception:  # noqa: BLE001 - one sender must not end for good
                _log.exception("sending to %s failed; it begins anew", self.sender.state.name)
                self._stop.wait(_AGAIN_S)


class Onward:
    """Runs senders until told to stop.

    Args:
        stream: ``metrics.samples``.
        head: Knows the labels of series.
        taken: By partition, how far the head has the stream.
        project: The published project as it is now.
        tables: Know the labels of series that the head has forgotten.
    """

    def __init__(
        self,
        stream: Stream,
        head: Callable[[], HeadView],
        taken: Callable[[], Mapping[int, int]],
        project: Callable[[], Project],
        tables: KnownSeries | None = None,
    ) -> None:
        self._tables = tables
        self._stream, self._head, self._taken = stream, head, taken
        self._project = project
        self._running: dict[str, _Running] = {}

    def run(self, stop: threading.Event) -> None:
        """Follow the project until ``stop`` is set; requests that are under way then end first."""
        known: Project | None = None
        while True:
            project = self._project()
            if project is not known:
                self._follow(senders_of(project))
                known = project
            if stop.wait(_LOOK_S):
                self._follow({})
                return

    def states(self) -> list[SenderState]:
        """How the senders stand."""
        return [one.sender.look() for one in list(self._running.values())]

    def _follow(self, wanted: Mapping[str, RemoteWriteSpec]) -> None:
        gone = [
            group for group, one in self._running.items() if wanted.get(group) != one.sender.spec
        ]
        for group in gone:
            self._running[group].tell_to_stop()
        for group in gone:
            self._running.pop(group).join()
        for group, spec in wanted.items():
            if group not in self._running:
                # Few projects have a receiver: what sending needs is loaded for them alone.
                from madang.onward.sender import Sender

                sender = Sender(group, spec, self._stream, self._head, self._taken, self._tables)
                self._running[group] = _Running(sender)
