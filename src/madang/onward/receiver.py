"""A receiver of remote write over HTTP: one request at a time, its connection kept."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from madang import __version__
from madang.collect.remote_write import CONTENT_TYPES, V2_PROTO
from madang.collect.scrape.credentials import authorization, basic
from madang.collect.scrape.tls import TlsContext
from madang.core.errors import InvalidInputError, MadangError, UnavailableError
from madang.project.http_client_spec import TlsSpec
from madang.project.remote_write_spec import RemoteWriteSpec

_PORTS = {"http": 80, "https": 443}
_MOST_TEXT = 4096
_MOST_REDIRECTS = 10
_SAME_AGAIN = frozenset({307, 308})
"""Redirects that keep the method and the body."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a receiver answers. ``retry_after``: the header, as it is."""

    status: int
    text: str
    retry_after: str = ""

    def pause_s(self, now_s: float) -> float:
        """How long it asks to wait; 0 where it does not say."""
        if self.retry_after.isascii() and self.retry_after.isdigit():
            return float(self.retry_after)
        try:
            return max(0.0, parsedate_to_datetime(self.retry_after).timestamp() - now_s)
        except (ValueError, TypeError, OverflowError):
            return 0.0


class Receiver:
    """Sends bodies to one address. Used by one thread.

    Args:
        spec: Where, and how.
        tls: The settings' context; shared among the shards of a sender.
    """

    def __init__(self, spec: RemoteWriteSpec, tls: TlsContext | None = None) -> None:
        self._spec = spec
        self._tls = tls or TlsContext(spec.tls_config or TlsSpec())
        self._kept: tuple[tuple[str, str], http.client.HTTPConnection] | None = None
        v2 = spec.protobuf_message == V2_PROTO
        self._headers = {
            "Content-Type": CONTENT_TYPES[spec.protobuf_message],
            "Content-Encoding": "snappy",
            "User-Agent": f"Madang/{__version__}",
            "X-Prometheus-Remote-Write-Version": "2.0.0" if v2 else "0.1.0",
        }

    def post(self, body: bytes, *, again: bool = False) -> Reply:
        """Send a body; what the receiver answers, whatever that is.

        Raises:
            UnavailableError: nobody answered; the receiver may have taken the body.
        """
        headers = {**self._spec.headers, **self._headers}
        if again:
            headers["Retry-Attempt"] = "1"
        first = url = urlsplit(self._spec.url)
        for _ in range(_MOST_REDIRECTS):
            # Credentials are for the configured server alone.
            own = (url.scheme, url.netloc) == (first.scheme, first.netloc)
            private = authorization(self._spec) if own else {}
            reply, location = self._post(url, body, {**headers, **private})
            if not (self._spec.follow_redirects and reply.status in _SAME_AGAIN and location):
                return reply
            url = urlsplit(urljoin(url.geturl(), location))
            if url.scheme not in _PORTS or not url.hostname:
                return Reply(reply.status, f"a redirect to {location[:200]}")
        return Reply(400, f"more than {_MOST_REDIRECTS} redirects")

    def close(self) -> None:
        """Drop the connection that is kept."""
        if self._kept is not None:
            self._kept[1].close()
            self._kept = None

    def _post(self, url: SplitResult, body: bytes, headers: Mapping[str, str]) -> tuple[Reply, str]:
        target = quote(url.path or "/", safe="/%:@!$&'()*+,;=~-._")
        target += f"?{url.query}" if url.query else ""
        proxy = urlsplit(self._spec.proxy_url) if self._spec.proxy_url else None
        if proxy is not None and url.scheme == "http":
            target = f"http://{url.netloc.rpartition('@')[2]}{target}"
            headers = {**headers, **_proxy_headers(proxy)}
        kept = self._kept is not None
        try:
            try:
                return self._ask(url, proxy, target, body, headers)
            except (ConnectionError, http.client.RemoteDisconnected):
                if not kept:
                    raise
                # It was idle and the receiver closed it: that is what idle ones are like.
                self.close()
                return self._ask(url, proxy, target, body, headers)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            raise UnavailableError(f"{url.netloc} did not answer: {_reason(error)}") from None
        except MadangError:
            self.close()
            raise

    def _ask(
        self,
        url: SplitResult,
        proxy: SplitResult | None,
        target: str,
        body: bytes,
        headers: Mapping[str, str],
    ) -> tuple[Reply, str]:
        connection = self._connection(url, proxy)
        connection.request("POST", target, body, dict(headers))
        answer = connection.getresponse()
        text = answer.read(_MOST_TEXT).decode("utf-8", "replace").strip()
        if answer.will_close or not answer.isclosed():
            self.close()
        location = answer.headers.get("Location") or ""
        retry_after = (answer.headers.get("Retry-After") or "").strip()
        return Reply(answer.status, text, retry_after), location

    def _connection(
        self, url: SplitResult, proxy: SplitResult | None
    ) -> http.client.HTTPConnection:
        origin = (url.scheme, url.netloc)
        if self._kept is not None and self._kept[0] == origin:
            return self._kept[1]
        self.close()
        host, port = url.hostname or "", url.port or _PORTS[url.scheme]
        via = (proxy.hostname or "", proxy.port or 80) if proxy is not None else (host, port)
        timeout_s = self._spec.remote_timeout
        made: http.client.HTTPConnection
        if url.scheme == "http":
            made = http.client.HTTPConnection(*via, timeout=timeout_s)
        else:
            name = self._tls.server_name or host
            made = _SecureConnection(*via, self._tls.get(), name, timeout_s)
            if proxy is not None:
                made.set_tunnel(host, port, _proxy_headers(proxy))
        self._kept = (origin, made)
        return made


class _SecureConnection(http.client.HTTPConnection):
    """TLS with a server name that may be another than the host."""

    def __init__(
        self, host: str, port: int, context: ssl.SSLContext, name: str, timeout_s: float
    ) -> None:
        super().__init__(host, port, timeout=timeout_s)
        self._context, self._name = context, name

    def connect(self) -> None:
        super().connect()
        self.sock: socket.socket = self._context.wrap_socket(self.sock, server_hostname=self._name)


def _proxy_headers(proxy: SplitResult) -> dict[str, str]:
    if not proxy.username:
        return {}
    given = basic(unquote(proxy.username), unquote(proxy.password or ""))
    return {"Proxy-Authorization": given}


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, TimeoutError):
        return "it took too long"
    if isinstance(error, http.client.RemoteDisconnected):
        return "it closed the connection"
    return str(error) or type(error).__name__


def refusal(reply: Reply) -> InvalidInputError:
    """The error of an answer that means that the same again is refused again."""
    text = reply.text.splitlines()[0][:300] if reply.text else ""
    return InvalidInputError(f"the receiver answers {reply.status}{': ' + text if text else ''}")
