"""The listening sockets, opened by the supervisor before anything else starts.

``serve`` inherits them, so a port that is taken is said at once, and while ``serve`` is restarted
connections wait in the socket's queue instead of being refused.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field

from madang.core.errors import InvalidInputError, UnavailableError
from madang.project.ports_spec import PortsSpec

_BACKLOG = 2048
_ANOTHER_PORT = "--port 8081, or PORT=8081 for make run"


@dataclass(frozen=True, slots=True)
class Listeners:
    """Sockets that listen: the main one, and those of protocols that have a port of their own."""

    main: socket.socket
    own: Mapping[str, socket.socket] = field(default_factory=dict)

    def close(self) -> None:
        """Close them."""
        for listener in (self.main, *self.own.values()):
            listener.close()


def open_listeners(host: str, port: int, ports: PortsSpec) -> Listeners:
    """All sockets that ``serve`` listens on.

    Args:
        host: Of the main one.
        port: Of the main one.
        ports: The others.

    Raises:
        UnavailableError, InvalidInputError: as ``listen``; then none is open.
    """
    main = listen(host, port)
    own: dict[str, socket.socket] = {}
    try:
        for protocol, spec in ports.given().items():
            another = f"server.ports.{protocol}.port in madang.yml"
            own[protocol] = listen(spec.host, spec.port, another=another)
    except BaseException:
        Listeners(main, own).close()
        raise
    return Listeners(main, own)


def listen(host: str, port: int, *, another: str = _ANOTHER_PORT) -> socket.socket:
    """A TCP socket that listens on ``host:port``; port 0 takes a free one.

    Args:
        host: A name or an address.
        port: The port.
        another: Where another port is chosen, for the message.

    Raises:
        UnavailableError: the port is taken or may not be used.
        InvalidInputError: the host is not an address of this machine.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise InvalidInputError(
            f"{host!r} is not an address: {error.strerror}", hint="write 127.0.0.1 or 0.0.0.0"
        ) from None
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise UnavailableError(
                f"port {port} on {host} is taken by another program",
                hint=f"stop it, or choose another: {another}",
            ) from None
        if error.errno == errno.EACCES:
            raise UnavailableError(
                f"port {port} may not be used by this user", hint="choose one above 1023"
            ) from None
        raise InvalidInputError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return listener
