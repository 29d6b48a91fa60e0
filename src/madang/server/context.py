"""What the routes work with, handed in: built by the role ``serve``, or by a test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from madang import __version__
from madang.core.clock import Clock, SystemClock
from madang.core.datadir import DataDir
from madang.lake import Lake
from madang.operate.accounts import Accounts
from madang.operate.health import Health
from madang.project import Project, ProjectEditor
from madang.query import Identity, QueryMeta, QueryRequest, QueryStats
from madang.query.prometheus import ApiRelay
from madang.server.own_ports import OwnPort
from madang.stream import LogStream

__all__ = ["Queries", "RunningQuery", "ServerContext"]


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

    async def close(self) -> None:
        """Cancel what runs."""
        ...


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
        prometheus: Asks the role ``metrics``.
        editor: Writes into the project directory and publishes.
        define_stream: Opens a typed stream that nobody has opened yet with its first schema.
        metrics: The text for ``/metrics``.
        hosts: Names that the Host header may hold; None for any.
        ui: The built web UI; where it is missing, a page says how to build it.
        secure_cookie: Whether browsers come by HTTPS only.
        ports: What the further ports are that it listens on, by number.
    """

    data: DataDir
    accounts: Accounts
    project: Callable[[], Project]
    open_stream: Callable[[str], LogStream]
    lake: Lake
    health: Callable[[], Health]
    queries: Queries
    prometheus: ApiRelay
    editor: ProjectEditor
    define_stream: Callable[[str, pa.Schema], LogStream]
    metrics: Callable[[], bytes] = lambda: b""
    clock: Clock = field(default_factory=SystemClock)
    hosts: frozenset[str] | None = None
    ui: Path = Path(__file__).parent / "ui"
    secure_cookie: bool = False
    ports: Mapping[int, OwnPort] = field(default_factory=dict)
    version: str = __version__
