"""``madang.yml``: the settings of the platform."""

from __future__ import annotations

from pydantic import Field

from madang.project.metrics_spec import MetricsSpec
from madang.project.ports_spec import PortsSpec
from madang.project.types import DurationS, PostgresUrl, SizeBytes, Spec, TimeZone


class ServerSpec(Spec):
    """The HTTP side."""

    host: str = "127.0.0.1"
    """Address to listen on; ``0.0.0.0`` for every one."""
    port: int = Field(default=8080, ge=0, le=65_535)
    """Port to listen on; 0 takes a free one."""
    hosts: tuple[str, ...] = ()
    """Further names that browsers may call this server by, such as the proxy's in front of it. On a
    loopback address nothing else is answered, so that foreign pages cannot reach it."""
    max_body_size: SizeBytes = 64 * 2**20
    """A request whose decompressed body is larger is refused (413)."""
    body_timeout: DurationS = 30.0
    """A client that sends its body more slowly than this is cut off (408)."""
    session_age: DurationS = 14 * 86_400.0
    """How long a sign-in lasts."""
    ports: PortsSpec = PortsSpec()
    """Ports on which a protocol has the paths that it is known by; opened at the start."""


class StorageSpec(Spec):
    """The disk."""

    min_free: SizeBytes = 512 * 2**20
    """With less free space than this, producers get 429 and nothing more is accepted."""
    segment_size: SizeBytes = 128 * 2**20
    """A stream's segment file is closed at this size."""
    idempotency_window: DurationS = 86_400.0
    """How long an Idempotency-Key is remembered."""


class MetadataSpec(Spec):
    """Where users, sessions and tokens are kept."""

    url: PostgresUrl | None = None
    """``postgresql://user@host:5432/database``, for platforms beyond one machine; without it
    ``madang.db`` in the data directory. Taken over at the start."""
    password_file: str = ""
    """A file that holds the password, relative to the project; without it the environment variable
    ``PGPASSWORD`` or ``~/.pgpass`` is asked. Not in the URL, which lies in git."""


class QuerySpec(Spec):
    """Limits of one SQL query."""

    workers: int = Field(default=2, ge=1, le=64)
    """Queries that run at the same time; further ones wait."""
    threads: int = Field(default=2, ge=1)
    """Threads of one query."""
    memory: SizeBytes = 2 * 2**30
    """Memory of one query; beyond it the query spills to disk."""
    spill: SizeBytes = 16 * 2**30
    """Disk that one query may spill to."""
    timeout: DurationS = 300.0
    """A query that runs longer is ended."""
    queue_timeout: DurationS = 30.0
    """A query that waits longer for a worker gets 429."""
    max_rows: int = Field(default=1_000_000, ge=1)
    """Rows of a result where the request names no limit; more are cut, and the answer says so."""


class PlatformSpec(Spec):
    """The settings of the platform."""

    name: str = "madang"
    """Shown in the browser's title."""
    time_zone: TimeZone | None = None
    """IANA zone of days, crons and times without a zone; default: the machine's."""
    server: ServerSpec = ServerSpec()
    """The HTTP side."""
    storage: StorageSpec = StorageSpec()
    """The disk."""
    metadata: MetadataSpec = MetadataSpec()
    """Where users, sessions and tokens are kept."""
    query: QuerySpec = QuerySpec()
    """Limits of one SQL query."""
    metrics: MetricsSpec = MetricsSpec()
    """Samples of metrics and PromQL."""
