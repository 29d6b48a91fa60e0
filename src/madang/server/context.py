"""What the routes work with, handed in: built by the platform, or by a test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from madang import __version__
from madang.core.clock import Clock, SystemClock
from madang.core.datadir import DataDir
from madang.core.errors import MadangError
from madang.operate.accounts import Accounts
from madang.project import Project
from madang.stream import LogStream

__all__ = ["HealthView", "ProjectEditor", "ServerContext"]


class HealthView(Protocol):
    """How the platform is: ``operate.health.Health``."""

    @property
    def word(self) -> str:
        """``ok``, ``degraded`` or ``down``."""
        ...

    @property
    def problems(self) -> Sequence[Any]:
        """``code, severity, message, hint``."""
        ...

    @property
    def disk(self) -> Any:  # noqa: ANN401 -- a record of three numbers
        """``total_bytes, free_bytes, min_free_bytes``."""
        ...

    @property
    def roles(self) -> Sequence[Mapping[str, Any]]:
        """``name, pid, state, started_at, restarts, exit``."""
        ...


class ProjectEditor(Protocol):
    """Writes into the project directory."""

    def write_stream(self, name: str, spec: dict[str, object]) -> WrittenStream:
        """Write ``streams/<name>.yml`` and publish the project that it makes.

        Raises:
            MadangError: the project would not pass its checks; nothing was written.
        """
        ...

    def errors(self) -> Sequence[MadangError]:
        """What is wrong with the directory as it stands; empty when it is what is published."""
        ...


class WrittenStream(Protocol):
    """A stream's file as written."""

    @property
    def file(self) -> Path:
        """The file."""
        ...

    @property
    def yaml(self) -> str:
        """Its text."""
        ...

    @property
    def created(self) -> bool:
        """Whether it is new."""
        ...


@dataclass(frozen=True, slots=True)
class ServerContext:
    """Everything that the routes need.

    Attributes:
        data: The data directory.
        accounts: Users, sessions, tokens.
        project: The last good state of the project; the same object until it changes.
        open_stream: The stream of a name that the project knows (``NotFoundError`` otherwise);
            opening again is cheap.
        health: Looks at disk, roles and problems now; a few file reads.
        metrics: The text for ``/metrics``.
        hosts: Names that the Host header may hold; None for any.
        ui: The built web UI; None or a missing folder: a page says how to build it.
        secure_cookie: Whether browsers come by HTTPS only.
    """

    data: DataDir
    accounts: Accounts
    project: Callable[[], Project]
    open_stream: Callable[[str], LogStream]
    health: Callable[[], HealthView]
    metrics: Callable[[], bytes] = lambda: b""
    clock: Clock = field(default_factory=SystemClock)
    hosts: frozenset[str] | None = None
    ui: Path | None = None
    secure_cookie: bool = False
    version: str = __version__
