"""Ports on which a protocol has the paths that it is known by.

The same application answers there: what stands behind the prefix on the main port stands without
it on such a port, and nothing else does.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from madang.operate.accounts import Identity, Permission
from madang.project import OwnPortSpec
from madang.server.asked_path import PREFIX_KEY
from madang.server.gate import allowed_hosts

_RIGHTS = {
    # Of what the port reaches: nobody reads more through it than the protocol shows.
    "prometheus": frozenset({Permission.INGEST, Permission.READ}),
    "pushgateway": frozenset({Permission.INGEST, Permission.READ}),
    "influx": frozenset({Permission.INGEST}),
    "otlp": frozenset({Permission.INGEST}),
}


@dataclass(frozen=True, slots=True)
class OwnPort:
    """What a port is.

    Attributes:
        prefix: What its paths have on the main port.
        anonymous: Who somebody without a token is; None: nobody.
        hosts: Names that the Host header may hold; None for any.
    """

    prefix: str
    anonymous: Identity | None
    hosts: frozenset[str] | None

    @classmethod
    def of(
        cls,
        protocol: str,
        spec: OwnPortSpec,
        listener: socket.socket,
        further_hosts: tuple[str, ...] = (),
    ) -> OwnPort:
        """As the project describes it, on the socket that was opened for it."""
        address = listener.getsockname()[0]
        allowed = spec.anonymous
        if allowed is None:
            allowed = ipaddress.ip_address(address).is_loopback
        return cls(
            f"/{protocol}",
            Identity.anonymous(_RIGHTS[protocol]) if allowed else None,
            allowed_hosts(address, further_hosts),
        )


class OwnPorts:
    """ASGI middleware around everything else: puts the prefix in front of such a port's paths.

    Args:
        app: What is inside.
        ports: By number.
    """

    def __init__(self, app: ASGIApp, ports: Mapping[int, OwnPort]) -> None:
        self._app = app
        self._ports = ports

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if self._ports and scope["type"] == "http" and (server := scope.get("server")):
            port = self._ports.get(server[1])
            if port is not None:
                scope = _within(scope, port)
        await self._app(scope, receive, send)


def _within(scope: Scope, port: OwnPort) -> Scope:
    inside = {
        **scope,
        "path": port.prefix + scope["path"],
        "raw_path": port.prefix.encode() + scope.get("raw_path", b""),
        "madang.hosts": port.hosts,
        PREFIX_KEY: port.prefix,
    }
    # A page from elsewhere, open in somebody's browser, can send to their loopback address; it
    # cannot leave this header out.
    if not any(name == b"origin" for name, _ in scope["headers"]):
        inside["madang.anonymous"] = port.anonymous
    return inside
