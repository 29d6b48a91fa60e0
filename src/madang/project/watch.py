"""Notices changes of the project directory and publishes them."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

from madang.project.files import FOLDERS, SUFFIXES
from madang.project.publish import ProjectPublisher, PublishResult, Stamp, stamp_of

_log = logging.getLogger(__name__)
_STEP_MS = 200
"""How often watchfiles looks whether the system told it of anything."""
_Fingerprint = tuple[tuple[Stamp, ...], tuple[Stamp, ...]]
"""Of the directory's files, and of what is published."""


class ProjectWatch:
    """Publishes the project whenever its files change.

    The operating system's notices (watchfiles) only wake it up; what counts is a fingerprint of the
    files, looked at every ``look_interval_s`` in any case. So a directory that is deleted and comes
    back, a file replaced by rename and a network disk without notices all work. It waits until the
    files stand still for ``settle_s``, since editors write in steps.

    What is published is part of the fingerprint: others publish too, and where a file came with
    their publication and went right after it, the directory alone looks as if nothing had been.
    """

    def __init__(
        self,
        publisher: ProjectPublisher,
        *,
        look_interval_s: float = 2.0,
        settle_s: float = 0.15,
    ) -> None:
        self._publisher = publisher
        self._look_interval_s = look_interval_s
        self._settle_s = settle_s
        self._extra: tuple[str, ...] = ()
        self._seen: _Fingerprint | None = self._now()

    def run(
        self, stop: threading.Event, on_publish: Callable[[PublishResult], None] = lambda _: None
    ) -> None:
        """Watch until ``stop`` is set; for a thread of its own.

        ``on_publish`` gets the result after every publish. What it raises ends the watch.
        """
        self._publish(on_publish)  # What changed between the first load and now.
        while not stop.is_set():
            if self._seen is not None:
                self._wait(stop)
            else:
                stop.wait(self._look_interval_s)
            if not stop.is_set() and self._now() != self._seen:
                self._settle(stop)
                self._publish(on_publish)

    def _now(self) -> _Fingerprint:
        return (fingerprint(self._publisher.directory, self._extra), self._publisher.stamps())

    def _publish(self, on_publish: Callable[[PublishResult], None]) -> None:
        # Before the load: a change that comes meanwhile is seen in the next round.
        files, _ = self._now()
        try:
            result = self._publisher.publish()
        except OSError:
            # Such as a full disk: it is tried again at every look until it works.
            _log.warning("the project could not be published", exc_info=True)
            self._seen = None
            return
        if result.schema_files != self._extra:
            self._extra = result.schema_files
            files, _ = self._now()
        self._seen = (files, result.stamps)
        on_publish(result)

    def _settle(self, stop: threading.Event) -> None:
        for _ in range(20):
            before = self._now()
            if stop.wait(self._settle_s) or self._now() == before:
                return

    def _wait(self, stop: threading.Event) -> None:
        import watchfiles

        root = self._publisher.directory
        watched = [path for path in (root, *(root / name for name in FOLDERS)) if path.is_dir()]
        if not watched:
            stop.wait(self._look_interval_s)
            return
        try:
            for _ in watchfiles.watch(
                *watched,
                watch_filter=None,
                recursive=False,  # The data directory may lie inside the project.
                stop_event=stop,
                debounce=50,
                step=_STEP_MS,
                rust_timeout=int(self._look_interval_s * 1000),
                yield_on_timeout=True,
                raise_interrupt=False,
            ):
                return
        except OSError:
            # The directory vanished in between, or the system has no watches left.
            stop.wait(self._look_interval_s)


def fingerprint(directory: Path, extra: tuple[str, ...] = ()) -> tuple[Stamp, ...]:
    """Name, inode, size and time of change of every file that may matter; cheap, never raises."""
    stamps: list[Stamp] = []
    for folder in (directory, *(directory / name for name in FOLDERS)):
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if folder == directory and not entry.name.endswith((*SUFFIXES, ".json")):
                        continue
                    stamps.append(stamp_of(entry.path))
        except OSError:
            stamps.append((str(folder), 0, 0, 0))
    stamps += map(stamp_of, extra)
    return tuple(sorted(stamps))
