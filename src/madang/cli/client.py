"""A small HTTP client for Madang's API: one connection, kept; errors come back as they were."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from madang.cli.wrong_call import WrongCallError
from madang.core.errors import MadangError, Place, UnavailableError
from madang.project.settings import Connection

_RETRIED = frozenset({408, 429, 502, 503, 504, 507})
_MAX_WAIT_S = 30.0


@dataclass(frozen=True, slots=True)
class Response:
    """An answer that was read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:  # noqa: ANN401 - JSON is anything
        """The body's JSON.

        Raises:
            UnavailableError: it is none, so somebody else answers there.
        """
        try:
            return json.loads(self.body) if self.body else None
        except ValueError:
            raise UnavailableError(
                "the answer is not JSON, so it is not Madang that answers",
                hint="check --url or MADANG_URL",
            ) from None


class RemoteError(MadangError):
    """An error that the platform answered, with its own code."""

    code = "remote"

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        where: Place | None = None,
        remote_code: str = "error",
        http_status: int = 500,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, hint=hint, where=where)
        self.remote_code = remote_code
        self.http_status = http_status
        self.retry_after_s = retry_after_s

    def extra(self) -> dict[str, Any]:
        """The platform's code and status."""
        return {
            "remote_code": self.remote_code,
            "http_status": self.http_status,
            "retry_after_s": self.retry_after_s,
        }


