"""The pool's end of a connection to a worker."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import struct
from pathlib import Path

from madang.query import wire
from madang.query.socket_path import short_address

_READ_AHEAD_BYTES = 2 * 2**20
STOP_S = 4.0
"""A worker that is still busy this long after its query was given up is killed."""
_CREDENTIALS = struct.Struct("3i")


class WorkerLink:
    """One connection; reads ahead a little and no more, so a slow reader slows the worker down."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.at_end = False
        """The worker closed the connection."""
        self.closed = False

    @classmethod
    async def open(cls, path: Path) -> WorkerLink:
        """Connect.

        Raises:
            OSError: The worker does not listen.
        """
        with short_address(path) as address:
            reader, writer = await asyncio.open_unix_connection(address, limit=_READ_AHEAD_BYTES)
        return cls(reader, writer)

    async def send(self, kind: bytes, body: bytes = b"") -> None:
        """Send one frame; an error shows at the next read."""
        with contextlib.suppress(ConnectionError):
            self._writer.write(wire.frame(kind, body))
            await self._writer.drain()

    def send_soon(self, kind: bytes) -> None:
        """Send an empty frame without waiting."""
        self._writer.write(wire.frame(kind))

    async def read(self) -> tuple[bytes, bytes] | None:
        """The next frame, or None at the end."""
        found = await wire.read_frame(self._reader)
        if found is None:
            self.at_end = True
        return found

    async def wait_closed(self) -> None:
        """Wait until a closed connection is gone."""
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def stop(self) -> None:
        """Cancel, drop what still comes, and kill the worker if it does not let go."""
        try:
            await self.send(wire.CANCEL)
            async with asyncio.timeout(STOP_S):
                while await self.read() is not None:
                    pass
        except TimeoutError:
            self.kill()
        finally:
            self.close()
            await self.wait_closed()

    def kill(self) -> None:
        """Kill the worker at the other end."""
        peer = self._writer.get_extra_info("socket")
        if peer is None:
            return
        raw = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        pid, _, _ = _CREDENTIALS.unpack(raw)
        if pid > 0 and pid != os.getpid():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        """Close the connection."""
        self.closed = True
        self._writer.close()
