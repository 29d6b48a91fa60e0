"""Fetches a page: connections kept, redirects followed, credentials and proxies as configured."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from madang.collect.scrape.credentials import authorization, basic
from madang.collect.scrape.http_connection import HttpConnection, Response
from madang.collect.scrape.tls import TlsContext
from madang.core.errors import InvalidInputError, MadangError, UnavailableError
from madang.project.http_client_spec import HttpClientSpec, TlsSpec

MOST_BYTES = 128 * 2**20
"""A larger body is refused whatever is configured: one target must not take all memory."""
_MOST_REDIRECTS = 10
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PORTS = {"http": 80, "https": 443}


class _Origin(NamedTuple):
    """Where a connection leads."""

    scheme: str
    host: str
    port: int


class HttpClient:
    """Gets addresses as one job's settings say; one request at a time, for one target.

    Args:
        spec: Credentials, TLS, proxy, redirects.
        tls: The settings' context; shared among the targets of a job.
    """

    def __init__(self, spec: HttpClientSpec, tls: TlsContext | None = None) -> None:
        self._spec = spec
        self._tls = tls or TlsContext(spec.tls_config or TlsSpec())
        self._written: tuple[SplitResult, Mapping[str, str], bytes] | None = None
        self._idle: tuple[_Origin, HttpConnection] | None = None

    async def get(self, url: str, headers: Mapping[str, str], most_bytes: int = 0) -> Response:
        """The good answer (200) of ``url``; its inflated body is at most ``most_bytes``.

        0 stands for 128 MiB.
        Cancelling it drops the connection: put it under a time-out.

        Raises:
            MadangError: nobody answers, another status, too large, redirects without end, …
        """
        limit = min(most_bytes or MOST_BYTES, MOST_BYTES)
        first = current = _split(url)
        for _ in range(_MOST_REDIRECTS + 1):
            # Credentials are for the configured server alone.
            private = {} if _origin(current) != _origin(first) else authorization(self._spec)
            response = await self._get(current, {**headers, **private}, limit)
            location = response.headers.get("location")
            if not (self._spec.follow_redirects and response.status in _REDIRECTS and location):
                break
            current = _split(urljoin(current.geturl(), location))
        else:
            last = str(location)[:200]
            raise InvalidInputError(f"more than {_MOST_REDIRECTS} redirects, the last to {last}")
        if response.status != HTTPStatus.OK:
            raise UnavailableError(f"the server answers {_status(response.status)}")
        return response

    def close(self) -> None:
        """Drop the connection that is kept."""
        if self._idle is not None:
            self._idle[1].abort()
            self._idle = None

    async def _get(self, url: SplitResult, headers: Mapping[str, str], limit: int) -> Response:
        origin = _origin(url)
        proxied = self._proxied(origin)
        if proxied:
            headers = {**headers, **_proxy_credentials(urlsplit(self._spec.proxy_url))}
        request = self._request(url, headers, proxied)
        connection, self._idle = self._kept(origin), None
        if connection is not None:
            try:
                return self._done(origin, connection, await connection.ask(request, limit))
            except UnavailableError:
                if connection.used:
                    raise
                # The server closed it before it read the request: that is what idle ones are like.
        connection = await self._connect(origin)
        return self._done(origin, connection, await connection.ask(request, limit))

    def _request(self, url: SplitResult, headers: Mapping[str, str], proxied: bool) -> bytes:
        known = self._written
        if known is not None and known[0] is url and known[1] == headers:
            return known[2]
        request = _request(url, headers, proxied)
        self._written = (url, headers, request)
        return request

    def _kept(self, origin: _Origin) -> HttpConnection | None:
        if self._idle is None:
            return None
        known, connection = self._idle
        if known == origin and not connection.closed:
            connection.used = False
            return connection
        connection.abort()
        return None

    def _done(self, origin: _Origin, connection: HttpConnection, response: Response) -> Response:
        if response.keep_alive and not connection.closed:
            self._idle = (origin, connection)
        else:
            connection.abort()
        return response

    def _proxied(self, origin: _Origin) -> bool:
        return bool(self._spec.proxy_url) and origin.scheme == "http"

    async def _connect(self, origin: _Origin) -> HttpConnection:
        loop = asyncio.get_running_loop()
        proxy = urlsplit(self._spec.proxy_url) if self._spec.proxy_url else None
        host, port = (origin.host, origin.port)
        if proxy is not None:
            host, port = proxy.hostname or "", proxy.port or 80
        secure = origin.scheme == "https"
        name = (self._tls.server_name or origin.host) if secure else None
        try:
            context = self._tls.get() if secure else None
            if proxy is None or not secure:
                _, connection = await loop.create_connection(
                    HttpConnection, host, port, ssl=context, server_hostname=name
                )
                return connection
            _, connection = await loop.create_connection(HttpConnection, host, port)
            await _through(connection, origin, proxy)
            assert context is not None
            transport = await loop.start_tls(
                connection.transport, connection, context, server_hostname=name
            )
            if transport is not None:
                connection.connection_made(transport)
            return connection  # noqa: TRY300 - as above
        except ssl.SSLCertVerificationError as error:
            text = f"the certificate of {host} is not trusted: {error.verify_message}"
            raise UnavailableError(text, hint="tls_config") from None
        except (OSError, UnicodeError, ValueError) as error:
            raise UnavailableError(f"{host}:{port} cannot be reached: {_reason(error)}") from None


@lru_cache(maxsize=4096)
def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises where it is no number
    except ValueError as error:
        raise InvalidInputError(f"{url!r} is no address: {error}") from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise InvalidInputError(f"{url!r} is no HTTP address")
    return parts


@lru_cache(maxsize=4096)
def _origin(url: SplitResult) -> _Origin:
    return _Origin(url.scheme, url.hostname or "", url.port or _PORTS[url.scheme])


def _request(url: SplitResult, headers: Mapping[str, str], proxied: bool) -> bytes:
    host = url.netloc.rpartition("@")[2]
    target = quote(url.path or "/", safe="/%:@!$&'()*+,;=~-._")
    target += f"?{quote(url.query, safe='/%:@!$&()*+,;=~-._?')}" if url.query else ""
    target = f"http://{host}{target}" if proxied else target
    lines = [f"GET {target} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if any("\r" in line or "\n" in line for line in lines):
        raise InvalidInputError("a header of the request has a line end in it")
    return "\r\n".join([*lines, "", ""]).encode("utf-8")


async def _through(connection: HttpConnection, origin: _Origin, proxy: SplitResult) -> None:
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    at = f"{host}:{origin.port}"
    lines = [f"CONNECT {at} HTTP/1.1", f"Host: {at}"]
    lines += [f"{name}: {value}" for name, value in _proxy_credentials(proxy).items()]
    response = await connection.ask("\r\n".join([*lines, "", ""]).encode(), 65_536, connect=True)
    if response.status != HTTPStatus.OK:
        connection.abort()
        raise UnavailableError(f"the proxy answers {_status(response.status)}")


def _proxy_credentials(proxy: SplitResult) -> dict[str, str]:
    if not proxy.username:
        return {}
    return {"Proxy-Authorization": basic(unquote(proxy.username), unquote(proxy.password or ""))}


def _status(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        if error.errno is None or error.errno <= 0 or isinstance(error, ssl.SSLError):
            return error.strerror
        return os.strerror(error.errno).lower()
    return str(error) or type(error).__name__


def reason_of(error: Exception) -> str:
    """An error of a scrape in a sentence."""
    return str(error) if isinstance(error, MadangError) else _reason(error)
