"""Queries over HTTP, answered by a real worker in a process of its own."""

from __future__ import annotations

import json
import multiprocessing
import socket
import threading
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from madang.project.system import QUERY_HISTORY
from madang.query import QueryPool, worker
from madang.server.query_history import ended_queries

ENDLESS = "SELECT count(*) FROM range(10000000000000)"
LARGE = "SELECT range AS n, repeat('x', 100) AS t FROM range(3000000)"


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    from unit.server.conftest import World

    made = World(tmp_path_factory.mktemp("sql"))
    made.open_stream(QUERY_HISTORY)
    process = multiprocessing.get_context("spawn").Process(
        target=worker.main, args=(0, made.data.root)
    )
    process.start()
    made.ended = []
    made.pool = QueryPool(made.data.run, 1, queue_timeout_s=30, ended=made.ended.append)
    made.serve(queries=made.pool)
    with made.client("ingest") as client:
        rows = b"\n".join(b'{"item":"i%d","amount":%d}' % (n % 3, n) for n in range(10))
        client.post(
            "/ingest/orders", content=rows, headers={"Content-Type": "application/x-ndjson"}
        )
    yield made
    made.close()
    process.terminate()
    process.join(15)


@pytest.fixture(scope="module")
def client(serving):
    with serving.client("read") as opened:
        opened.timeout = 30
        yield opened


def ask(client, sql, query="", **more):
    return client.post(f"/api/sql{query}", json={"sql": sql, **more})


def test_json_by_default(client):
    answer = ask(client, "SELECT item, sum(amount) AS total FROM orders GROUP BY 1 ORDER BY 1")
    found = answer.json()
    assert [column["name"] for column in found["columns"]] == ["item", "total"]
    assert [row[0] for row in found["rows"]] == ["i0", "i1", "i2"]
    assert found["row_count"] == 3
    assert not found["truncated"]
    assert found["stats"]["tables"] == ["lake.orders"]
    assert answer.headers["X-Madang-Query-Id"] == found["query_id"]


@pytest.mark.parametrize("params", [{"least": 8}, [8]])
def test_parameters_are_bound(client, params):
    mark = "$least" if isinstance(params, dict) else "?"
    found = ask(client, f"SELECT count(*) FROM orders WHERE amount >= {mark}", params=params)
    assert found.json()["rows"] == [[2]]


def test_formats(client):
    sql = "SELECT amount FROM orders ORDER BY 1 LIMIT 2"
    assert ask(client, sql, "?format=ndjson").text == '{"amount":0}\n{"amount":1}\n'
    csv = ask(client, sql, "?format=csv")
    assert csv.text.splitlines() == ["amount", "0", "1"]
    assert "attachment" in csv.headers["Content-Disposition"]
    parquet = ask(client, sql, "?format=parquet").content
    assert pq.read_table(pa.BufferReader(parquet)).to_pydict() == {"amount": [0, 1]}
    arrow = client.post(
        "/api/sql", json={"sql": sql}, headers={"Accept": "application/vnd.apache.arrow.stream"}
    )
    assert pa.ipc.open_stream(arrow.content).read_all().num_rows == 2


@pytest.mark.parametrize(
    ("sql", "status", "code"),
    [
        ("SELEC 1", 400, "invalid_input"),
        ("SELECT * FROM oders", 404, "not_found"),
        ("SELECT * FROM read_csv('/etc/passwd')", 403, "denied"),
        ("DROP TABLE orders", 400, "invalid_input"),
        ("", 400, "invalid_input"),
    ],
)
def test_errors(client, sql, status, code):
    answer = ask(client, sql)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code), answer.text
    assert answer.headers["X-Madang-Query-Id"]


