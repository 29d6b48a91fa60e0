from __future__ import annotations

import gzip

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ONE, TWO = "/influx/write", "/influx/api/v2/write"


def send(server, path, content, token="ingest", headers=None, **params):
    with server.client(token) as client:
        return client.post(path, content=content, params=params, headers=headers or {})


@pytest.mark.parametrize(
    ("path", "params", "label"),
    [
        (ONE, {"db": "telegraf"}, {"db": "telegraf"}),
        (ONE, {"db": "telegraf", "rp": "autogen"}, {"db": "telegraf"}),
        (ONE, {"db": "telegraf", "rp": "year"}, {"db": "telegraf", "rp": "year"}),
        (ONE, {}, {}),
        (TWO, {"org": "us", "bucket": "hosts"}, {"bucket": "hosts"}),
    ],
)
def test_lines_of_a_database_or_bucket(server, stored, now_ms, path, params, label):
    content = f"cpu,host=a usage=1.5,cores=4i {now_ms}\n"
    answer = send(server, path, content, precision="ms", **params)
    assert (answer.status_code, answer.content) == (204, b"")
    assert stored.rows() == [
        ({"__name__": "cpu_usage", "host": "a", **label}, now_ms, 1.5, None),
        ({"__name__": "cpu_cores", "host": "a", **label}, now_ms, 4.0, None),
    ]
    assert stored.sources() == {"influx"}


def test_a_tag_of_the_same_name_stays(server, stored, now_ms):
    content = f"pg,db=shop size=1 {now_ms}\npg size=2 {now_ms}\n"
    assert send(server, ONE, content, db="telegraf", precision="ms").status_code == 204
    assert [row[0]["db"] for row in stored.rows()] == ["shop", "telegraf"]


def test_series_that_become_one_are_one(server, stored, now_ms):
    content = f"m,db=x v=1 {now_ms}\nm v=2 {now_ms + 1}\nm,db=x v=3 {now_ms + 2}"
    assert send(server, ONE, content, db="x", precision="ms").status_code == 204
    assert [row[1:3] for row in stored.rows()] == [
        (now_ms, 1.0),
        (now_ms + 1, 2.0),
        (now_ms + 2, 3.0),
    ]
    assert len({tuple(row[0].items()) for row in stored.rows()}) == 1


@pytest.mark.parametrize(
    ("precision", "unit_ms"), [("s", 1000), ("ms", 1), ("m", 60_000), ("", 1e-6), ("us", 1e-3)]
)
def test_precisions_and_gzip(server, stored, now_ms, precision, unit_ms):
    content = gzip.compress(f"m v=1 {round(now_ms / unit_ms)}".encode())
    headers = {"Content-Encoding": "gzip"}
    answer = send(server, TWO, content, headers=headers, precision=precision, bucket="b")
    assert answer.status_code == 204
    assert abs(stored.rows()[0][1] - now_ms) <= max(1, unit_ms)


def test_without_a_time_it_is_now(server, stored, now_ms):
    assert send(server, ONE, "m v=1").status_code == 204
    assert abs(stored.rows()[0][1] - now_ms) < 5_000


def test_the_rest_of_a_body_with_wrong_lines_is_stored(server, stored):
    content = "m v=1\nm v=\nn v=2\nbroken\n"
    answer = send(server, ONE, content)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error.startswith("partial write: unable to take line 2: ")
    assert "line 4: " in error
    assert error.endswith("dropped=2")
    assert answer.headers["X-Influxdb-Error"] == error
    answer = send(server, TWO, content)
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid"
    assert answer.json()["line"] == 2
    assert [row[2] for row in stored.rows()] == [1.0, 2.0] * 2


def test_refusals(server, stored):
    answer = send(server, ONE, "m v=1", precision="year")
    assert (answer.status_code, "precision" in answer.json()["error"]) == (400, True)
    answer = send(server, TWO, "m v=1", precision="year")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    answer = send(server, TWO, "m v=1", token="read")
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    answer = send(server, TWO, "m v=1", token=None)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert send(server, ONE, "m v=1", db="x" * 300).status_code == 400
    headers = {"Content-Encoding": "gzip"}
    assert send(server, ONE, b"no gzip", headers=headers).status_code == 400
    bomb = gzip.compress(b" " * (9 << 20))
    assert send(server, ONE, bomb, headers=headers).status_code == 413
    assert stored.rows() == []


def test_the_ways_of_sending_a_token(server, stored):
    secret = server.tokens["ingest"]
    with server.client() as client:
        assert client.post(ONE, params={"u": "x", "p": secret}, content="m v=1").status_code == 204
        assert client.post(ONE, params={"u": "x", "p": "no"}, content="m v=1").status_code == 401
        assert client.post(ONE, auth=("x", secret), content="m v=2").status_code == 204
        headers = {"Authorization": f"Token {secret}"}
        assert client.post(TWO, headers=headers, content="m v=3").status_code == 204
    assert [row[2] for row in stored.rows()] == [1.0, 2.0, 3.0]


