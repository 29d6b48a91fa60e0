from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class FakePlatform:
    """A real HTTP server with the answers that a test gives it, in the API's shapes."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)

    def on(self, route: str, answer: Any) -> None:
        """``route`` is ``METHOD /path``; ``answer`` JSON, (status, JSON[, headers]), bytes or a
        function of the request that returns one of these; a list is used up one by one."""
        self.answers[route] = answer

    def error(self, status: int, code: str, message: str, **more: Any) -> tuple[Any, ...]:
        fields = {"code": code, "message": message, "hint": None, "where": None, **more}
        return status, {"error": fields}

    def answer_to(self, request: Request) -> tuple[int, bytes, dict[str, str]]:
        self.requests.append(request)
        found = self.answers.get(f"{request.method} {request.path.partition('?')[0]}")
        if isinstance(found, Sequenced):
            found = found.next()
        if callable(found):
            found = found(request)
        if found is None:
            found = self.error(404, "not_found", f"nothing at {request.path}")
        if isinstance(found, bytes):
            return 200, found, {}
        status, body, *headers = found if isinstance(found, tuple) else (200, found)
        return status, json.dumps(body).encode(), headers[0] if headers else {}


class Sequenced:
    """Answers one after the other; the last one stays."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)

    def next(self) -> Any:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[FakePlatform]:
    fake = FakePlatform()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            request = Request(self.command, self.path, dict(self.headers), body)
            status, content, headers = fake.answer_to(request)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setenv("MADANG_URL", fake.url)
    monkeypatch.setenv("MADANG_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("MADANG_TOKEN", raising=False)
    yield fake
    server.shutdown()
    server.server_close()
    thread.join()