def test_an_error_has_its_place(client):
    where = ask(client, "SELECT 1,\n  nonsense FROM orders").json()["error"]["where"]
    assert (where["name"], where["line"], where["column"]) == ("sql", 2, 3)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "sql"),
        ({"sql": 1}, "sql"),
        ({"sql": "SELECT 1", "max_rows": 0}, "max_rows"),
        ({"sql": "SELECT 1", "timeout_s": -1}, "timeout_s"),
        ({"sql": "SELECT 1", "query_id": "../x"}, "query_id"),
        ({"sql": "SELECT 1", "limit": 1}, "limit"),
    ],
)
def test_bad_requests(client, body, field):
    answer = client.post("/api/sql", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["where"]["name"] == field


def test_time_out(client):
    answer = ask(client, ENDLESS, timeout_s=0.3)
    assert answer.status_code == 408
    assert answer.json()["error"]["code"] == "deadline"


def test_rows_are_cut_and_it_is_said(client):
    found = ask(client, "SELECT range FROM range(100)", max_rows=3).json()
    assert found["row_count"] == 3
    assert found["truncated"]


def test_a_large_answer_is_streamed(serving, client):
    body = {"sql": LARGE, "max_rows": 3_000_000, "query_id": "large-answer-1"}
    read, lines = 0, 0
    with client.stream("POST", "/api/sql?format=ndjson", json=body) as answer:
        for piece in answer.iter_bytes():
            read += len(piece)
            lines += piece.count(b"\n")
    assert lines == 3_000_000
    assert read > 300_000_000


def wait_for(client, query_id, states):
    for _ in range(500):
        answer = client.get(f"/api/queries/{query_id}")
        if answer.is_success and answer.json()["state"] in states:
            return answer.json()
        time.sleep(0.02)
    raise AssertionError(answer.text)


def test_cancel(client):
    answers = []
    asking = threading.Thread(
        target=lambda: answers.append(ask(client, ENDLESS, query_id="to-be-cancelled"))
    )
    asking.start()
    wait_for(client, "to-be-cancelled", ["running"])
    (first, *_) = client.get("/api/queries").json()["queries"]
    assert first["query_id"] == "to-be-cancelled"
    assert client.delete("/api/queries/to-be-cancelled").status_code == 202
    asking.join(10)
    assert answers[0].status_code == 499
    assert wait_for(client, "to-be-cancelled", ["cancelled"])["error"]["code"] == "cancelled"


def post_raw(serving, body):
    connection = socket.create_connection(("127.0.0.1", serving.port), timeout=10)
    text = json.dumps(body).encode()
    head = (
        f"POST /api/sql?format=ndjson HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {serving.tokens['read']}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n"
    )
    connection.sendall(head.encode() + text)
    return connection


def test_client_that_leaves_before_the_answer_cancels(serving, client):
    connection = post_raw(serving, {"sql": ENDLESS, "query_id": "left-before"})
    wait_for(client, "left-before", ["running"])
    connection.close()
    assert wait_for(client, "left-before", ["cancelled"])


def test_client_that_leaves_within_the_answer_cancels(serving, client):
    body = {"sql": LARGE, "max_rows": 3_000_000, "query_id": "left-within"}
    connection = post_raw(serving, body)
    assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    connection.close()
    assert wait_for(client, "left-within", ["cancelled"])
    assert ask(client, "SELECT 1").is_success


def test_others_queries_are_out_of_reach(serving, client):
    connection = post_raw(serving, {"sql": ENDLESS, "query_id": "not-yours-1"})
    wait_for(client, "not-yours-1", ["running"])
    with serving.session("viewer") as other, serving.client("admin") as admin:
        assert other.get("/api/queries/not-yours-1").status_code == 404
        assert other.delete("/api/queries/not-yours-1").status_code == 404
        assert other.get("/api/queries?mine=false").json()["queries"] == []
        everybody = admin.get("/api/queries?mine=false").json()["queries"]
        assert "not-yours-1" in [query["query_id"] for query in everybody]
        assert admin.delete("/api/queries/not-yours-1").status_code == 202
    connection.close()


def test_history_survives_in_the_stream(serving, client):
    found = ask(client, "SELECT $x AS answer", params={"x": 42}).json()
    stream = serving.open_stream(QUERY_HISTORY)
    end = stream.bounds(0).end
    for _ in range(200):
        if serving.pool.status(found["query_id"]) and stream.bounds(0).end > end - 1:
            break
        time.sleep(0.02)
    row = client.get(f"/api/queries/{found['query_id']}").json()
    assert (row["sql"], row["state"], row["user"]) == ("SELECT $x AS answer", "done", "admin")
    assert row["token_name"] == "read"
    assert (row["params"], row["fresh_rows"]) == ({"x": 42}, 0)
    assert [one.state for one in serving.ended if one.query_id == found["query_id"]] == ["done"]
    recent = client.get("/api/queries?limit=5").json()["queries"]
    assert recent[0]["query_id"] == found["query_id"]


def test_params_and_fresh_rows_outlive_the_pool(serving, client):
    found = ask(client, "SELECT count(*) FROM orders WHERE amount >= ?", params=[3]).json()
    kept = []
    for _ in range(500):
        kept = [
            row
            for row in ended_queries(serving.context(), 100, None)
            if row.query_id == found["query_id"]
        ]
        if kept:
            break
        time.sleep(0.02)
    assert (kept[0].params, kept[0].fresh_rows) == ([3], 10)


def test_catalog(client):
    found = client.get("/api/catalog").json()
    tables = {table["name"]: table for table in found["tables"]}
    assert "item" in [column["name"] for column in tables["lake.orders"]["columns"]]
    assert "date_trunc" in found["functions"]


def test_without_workers(world):
    world.serve()
    with world.client("read") as client:
        for answer in (ask(client, "SELECT 1"), client.get("/api/catalog")):
            assert answer.status_code == 503
            assert answer.headers["Retry-After"]
