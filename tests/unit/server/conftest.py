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
from madang.lake import Lake
from madang.operate.accounts import Role, Scope, bootstrap, open_accounts
from madang.operate.health import DiskSpace, Health
from madang.operate.streams import open_stream, schema_of
from madang.project import ProjectEditor, ProjectFollower, ProjectPublisher
from madang.project.metrics_spec import MetricsQuerySpec
from madang.query.prometheus import ApiRelay
from madang.server import ServerContext, create_app, run_server
from madang.stream import LogStore

PASSWORD = "correct horse"
WEAK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


MADANG_YML = """
name: test
time_zone: Asia/Seoul
server:
  max_body_size: 8MiB
  body_timeout: 1s
storage:
  min_free: 0
"""
STREAMS = {
    "orders": "description: What people buy\nowner: minji\n",
    "clicks": "partitions: 4\nkey: user\n",
}
GOOD = Health((), DiskSpace(100, 50, 10), ())


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

    async def close(self):
        return None


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
        self.directory = root / "project"
        (self.directory / "streams").mkdir(parents=True)
        (self.directory / "madang.yml").write_text(MADANG_YML)
        for name, text in STREAMS.items():
            (self.directory / "streams" / f"{name}.yml").write_text(text)
        self.editor = ProjectEditor(self.directory, self.data)
        assert ProjectPublisher(self.directory, self.data).publish().errors == ()
        self.ui = root / "ui"
        self.follower = ProjectFollower(self.data)
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
        self.stop = threading.Event()
        self.thread = None
        self.port = 0
        self.clock_s = Clock()
        self.numbers = itertools.count()

    def publish(self):
        ProjectPublisher(self.directory, self.data).publish()

    @property
    def project(self):
        return self.follower.current()

    def open_stream(self, name):
        if schema_of(self.project, name) is None:
            return self.store.get(name)
        return open_stream(self.store, self.project, name)

    def define_stream(self, name, schema):
        return self.store.open(name, schema, partitions=self.project.streams[name].partitions)

    def context(self, **more):
        context = ServerContext(
            data=self.data,
            accounts=self.accounts,
            project=self.follower.current,
            open_stream=self.open_stream,
            health=lambda: self.health,
            lake=self.lake,
            queries=NoQueries(),
            prometheus=ApiRelay(self.data.metrics_socket, MetricsQuerySpec),
            editor=self.editor,
            define_stream=self.define_stream,
            ui=self.ui,
            clock=self.clock_s,
            metrics=lambda: b"# metrics\n",
            hosts=frozenset({"127.0.0.1", "localhost"}),
        )
        return replace(context, **more)

    def serve(self, further=(), **more):
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        ready = threading.Event()
        app = create_app(self.context(**more))
        self.thread = threading.Thread(
            target=run_server,
            args=(app, listener),
            kwargs={"ready": ready.set, "stop": self.stop, "further": further},
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
        self.editor.write_stream(name, spec)
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
