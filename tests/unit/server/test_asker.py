"""Whose a query is: told by ids, never by a name that somebody picked."""

from __future__ import annotations

import asyncio
import json

import pyarrow as pa
import pytest

from madang.core.clock import SystemClock
from madang.operate.accounts import Identity, Role, Scope
from madang.project.system import QUERY_HISTORY
from madang.query import QUERY_HISTORY_SCHEMA, QueryRequest, QueryStats
from madang.query import Identity as QueryIdentity
from madang.query.answer import Finished
from madang.query.history import history_row
from madang.query.status import Running
from madang.server.asker import Asker
from madang.server.query_history import ended_queries
from unit.server.conftest import NoQueries

BOSS, EVE = 1, 2


def identity_of(user, user_id, token=None, token_name=None):
    return Identity(
        user,
        user_id,
        Role.VIEWER,
        "token" if token else "session",
        frozenset(),
        token or "a session's digest",
        token_name,
    )


def query(user, user_id, token=None, token_name=None, query_id="some-query"):
    asker = QueryIdentity(user, user_id=user_id, token=token, token_name=token_name)
    return QueryRequest(sql="SELECT $secret", identity=asker, query_id=query_id)


ASKED = {
    "boss": query("boss", BOSS),
    "boss's token": query("boss", BOSS, "t1", "MADANG_TOKEN"),
    "boss's other token": query("boss", BOSS, "t2", "MADANG_TOKEN"),
    "eve": query("eve", EVE),
    "eve's token": query("eve", EVE, "t3", "MADANG_TOKEN"),
    "nobody's": query("boss", None),
}


@pytest.mark.parametrize(
    ("identity", "theirs"),
    [
        (identity_of("boss", BOSS), {"boss", "boss's token", "boss's other token"}),
        (identity_of("boss", BOSS, "t1", "MADANG_TOKEN"), {"boss's token"}),
        (identity_of("eve", EVE), {"eve", "eve's token"}),
        (identity_of("eve", EVE, "t3", "MADANG_TOKEN"), {"eve's token"}),
        # A user of a name that was somebody else's before.
        (identity_of("boss", 9), set()),
    ],
)
def test_ids_tell(identity, theirs):
    asker = Asker.of(identity)
    known = {
        name for name, asked in ASKED.items() if asker.asked(Running(asked, SystemClock()).status())
    }
    assert known == theirs


def test_rows_of_before_there_were_ids_are_read_and_a_token_s_name_opens_none(world):
    added = ("user_id", "token", "token_name")
    old = pa.schema([field for field in QUERY_HISTORY_SCHEMA if field.name not in added])
    stream = world.store.open(QUERY_HISTORY, old, partitions=1)
    rows = [
        history_row(Finished(query(user, None, query_id=f"old-{n}"), QueryStats(), 0, None))
        for n, user in enumerate(["boss", "token:MADANG_TOKEN", "eve"])
    ]
    stream.submit(pa.RecordBatch.from_pylist(rows, schema=old)).result(10)
    wider = world.open_stream(QUERY_HISTORY)
    new = history_row(Finished(ASKED["eve's token"], QueryStats(), 0, None))
    wider.submit(pa.RecordBatch.from_pylist([new], schema=QUERY_HISTORY_SCHEMA)).result(10)

    def seen_by(asker):
        return [row.query_id for row in ended_queries(world.context(), 10, asker)]

    assert seen_by(None) == ["some-query", "old-2", "old-1", "old-0"]
    assert seen_by(Asker("eve", EVE, None)) == ["some-query", "old-2"]
    assert seen_by(Asker("eve", EVE, "t3")) == ["some-query"]
    (newest, *_, oldest) = ended_queries(world.context(), 10, None)
    assert (newest.user, newest.token, newest.token_name) == ("eve", "t3", "MADANG_TOKEN")
    assert (oldest.user, oldest.token) == ("boss", None)


