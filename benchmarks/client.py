"""An HTTP client that costs little: prebuilt requests over kept-alive sockets, one a thread."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from madang.testing.running_platform import TOKEN


@dataclass(slots=True)
class Load:
    """What a run of requests came to; ``latencies_s`` has every answer's."""

    requests: int
    duration_s: float
    latencies_s: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def percentile_ms(self, percent: float) -> float:
        """The latency that ``percent`` of the answers did not exceed."""
        ordered = sorted(self.latencies_s)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] * 1000


def request(
    path: str,
    body: bytes,
    content_type: str = "application/x-ndjson",
    content_encoding: str = "identity",
) -> bytes:
    """The bytes of a POST with the test token."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n"
        f"Content-Type: {content_type}\r\nContent-Encoding: {content_encoding}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _answer(connection: socket.socket) -> bytes:
    """One answer: status line to the end of a body of known length."""
    received = b""
    while (end := received.find(b"\r\n\r\n")) < 0:
        more = connection.recv(65_536)
        if not more:
            raise ConnectionError("the server closed the connection")
        received += more
    head = received[:end].lower()
    _, told, behind = head.partition(b"content-length:")
    length = int(behind.split(b"\r\n")[0]) if told else 0  # a 204 has neither
    while len(received) < end + 4 + length:
        received += connection.recv(65_536)
    return received


def send_for(
    port: int,
    message: bytes | Sequence[bytes],
    *,
    duration_s: float,
    connections: int,
    pause_s: float = 0.0,
) -> Load:
    """Send messages again and again over each connection for ``duration_s`` seconds.

    Args:
        port: Of 127.0.0.1.
        message: From :func:`request`; of several, all connections together send each in turn.
        duration_s: How long.
        connections: Each has one request under way.
        pause_s: Between an answer and the next request.
    """
    load = Load(0, 0.0)
    lock = threading.Lock()
    end = time.perf_counter() + duration_s
    turn = itertools.cycle([message] if isinstance(message, bytes) else message)

    def run() -> None:
        latencies, failures = [], []
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while time.perf_counter() < end:
                following = next(turn)
                began = time.perf_counter()
                connection.sendall(following)
                answer = _answer(connection)
                latencies.append(time.perf_counter() - began)
                if not answer[9:12].startswith(b"20"):
                    failures.append(answer[:300].decode(errors="replace"))
                if pause_s:
                    time.sleep(pause_s)
        with lock:
            load.latencies_s += latencies
            load.failures += failures

    began = time.perf_counter()
    threads = [threading.Thread(target=run) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    load.duration_s = time.perf_counter() - began
    load.requests = len(load.latencies_s)
    return load
