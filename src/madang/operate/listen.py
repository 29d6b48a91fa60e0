"""The listening socket, opened by the supervisor before anything else starts.

``serve`` inherits it, so a port that is taken is said at once, and while ``serve`` is restarted
connections wait in the socket's queue instead of being refused.
"""

from __future__ import annotations

import errno
import socket

from madang.core.errors import InvalidInputError, UnavailableError

_BACKLOG = 2048


def listen(host: str, port: int) -> socket.socket:
    """A TCP socket that listens on ``host:port``; port 0 takes a free one.

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
                hint="stop it, or choose another: --port 8081, or PORT=8081 for make run",
            ) from None
        if error.errno == errno.EACCES:
            raise UnavailableError(
                f"port {port} may not be used by this user", hint="choose one above 1023"
            ) from None
        raise InvalidInputError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return listener