def test_the_stream_of_the_history_shows_one_s_own_too(world):
    viewer = world.accounts.users.find("viewer")
    admin = world.accounts.users.find("admin")
    made = world.accounts.tokens.create("of the viewer", Scope.READ, user_id=viewer.id)
    token = world.accounts.tokens.find(made.secret).token
    world.tokens["viewer"] = made.secret
    asked = [
        query("admin", admin.id, query_id="the-admins"),
        query("viewer", viewer.id, query_id="by-session"),
        query("viewer", viewer.id, token, "of the viewer", "by-token"),
        query("viewer", None, query_id="of-before"),
        query("token:of the viewer", None, query_id="a-tokens-of-before"),
    ]
    rows = [history_row(Finished(one, QueryStats(), 0, None)) for one in asked]
    stream = world.open_stream(QUERY_HISTORY)
    stream.submit(pa.RecordBatch.from_pylist(rows, schema=QUERY_HISTORY_SCHEMA)).result(10)
    world.serve()
    path = f"/api/streams/{QUERY_HISTORY}"

    def seen(client, more=""):
        answer = client.get(f"{path}/records{more}").json()
        assert answer["next"] == {"0": 5}
        return {json.loads(row["value"])["query_id"]: row["offset"] for row in answer["records"]}

    def tailed(client):
        headers = {"Last-Event-ID": "0:0"}
        with client.stream("GET", f"{path}/tail", headers=headers) as answer:
            data = next(line for line in answer.iter_lines() if line.startswith("data: "))
        return {json.loads(row["value"])["query_id"] for row in json.loads(data[6:])}

    with world.session("viewer") as client:
        own = {"by-session": 1, "by-token": 2, "of-before": 3}
        assert seen(client) == seen(client, "?from=earliest") == own
        assert seen(client, "?partition=0&offset=2") == {"by-token": 2, "of-before": 3}
        assert tailed(client) == {*own}
        for more in ("/dead-letters", ".dead/records"):
            assert client.get(f"{path}{more}").status_code in (403, 404)
    with world.client("viewer") as client:
        assert seen(client) == {"by-token": 2}
        assert tailed(client) == {"by-token"}
    with world.client("read") as client:  # an admin's, but it may only read
        assert seen(client) == {}
    with world.client("admin") as client:
        assert len(seen(client)) == len(tailed(client)) == 5


class OneQuery(NoQueries):
    """A platform on which one query runs."""

    def __init__(self, running):
        self.running = running
        self.cancelled = []

    def statuses(self):
        return [self.running.status()]

    def status(self, query_id):
        return self.running.status() if query_id == self.running.request.query_id else None

    def cancel(self, query_id):
        self.cancelled.append(query_id)
        return True


def test_a_token_of_the_same_name_reaches_nothing(world):
    # The name that the admin's bootstrap token has.
    viewer = world.accounts.users.find("viewer")
    forged = world.accounts.tokens.create("MADANG_TOKEN", Scope.READ, user_id=viewer.id)
    world.tokens["forged"] = forged.secret
    admin = world.accounts.tokens.find(world.tokens["admin"])
    asked = query(admin.user, admin.user_id, admin.token, admin.token_name, "the-admins")
    queries = OneQuery(Running(asked, SystemClock()))
    world.serve(queries=queries)
    with world.client("forged") as client:
        assert client.get("/api/queries").json()["queries"] == []
        assert client.get("/api/queries?mine=false").json()["queries"] == []
        assert client.get("/api/queries/the-admins").status_code == 404
        assert client.delete("/api/queries/the-admins").status_code == 404
    assert queries.cancelled == []
    with world.client("admin") as client:
        (row,) = client.get("/api/queries").json()["queries"]
        assert (row["user"], row["token"], row["token_name"]) == (
            "admin",
            admin.token,
            "MADANG_TOKEN",
        )
        assert client.delete("/api/queries/the-admins").status_code == 202
    assert queries.cancelled == ["the-admins"]
    lines = []

    async def written():
        path = world.data.logs / "access.jsonl"
        async with asyncio.timeout(5):
            while len(lines) < 6:
                await asyncio.sleep(0.05)
                lines[:] = path.read_text().splitlines() if path.exists() else []

    asyncio.run(written())
    users = {(line["user"], line["token"]) for line in map(json.loads, lines)}
    assert users == {("viewer", forged.id), ("admin", admin.token)}
