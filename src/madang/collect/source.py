"""The source port: what brings records without anybody sending them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from madang.collect.claims import Claims
from madang.core.clock import Clock, SystemClock
from madang.core.errors import MadangError
from madang.project import Project, StreamSpec
from madang.project.source_spec import SourceSpec
from madang.stream import Stream


@dataclass(frozen=True, slots=True)
class SourceContext:
    """What a source is given beside its spec.

    ``stream`` takes its records; ``stream_spec`` is None where the project has none for it.
    ``directory`` is the project's, ``data`` the data directory; ``state`` a folder of the source's
    own in it. ``claims`` is shared by the sources of a process.
    """

    stream: Stream
    stream_spec: StreamSpec | None
    project: Project
    directory: Path
    data: Path
    state: Path
    clock: Clock = field(default_factory=SystemClock)
    claims: Claims = field(default_factory=Claims)


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """How a source does: what it waits for or what went wrong, and numbers of its kind."""

    waiting_for: MadangError | None = None
    problems: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)


class Source(Protocol):
    """Brings records into one stream, in a thread of its own.

    A source keeps its checkpoints in the stream (``Origin``): it may be killed at any moment, and a
    new one goes on where the stream's acknowledgements end.
    """

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set; then finish what is in flight and return.

        What can be waited for (a full disk, a file without permission) is waited for. Anything
        else is raised; the collector starts a new source after a pause.
        """
        ...

    def status(self) -> SourceStatus:
        """How it does; called from another thread."""
        ...

    def close(self) -> None:
        """Release files; after ``run`` returned."""
        ...


SourceFactory = Callable[[SourceSpec, SourceContext], Source]
"""What an entry point of the group ``madang.sources`` names; its name is the spec's ``kind``."""
