"""What the scheduler's process and the launcher say to each other: frames over a stream socket."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import Final

import msgspec

from madang.schedule.runner.outcome import Limits, Outcome

_LENGTH: Final = struct.Struct("<I")
_PIECE_BYTES: Final = 2**18


class Start(msgspec.Struct, frozen=True, tag=True):
    """Begin an attempt. ``work`` says what it does, to whoever makes bodies of it."""

    attempt: str
    work: bytes
    log: str
    limits: Limits


class Cancel(msgspec.Struct, frozen=True, tag=True):
    """End an attempt, if it is still under way."""

    attempt: str


class Ended(msgspec.Struct, frozen=True, tag=True):
    """An attempt is over. Without an outcome nobody knows how: its keeper was killed."""

    attempt: str
    outcome: Outcome | None


Request = Start | Cancel
REQUESTS: Final = msgspec.msgpack.Decoder(Request)
ENDS: Final = msgspec.msgpack.Decoder(Ended)


def frame(message: Request | Ended) -> bytes:
    """A message as it goes over the socket."""
    data = msgspec.msgpack.encode(message)
    return _LENGTH.pack(len(data)) + data


class Frames:
    """Whole messages out of a socket's bytes."""

    def __init__(self) -> None:
        self._data = bytearray()

    def read(self, source: socket.socket) -> Iterator[bytes]:
        """Take what is there, and give the messages that are whole by then.

        Raises:
            EOFError: the other side is gone.
        """
        data = source.recv(_PIECE_BYTES)
        if not data:
            raise EOFError
        self._data += data
        while len(self._data) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(self._data)[0]
            if len(self._data) < end:
                return
            message = bytes(self._data[_LENGTH.size : end])
            del self._data[:end]
            yield message