class Client:
    """Talks to one platform; not thread-safe."""

    def __init__(self, connection: Connection, *, timeout_s: float = 60.0) -> None:
        self.url = connection.url
        self._token = connection.token
        self._silent = connection.silent
        self._timeout_s = timeout_s
        self._parts = urlsplit(connection.url)
        if self._parts.scheme not in ("http", "https") or not self._parts.hostname:
            raise WrongCallError(
                f"{connection.url!r} is not a URL of Madang", hint="such as http://127.0.0.1:8080"
            )
        self._kept: http.client.HTTPConnection | None = None

    def get(self, path: str, **query: str | int | None) -> Any:  # noqa: ANN401 - JSON
        """The JSON that ``GET path`` answers."""
        return self.request("GET", path, query=query).json()

    def send(self, method: str, path: str, body: object = None, **query: str | int | None) -> Any:  # noqa: ANN401 - JSON
        """The JSON that the answer holds, or None; ``body`` is sent as JSON."""
        data = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        return self.request(method, path, data, headers=headers, query=query).json()

    def request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str | int | None] | None = None,
        retry_for_s: float = 0.0,
    ) -> Response:
        """One request.

        ``retry_for_s``: how long what may pass (429, 503, a lost connection) is tried again, as
        Retry-After says. Only for what may be sent twice.

        Raises:
            UnavailableError: nobody answers.
            RemoteError: the platform answers with an error.
        """
        deadline = time.monotonic() + retry_for_s
        wait_s = 0.2
        while True:
            try:
                answer = self._once(method, path, body, headers or {}, query or {})
                response = Response(answer.status, dict(answer.headers), answer.read())
                error = _error_of(response) if response.status >= 400 else None
            except (OSError, http.client.HTTPException) as lost:
                self.close()
                error, response = self._nobody(lost), None
            if error is None and response is not None:
                return response
            assert error is not None
            retryable = response is None or response.status in _RETRIED
            pause_s = min(getattr(error, "retry_after_s", None) or wait_s, _MAX_WAIT_S)
            if not retryable or time.monotonic() + pause_s > deadline:
                raise error
            time.sleep(pause_s)
            wait_s = min(wait_s * 2, 5.0)

    def stream(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str | int | None] | None = None,
        timeout_s: float | None = None,
    ) -> http.client.HTTPResponse:
        """A request whose answer is read piece by piece by the caller.

        Raises:
            UnavailableError, RemoteError: as ``request``.
        """
        try:
            answer = self._once(method, path, body, headers or {}, query or {}, timeout_s)
            if answer.status >= 400:
                raise _error_of(Response(answer.status, dict(answer.headers), answer.read()))
        except (OSError, http.client.HTTPException) as lost:
            self.close()
            raise self._nobody(lost) from None
        return answer

    def events(self, path: str) -> Iterator[tuple[str, Any]]:
        """Server-sent events of ``path`` as (name, JSON data); keep-alives are left out."""
        with self.stream("GET", path, headers={"Accept": "text/event-stream"}) as answer:
            name, data = "message", ""
            for raw in answer:
                line = raw.decode("utf-8", "replace").rstrip("\r\n")
                if line.startswith("event:"):
                    name = line[6:].strip()
                elif line.startswith("data:"):
                    data += line[5:].strip()
                elif not line and data:
                    yield name, json.loads(data)
                    name, data = "message", ""

    def close(self) -> None:
        """Close the kept connection."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _once(
        self,
        method: str,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        query: Mapping[str, str | int | None],
        timeout_s: float | None = None,
    ) -> http.client.HTTPResponse:
        asked = {key: value for key, value in query.items() if value is not None}
        target = self._parts.path.rstrip("/") + path + (f"?{urlencode(asked)}" if asked else "")
        sent = {"User-Agent": "madang-cli", "Accept": "application/json", **headers}
        if self._token:
            if not self._token.isascii() or not self._token.isprintable():
                raise WrongCallError("the token holds characters that no token has")
            sent["Authorization"] = f"Bearer {self._token}"
        fresh = self._kept is None
        kept = self._kept or self._connect()
        self._kept = kept
        if timeout_s is not None and kept.sock is not None:
            kept.sock.settimeout(timeout_s)
        try:
            kept.request(method, target, body, sent)
            return kept.getresponse()
        except (BrokenPipeError, ConnectionResetError, http.client.BadStatusLine):
            self.close()
            if fresh or method not in ("GET", "PUT", "DELETE"):
                raise
            # The server closed a connection that had been idle: nothing was asked yet.
            return self._once(method, path, body, headers, query, timeout_s)

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "https":
            return http.client.HTTPSConnection(
                host, port, timeout=self._timeout_s, context=ssl.create_default_context()
            )
        return http.client.HTTPConnection(host, port, timeout=self._timeout_s)

    def _nobody(self, lost: Exception) -> MadangError:
        if isinstance(lost, socket.timeout):
            return UnavailableError(
                f"{self.url} does not answer in {self._timeout_s:g} s", hint="`madang status`"
            )
        if isinstance(lost, ConnectionRefusedError | socket.gaierror):
            return UnavailableError(
                f"Madang does not run at {self.url}"
                + (f", nor in the data directory {self._silent}" if self._silent else ""),
                hint="start it with `madang up`, or say where it runs: --data DIR or MADANG_DATA"
                " here, --url or MADANG_URL elsewhere",
            )
        return UnavailableError(f"the connection to {self.url} broke: {lost}")


def quoted(name: str) -> str:
    """``name`` as one step of a path."""
    return quote(name, safe="")


def _error_of(response: Response) -> MadangError:
    try:
        shown = json.loads(response.body)["error"]
        place = shown.get("where")
        where = Place(place["name"], place["line"], place["column"]) if place else None
        code, message, hint = str(shown["code"]), str(shown["message"]), shown.get("hint")
    except (ValueError, KeyError, TypeError, AttributeError):
        code, where = "error", None
        reason = http.client.responses.get(response.status, "")
        message = f"HTTP {response.status} {reason}".strip() + ", not in the way of Madang"
        hint = "does Madang answer there, or something else? Check --url or MADANG_URL"
    if response.status == 401 and not hint:
        hint = "give a token with --token or MADANG_TOKEN"
    after = response.headers.get("Retry-After") or response.headers.get("retry-after") or ""
    return RemoteError(
        message,
        hint=hint,
        where=where,
        remote_code=code,
        http_status=response.status,
        retry_after_s=float(after) if after.replace(".", "", 1).isdigit() else None,
    )
