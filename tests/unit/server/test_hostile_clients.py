"""Clients that break the rules, spoken to over raw sockets."""

from __future__ import annotations

import socket
import time
from contextlib import contextmanager, suppress

import orjson
import pytest

from madang.server import app, http_protocol


@contextmanager
def connection(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as opened:
        yield opened


def head(server, stream, *lines, method="POST"):
    token = server.tokens["ingest"]
    fixed = (
        f"{method} /ingest/{stream} HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {token}",
    )
    return ("\r\n".join((*fixed, *lines)) + "\r\n\r\n").encode()


def read_all(opened):
    received = b""
    while True:
        try:
            piece = opened.recv(65536)
        except ConnectionResetError:
            return received
        if not piece:
            return received
        received += piece


def answer(opened):
    """Status, headers and body of one answer; the rest stays unread."""
    file = opened.makefile("rb")
    status = int(file.readline().split()[1])
    headers = {}
    while (line := file.readline().strip()) != b"":
        name, _, value = line.partition(b":")
        headers[name.lower().decode()] = value.strip().decode()
    body = file.read(int(headers.get("content-length", 0)))
    return status, headers, body


@pytest.fixture
def orders(server):
    return server.new_stream()


def is_alive(server, stream):
    before = len(server.values(stream))
    with connection(server) as opened:
        opened.sendall(head(server, stream, "Content-Length: 2") + b"{}")
        assert answer(opened)[0] == 200
    return len(server.values(stream)) == before + 1


def test_slow_body_is_cut_off(server, orders):
    with connection(server) as opened:
        opened.sendall(head(server, orders, "Content-Length: 1000") + b'{"a":1}\n')
        began = time.monotonic()
        status, headers, body = answer(opened)
        assert status == 408
        assert headers["connection"] == "close"
        assert orjson.loads(body)["error"]["code"] == "deadline"
        assert 0.9 < time.monotonic() - began < 5
    assert server.values(orders) == []
    assert is_alive(server, orders)


def test_client_that_leaves_in_the_middle_leaves_nothing(server, orders):
    with connection(server) as opened:
        opened.sendall(head(server, orders, "Content-Length: 1000") + b'{"a":1}\n')
    assert is_alive(server, orders)
    assert server.values(orders) == [b"{}"]


def test_content_length_shorter_than_the_body(server, orders):
    with connection(server) as opened:
        opened.sendall(head(server, orders, "Content-Length: 2") + b'{}{"more":1}')
        received = read_all(opened)
    assert received.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in received
    assert server.values(orders) == [b"{}"]


@pytest.mark.parametrize("length", ["-1", "1e3", "0x10", "two", "99999999999999999999", "1, 2"])
def test_content_length_that_is_none(server, orders, length):
    with connection(server) as opened:
        opened.sendall(head(server, orders, f"Content-Length: {length}") + b"{}")
        assert read_all(opened).startswith((b"HTTP/1.1 400", b"HTTP/1.1 413"))
    assert server.values(orders) == []


def test_declared_too_large_is_refused_before_it_is_sent(server, orders):
    with connection(server) as opened:
        length = 100 * 2**20
        opened.sendall(head(server, orders, f"Content-Length: {length}", "Expect: 100-continue"))
        status, headers, _ = answer(opened)
        assert status == 413
        assert headers["connection"] == "close"


def test_refused_client_that_goes_on_sending_sees_the_answer(server, orders):
    with connection(server) as opened:
        opened.sendall(head(server, orders, f"Content-Length: {100 * 2**20}"))
        opened.sendall(b"x" * 300_000)
        status, _, _ = answer(opened)
        assert status == 413


def test_expect_100_continue(server, orders):
    with connection(server) as opened:
        opened.sendall(head(server, orders, "Content-Length: 2", "Expect: 100-continue"))
        assert opened.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        opened.sendall(b"{}")
        assert answer(opened)[0] == 200
    assert server.values(orders) == [b"{}"]


def test_pipelined_requests_are_answered_in_order(server, orders):
    with connection(server) as opened:
        one = b"".join(
            head(server, orders, "Content-Length: 7") + b'{"a":%d}' % number for number in range(5)
        )
        opened.sendall(one)
        for number in range(5):
            assert orjson.loads(answer_of(opened))["partitions"][0]["first_offset"] == number
    assert server.values(orders) == [b'{"a":%d}' % number for number in range(5)]


def answer_of(opened):
    """The body of the next answer, read byte by byte so that nothing behind it is taken."""
    received = b""
    while not received.endswith(b"\r\n\r\n"):
        received += opened.recv(1)
    lines = received.lower().split(b"\r\n")
    length = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length"))
    body = b""
    while len(body) < length:
        body += opened.recv(length - len(body))
    return body


@pytest.mark.parametrize(
    "body", [b"zz\r\n{}\r\n0\r\n\r\n", b"2\r\n{}x", b"fffffffffffffffff\r\n", b"-2\r\n{}\r\n"]
)
def test_bad_chunked_encoding(server, orders, body):
    with connection(server) as opened:
        opened.sendall(head(server, orders, "Transfer-Encoding: chunked") + body)
        assert read_all(opened).startswith((b"HTTP/1.1 400", b"HTTP/1.1 408"))
    assert server.values(orders) == []
    assert is_alive(server, orders)


def test_chunked_body_that_never_ends(server, orders):
    with connection(server) as opened:
        opened.sendall(head(server, orders, "Transfer-Encoding: chunked"))
        chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        try:
            for _ in range(300):
                opened.sendall(chunk)
        except (BrokenPipeError, ConnectionResetError):
            pass
        received = read_all(opened)
    assert received == b"" or received.startswith(b"HTTP/1.1 413")
    assert server.values(orders) == []


def test_both_lengths_are_smuggling(server, orders):
    with connection(server) as opened:
        lines = ("Content-Length: 2", "Transfer-Encoding: chunked")
        opened.sendall(head(server, orders, *lines) + b"2\r\n{}\r\n0\r\n\r\n")
        assert read_all(opened).startswith(b"HTTP/1.1 400")
    assert server.values(orders) == []


def test_huge_headers(server, orders):
    with connection(server) as opened:
        with suppress(BrokenPipeError, ConnectionResetError):
            opened.sendall(head(server, orders, "X-Large: " + "x" * 200_000))
        received = read_all(opened)
    assert received == b"" or received.startswith(b"HTTP/1.1 431")
    assert is_alive(server, orders)


def test_headers_that_never_end(server, orders, monkeypatch):
    monkeypatch.setattr(http_protocol, "HEADER_TIMEOUT_S", 0.3)
    with connection(server) as opened:
        opened.sendall(b"POST /ingest/x HTTP/1.1\r\nHost: localhost\r\n")
        assert read_all(opened).startswith(b"HTTP/1.1 408")
    with connection(server) as silent:
        assert read_all(silent) == b""
    assert is_alive(server, orders)


@pytest.mark.parametrize("noise", [b"\x16\x03\x01\x02\x00\x01\x00", b"hello\r\n\r\n", b"\0" * 100])
def test_what_is_not_http(server, orders, noise):
    with connection(server) as opened:
        opened.sendall(noise)
        assert read_all(opened).startswith(b"HTTP/1.1 400")
    assert is_alive(server, orders)


def test_two_mebibyte_record_among_others_lands(server, orders):
    large = b'"' + b"x" * 2 * 2**20 + b'"'
    body = b'{"a":1}\n' + large + b'\n{"a":2}'
    with connection(server) as opened:
        lines = (f"Content-Length: {len(body)}", "Content-Type: application/x-ndjson")
        opened.sendall(head(server, orders, *lines) + body)
        status, _, answered = answer(opened)
    assert status == 200
    assert orjson.loads(answered)["records"] == 3
    assert server.values(orders) == [b'{"a":1}', large, b'{"a":2}']


def test_bodies_in_flight_are_bounded(world, monkeypatch):
    monkeypatch.setattr(app, "_MIN_FLIGHT_BYTES", 0)
    stream = world.new_stream()
    world.serve()
    large = head(world, stream, f"Content-Length: {8 * 2**20}")
    with connection(world) as one, connection(world) as two:
        one.sendall(large + b"x")
        two.sendall(large + b"x")
        with world.client("ingest") as client:
            for _ in range(100):
                refused = client.post(f"/ingest/{stream}", content=b"{}")
                if refused.status_code == 429:
                    break
        assert refused.status_code == 429
        assert int(refused.headers["Retry-After"]) >= 1
    assert is_alive(world, stream)


def test_a_request_under_way_is_finished_before_the_server_stops(world):
    stream = world.new_stream()
    world.serve()
    with connection(world) as opened:
        opened.sendall(head(world, stream, "Content-Length: 7", "Expect: 100-continue"))
        # The server reads the body: the request is under way.
        assert opened.recv(100).startswith(b"HTTP/1.1 100")
        world.stop.set()
        opened.sendall(b'{"a":1}')
        status, _, _ = answer(opened)
        assert status == 200
    world.thread.join(20)
    assert world.values(stream) == [b'{"a":1}']
