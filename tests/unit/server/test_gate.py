from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor

import orjson
import pytest

from madang.operate.health import DiskSpace, Health, Problem, Severity
from madang.server.access_log import Access, AccessLog
from madang.server.gate import allowed_hosts, host_name

DOWN = Health((Problem("disk_full", Severity.ERROR, "full"),), DiskSpace(100, 5, 10), ())


def access_lines(world, count):
    """The access log, once it holds ``count`` lines: it is written twice a second."""
    path = world.data.logs / "access.jsonl"
    world.stop.set()
    world.thread.join(20)
    lines = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    assert len(lines) == count
    return lines


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "localhost.:8080"])
def test_foreign_hosts_are_refused(server, host):
    with server.client() as client:
        answer = client.get("/healthz", headers={"Host": host})
    assert answer.status_code == 421
    assert answer.json()["error"]["code"] == "foreign_host"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1234", "127.0.0.1:80"])
def test_own_hosts_are_served(server, host):
    with server.client() as client:
        assert client.get("/healthz", headers={"Host": host}).text == "ok\n"


@pytest.mark.parametrize(
    ("header", "name"),
    [(b"[::1]:8080", "[::1]"), (b"a:b:c", "a"), (b"A", "a"), (b"", ""), (b"\xff", "ÿ")],
)
def test_host_name(header, name):
    assert host_name(header) == name


def test_hosts_are_checked_on_loopback_only():
    assert allowed_hosts("0.0.0.0") is None
    assert "data.example.com" in allowed_hosts("127.0.0.1", ("Data.example.com",))


def test_security_headers(server):
    with server.client() as client:
        headers = client.get("/api/session").headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "unsafe-inline" not in headers["Content-Security-Policy"].split("style-src")[0]
    assert headers["Referrer-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in headers
    assert "Server" not in headers


def test_unknown_path_is_json_with_a_near_match(server):
    with server.client() as client:
        answer = client.get("/api/sesion")
    assert answer.status_code == 404
    assert answer.json()["error"]["hint"] == "did you mean /api/session?"


def test_wrong_method(server):
    with server.client() as client:
        answer = client.patch("/api/session")
    assert answer.status_code == 405
    assert answer.json()["error"]["code"] == "method_not_allowed"


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", None])
def test_what_curl_calls_a_form_is_taken_for_json_with_a_token_only(server, kind):
    headers = {"Content-Type": kind} if kind else {}
    with server.client("admin") as client:
        answer = client.put("/api/streams/by_curl", content=b"{}", headers=headers)
        assert answer.is_success, answer.text
    with server.session("admin") as client:
        answer = client.put("/api/streams/by_form", content=b"{}", headers=headers)
        assert answer.status_code == 400
        assert not (server.directory / "streams" / "by_form.yml").exists()


def test_our_own_bugs_are_told_by_an_id(world, caplog):
    def broken():
        raise ZeroDivisionError("secret detail")

    world.serve(health=broken)
    with world.client() as client:
        answer = client.get("/readyz")
    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    (error_id,) = re.findall(r"\(error (\w{26})\)", answer.json()["error"]["message"])
    (record,) = [record for record in caplog.records if record.name == "madang.server.errors"]
    assert record.error_id == error_id
    assert record.exc_info[0] is ZeroDivisionError


def test_access_log_has_a_line_per_request_and_no_secret(world):
    stream = world.new_stream()
    world.serve()
    with world.client("ingest") as client:
        client.post(
            f"/ingest/{stream}", content=b'{"a":1}', headers={"User-Agent": "테스트".encode()}
        )
        client.get("/login?code=verysecret")
        client.get("/no/such/thing")
    ingest, login, missing = access_lines(world, 3)
    assert ingest["route"] == "/ingest/{stream}"
    assert ingest["path"] == f"/ingest/{stream}"
    assert (ingest["method"], ingest["status"], ingest["bytes_in"]) == ("POST", 200, 7)
    (token,) = [one for one in world.accounts.tokens.all() if one.name == "ingest"]
    assert (ingest["user"], ingest["token"], ingest["token_name"]) == ("admin", token.id, "ingest")
    assert ingest["bytes_out"] > 0
    assert ingest["duration_ms"] > 0
    assert "verysecret" not in str(login)
    assert missing["route"] == "/{path:path}"


def some_access(number):
    return Access(
        1_767_225_600_000_000, "GET", "/x", f"/{number}", 200, 0.001, 0, 2, None, "::1", None
    )


def test_rotation_loses_nothing_for_one_who_follows_the_inode(tmp_path):
    path = tmp_path / "access.jsonl"

    async def write():
        with ThreadPoolExecutor(1) as executor:
            for number in range(30):
                log = AccessLog(path, executor, max_file_bytes=1000, backups=50)
                log.write(some_access(number))
                await log.close()

    asyncio.run(write())
    files = [path, *(tmp_path / f"access.jsonl.{number}" for number in range(1, 50))]
    lines = [
        orjson.loads(line)["path"]
        for file in reversed(files)
        if file.exists()
        for line in file.read_bytes().splitlines()
    ]
    assert lines == [f"/{number}" for number in range(30)]
    assert sum(file.exists() for file in files) > 3


def test_a_torn_line_is_closed(tmp_path):
    path = tmp_path / "access.jsonl"
    path.write_bytes(b'{"torn')

    async def write():
        with ThreadPoolExecutor(1) as executor:
            log = AccessLog(path, executor)
            log.write(some_access(1))
            await log.close()

    asyncio.run(write())
    torn, whole = path.read_bytes().splitlines()
    assert torn == b'{"torn'
    assert orjson.loads(whole)["path"] == "/1"


def test_unwritable_log_stops_nobody(world):
    world.data.root.mkdir(exist_ok=True)
    world.data.logs.write_bytes(b"a file in the way")
    world.serve()
    with world.client() as client:
        assert client.get("/healthz").is_success


def test_readiness(world):
    world.serve()
    with world.client() as client:
        assert client.get("/readyz").json()["ready"]
        world.health = DOWN
        answer = client.get("/readyz")
    assert answer.status_code == 503
    assert not answer.json()["ready"]
