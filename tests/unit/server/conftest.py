"""A real server on a free port, over a real data directory."""

from __future__ import annotations

import itertools
import socket
import threading
from dataclasses import replace

import httpx
import pytest
from argon2 import PasswordHasher

from madang.core.clock import SystemClock
from madang.core.datadir import DataDir
from madang.core.errors import UnavailableError
from madang.core.names import unknown
from madang.lake import DEAD_LETTER_SCHEMA, Lake
from madang.operate.accounts import Role, Scope, bootstrap, open_accounts
from madang.operate.health import DiskSpace, Health
from madang.project import PlatformSpec, Project, RecordFormat, ServerSpec, StreamSpec
from madang.server import ServerContext, create_app, run_server
from madang.server.context import WrittenStream
from madang.stream import RECORD_SCHEMA, LogStore

PASSWORD = "correct horse"
WEAK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


GOOD = Health((), DiskSpace(100, 50, 10), ())


def stream_spec(name, **more):
    return StreamSpec(name=name, **more)


class NoQueries:
    """A platform without query workers."""

    async def run(self, request):
        raise UnavailableError("no query worker is up")

    async def complete(self, identity):
        raise UnavailableError("no query worker is up")

    def cancel(self, query_id):
        return False

    def status(self, query_id):
        return None

    def statuses(self):
        return []


class Clock(SystemClock):
    """The machine's clock, whose monotonic hand a test may push on."""

    ahead_s = 0.0

    def advance(self, seconds):
        self.ahead_s += seconds

    def monotonic_s(self):
        return super().monotonic_s() + self.ahead_s


class World:
    """What a server works with, and clients for it."""

    def __init__(self, root):
        self.data = DataDir(root / "data")
        self.project = Project(
            directory=str(root / "project"),
            platform=PlatformSpec(
                name="test",
                time_zone="Asia/Seoul",
                server=ServerSpec(max_body_size="8MiB", body_timeout="1s"),
            ),
            streams={
                spec.name: spec
                for spec in (
                    stream_spec("orders"),
                    stream_spec("clicks", partitions=4, key="user"),
                    stream_spec("lines", format=RecordFormat.PLAIN),
                    stream_spec("table", format=RecordFormat.CSV),
                    stream_spec("system.access_log"),
                )
            },
            version="1",
        )
        self.store = LogStore(self.data.streams, min_free_bytes=0)
        self.accounts = open_accounts(self.data.metadata, hasher=WEAK)
        bootstrap(self.accounts, "admin-token")
        admin = self.accounts.users.find("admin")
        self.admin_id = admin.id
        self.tokens = {"admin": "admin-token"}
        for scope in (Scope.INGEST, Scope.READ):
            made = self.accounts.tokens.create(scope.value, scope, user_id=admin.id)
            self.tokens[scope.value] = made.secret
        for role in (Role.EDITOR, Role.VIEWER):
            self.accounts.users.create(role.value, role, PASSWORD)
        self.health = GOOD
        self.lake = Lake(self.data)
        self.written = {}
        self.stop = threading.Event()
        self.thread = None
        self.port = 0
        self.clock_s = Clock()
        self.numbers = itertools.count()

    def open_stream(self, name):
        spec = self.project.streams.get(name.removesuffix(".dead"))
        if spec is None:
            raise unknown("stream", name, self.project.streams)
        if name.endswith(".dead"):
            return self.store.open(name, DEAD_LETTER_SCHEMA)
        return self.store.open(name, RECORD_SCHEMA, partitions=spec.partitions)

    def context(self, **more):
        context = ServerContext(
            data=self.data,
            accounts=self.accounts,
            project=lambda: self.project,
            open_stream=self.open_stream,
            health=lambda: self.health,
            lake=self.lake,
            queries=NoQueries(),
            write_stream=self.write_stream,
            ui=self.data.root / "no-ui",
            clock=self.clock_s,
            metrics=lambda: b"# metrics\n",
            hosts=frozenset({"127.0.0.1", "localhost"}),
        )
        return replace(context, **more)

    def write_stream(self, name, spec):
        """What the project's writer does, without its files."""
        created = name not in self.project.streams
        self.add(StreamSpec.model_validate({**spec, "name": name}))
        return WrittenStream(f"streams/{name}.yml", "partitions: 1\n", created)

    def add(self, spec):
        streams = {**self.project.streams, spec.name: spec}
        self.project = self.project.model_copy(update={"streams": streams})

    def serve(self, **more):
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        ready = threading.Event()
        app = create_app(self.context(**more))
        self.thread = threading.Thread(
            target=run_server, args=(app, listener), kwargs={"ready": ready.set, "stop": self.stop}
        )
        self.thread.start()
        assert ready.wait(10)
        return self

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def client(self, token=None):
        headers = {"Authorization": f"Bearer {self.tokens[token]}"} if token else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=10, trust_env=False)

    def session(self, role):
        user = self.accounts.users.find(role)
        secret = self.accounts.sessions.open(user.id)
        client = self.client()
        client.cookies.set("madang_session", secret)
        client.headers["X-Madang-Request"] = "1"
        return client

    def close(self):
        self.stop.set()
        if self.thread is not None:
            self.thread.join(20)
            assert not self.thread.is_alive()
        self.store.close()
        self.lake.close()
        self.accounts.close()

    def new_stream(self, **spec):
        """Add a stream to the project, as somebody who writes a file does."""
        name = f"s{next(self.numbers)}"
        self.add(stream_spec(name, **spec))
        return name

    def values(self, stream, partition=0):
        if self.open_stream(stream).bounds(partition).end == 0:
            return []
        chunks = self.open_stream(stream).read(partition, 0, max_bytes=64 * 2**20)
        return [value for chunk in chunks for value in chunk.batch.column("value").to_pylist()]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One server for the tests of a module; each makes what it needs."""
    made = World(tmp_path_factory.mktemp("server"))
    yield made.serve()
    made.close()


@pytest.fixture
def world(tmp_path):
    """A world of one's own, not served yet."""
    made = World(tmp_path)
    yield made
    made.close()