TELEGRAF = r"""
mem,host=web-1 active=5203591168i,available_percent=71.25,buffered=0i TIME
cpu,cpu=cpu-total,host=web-1 usage_idle=98.4,usage_user=1.1 TIME
disk,device=nvme0n1p2,host=web-1,label=a\ b,mode=rw,path=/ free=1u,used_percent=3 TIME
system,host=web-1 load1=0.12,n_users=2i,uptime_format="10 days, 3:04" TIME
win_services,host=web-1 state=4i,display="a \"b\", c=d" TIME
"""


def test_what_telegraf_sends(server, stored, now_ms):
    body = TELEGRAF.replace("TIME", f"{now_ms}123456").encode()
    headers = {"Content-Encoding": "gzip", "Content-Type": "text/plain; charset=utf-8"}
    params = {"db": "telegraf", "consistency": "any"}
    answer = send(server, ONE, gzip.compress(body), headers=headers, **params)
    assert answer.status_code == 204
    rows = stored.rows()
    assert len(rows) == 10
    assert {row[1] for row in rows} == {now_ms}
    assert stored.values()["disk_used_percent"] == 3.0
    disk = next(row[0] for row in rows if row[0]["__name__"] == "disk_free")
    assert (disk["path"], disk["label"], disk["db"]) == ("/", "a b", "telegraf")


def test_strings_are_no_samples(server, stored):
    assert send(server, ONE, 'm s="text"\nm s="text",v=1').status_code == 204
    assert [row[2] for row in stored.rows()] == [1.0]


def test_what_clients_ask_before_they_write(server):
    with server.client() as client:
        answer = client.get("/influx/ping")
        assert (answer.status_code, answer.headers["X-Influxdb-Version"]) == (204, "1.8.10")
        assert client.head("/influx/ping").status_code == 204
        assert client.get("/influx/ping?verbose=true").json() == {"version": "1.8.10"}
        assert client.get("/influx/health").json()["status"] == "pass"
        assert client.get("/influx/ready").json()["status"] == "ready"
        assert client.delete("/influx/health").status_code == 405
        assert client.get("/influx/query?q=SHOW+DATABASES").status_code == 401
        assert client.get("/influx/whatever").status_code == 404


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('CREATE DATABASE "telegraf"', {}),
        ('CREATE DATABASE "a" WITH DURATION 1h', {}),
        ("drop retention policy x on y", {}),
        ("SHOW DATABASES", {"name": "databases", "columns": ["name"], "values": []}),
    ],
)
def test_databases_need_not_be_made(server, query, expected):
    with server.client("ingest") as client:
        for answer in (
            client.post("/influx/query", data={"q": query}),
            client.get("/influx/query", params={"q": query}),
        ):
            assert answer.status_code == 200
            (result,) = answer.json()["results"]
            assert result.get("series", [{}])[0] == expected


def test_influxql_is_not_answered(server):
    with server.client("ingest") as client:
        answer = client.post("/influx/query", data={"q": "SELECT * FROM cpu"})
        assert "PromQL" in answer.json()["results"][0]["error"]
        assert client.post("/influx/query", data={"q": " "}).status_code == 400
        assert client.post("/influx/query", content=b"x" * 70_000).status_code == 413
        assert client.put("/influx/query").status_code == 405


@pytest.fixture(scope="module")
def open_client(server):
    with server.client("ingest") as client:
        yield client


@given(
    content=st.binary(max_size=300),
    path=st.sampled_from([ONE, TWO]),
    query=st.binary(max_size=30),
    encoding=st.sampled_from(["", "gzip", "zstd", "br"]),
)
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_are_too_much(open_client, content, path, query, encoding):
    url = open_client.base_url.join(path).copy_with(query=b"db=" + query.hex().encode())
    headers = {"Content-Encoding": encoding} if encoding else {}
    status = open_client.post(url, content=content, headers=headers).status_code
    assert status in (204, 400, 413, 415)


def test_what_is_too_old_is_not_acknowledged(server, stored, now_ms):
    assert send(server, ONE, f"m v=1 {now_ms}", precision="ms").status_code == 204
    for path in (ONE, TWO):
        # Seconds, taken for nanoseconds: of 1970.
        answer = send(server, path, f"m v=2 {now_ms // 1000}")
        assert answer.status_code == 400
        assert "metrics.out_of_order" in answer.text
        assert "line" not in answer.text
    assert [row[2] for row in stored.rows()] == [1.0]
