"""What the routes work with, handed in: built by the role ``serve``, or by a test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from madang import __version__
from madang.core.clock import Clock, SystemClock
from madang.core.datadir import DataDir
from madang.lake import Lake
from madang.operate.accounts import Accounts
from madang.operate.health import Health
from madang.project import Project
from madang.query import Identity, QueryMeta, QueryRequest, QueryStats
from madang.stream import LogStream

__all__ = ["Queries", "RunningQuery", "ServerContext", "StreamWriter"]


class RunningQuery(Protocol):
    """A query that has begun to answer: ``query.pool.QueryResult``."""

    @property
    def meta(self) -> QueryMeta:
        """Known before the first byte."""
        ...

    @property
    def stats(self) -> QueryStats:
        """Complete behind the last byte."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The answer's bytes."""
        ...

    async def aclose(self) -> None:
        """Stop it if it still runs."""
        ...


class Queries(Protocol):
    """Runs queries on the workers: ``query.pool.QueryPool``."""

    async def run(self, request: QueryRequest) -> RunningQuery:
        """Begin a query; returns when its first bytes are there."""
        ...

    def cancel(self, query_id: str) -> bool:
        """End a query; whether there was one."""
        ...

    def status(self, query_id: str) -> Any | None:  # noqa: ANN401 -- QueryStatus
        """How a query is doing, as a ``QueryStatus``."""
        ...

    def statuses(self) -> Sequence[Any]:
        """All that run, then the last that ended."""
        ...

    async def complete(self, identity: Identity) -> Any:  # noqa: ANN401 -- Completion
        """Tables, columns and functions, as a ``Completion``."""
        ...


class StreamWriter(Protocol):
    """Writes a stream's file into the project directory and publishes what that makes."""

    def __call__(self, name: str, spec: Mapping[str, Any]) -> WrittenStream:
        """Write ``streams/<name>.yml``.

        Raises:
            MadangError: the project would not pass its checks; nothing was written.
        """
        ...


@dataclass(frozen=True, slots=True)
class WrittenStream:
    """A stream's file: its path within the project directory, its text, whether it is new."""

    file: str
    yaml: str
    created: bool


@dataclass(frozen=True, slots=True)
class ServerContext:
    """Everything that the routes need.

    Attributes:
        data: The data directory.
        accounts: Users, sessions, tokens.
        project: The last good state of the project; the same object until it changes. Called from
            any thread.
        open_stream: The stream of a name that the project knows (``NotFoundError`` otherwise);
            opening again is cheap.
        lake: The tables.
        health: Looks at disk, roles and problems now; a few file reads.
        queries: The query workers.
        write_stream: Writes a stream's file and publishes.
        project_errors: What is wrong with the project's files as they stand, as error objects.
        schema: The JSON Schema of a kind (``stream``, ``source``, ``table``, ``platform``);
            ``NotFoundError`` for another.
        metrics: The text for ``/metrics``.
        hosts: Names that the Host header may hold; None for any.
        ui: The built web UI; where it is missing, a page says how to build it.
        secure_cookie: Whether browsers come by HTTPS only.
    """

    data: DataDir
    accounts: Accounts
    project: Callable[[], Project]
    open_stream: Callable[[str], LogStream]
    lake: Lake
    health: Callable[[], Health]
    queries: Queries
    write_stream: StreamWriter
    project_errors: Callable[[], Sequence[Mapping[str, Any]]] = lambda: ()
    schema: Callable[[str], Mapping[str, Any]] = lambda kind: {"title": kind}
    metrics: Callable[[], bytes] = lambda: b""
    clock: Clock = field(default_factory=SystemClock)
    hosts: frozenset[str] | None = None
    ui: Path = Path(__file__).parent / "ui"
    secure_cookie: bool = False
    version: str = __version__
