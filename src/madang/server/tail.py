"""Live tails: a stream's new records as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import anyio.to_thread
import orjson

from madang.core.errors import MadangError, OverloadedError
from madang.server.metrics import TAILS
from madang.server.records import Names, Sight, forward
from madang.stream import LogStream

_POLL_S = 0.25
_MAX_RECORDS = 200
_MAX_BEHIND = 1000
"""A client that is further behind has records skipped; a burst of fewer comes whole."""
_KEEP_ALIVE_S = 15.0
_MAX_TAILS = 100


class Tails:
    """All live tails of a server: how many there may be, and when they end.

    Args:
        stopping: Set when the server stops.
    """

    def __init__(self, stopping: asyncio.Event) -> None:
        self._stopping = stopping
        self._open = 0

    def check(self) -> None:
        """Refuse a further tail.

        Raises:
            OverloadedError: there are a hundred.
        """
        if self._open >= _MAX_TAILS:
            raise OverloadedError(
                f"{self._open} live tails are open", hint="close some", retry_after_s=10
            )

    async def events(
        self,
        stream: LogStream,
        positions: dict[int, int],
        still_allowed: Callable[[], Awaitable[bool]],
        sight: Sight | None = None,
        names: Names | None = None,
    ) -> AsyncIterator[bytes]:
        """Events until the client leaves, may no longer read, or the server stops.

        An event's id is the positions behind it: a browser that connects again sends it back and
        misses nothing. What a client is too slow for is skipped and counted (``dropped``).

        Args:
            stream: What to follow.
            positions: Partition → the first offset to send.
            still_allowed: Asked every 15 s: a session may have ended.
            sight: Which records may be seen; None: all.
            names: Names the series of samples.
        """
        self._open += 1
        TAILS.set(self._open)
        try:
            yield b"retry: 2000\n\n"
            unchecked_s = 0.0
            while not self._stopping.is_set():
                dropped = _skip(stream, positions)
                if dropped:
                    yield _event("dropped", {"count": dropped}, positions)
                for _ in range(_MAX_BEHIND // _MAX_RECORDS):
                    if not _waiting(stream, positions):
                        break
                    # A copy: the thread may outlive a client that leaves meanwhile.
                    found = await anyio.to_thread.run_sync(
                        forward, stream, dict(positions), _MAX_RECORDS, sight, names
                    )
                    positions.update(found.next)
                    if found.rows:
                        yield _event("records", found.rows, positions)
                await self._pause()
                unchecked_s += _POLL_S
                if unchecked_s >= _KEEP_ALIVE_S:
                    unchecked_s = 0.0
                    if not await still_allowed():
                        return
                    yield b": still here\n\n"
        finally:
            self._open -= 1
            TAILS.set(self._open)

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(_POLL_S):
                await self._stopping.wait()
        except TimeoutError:
            return


def parse_event_id(text: str | None, stream: LogStream) -> dict[int, int] | None:
    """The positions of an event's id (``0:120,1:88``), or None where it is none of this stream."""
    positions: dict[int, int] = {}
    for part in (text or "").split(","):
        number, _, offset = part.partition(":")
        if not (number.isdecimal() and offset.isdecimal() and len(offset) < 19):
            return None
        if not 0 <= int(number) < stream.partitions:
            return None
        positions[int(number)] = int(offset)
    return positions if len(positions) == stream.partitions else None


def _skip(stream: LogStream, positions: dict[int, int]) -> int:
    """Move positions that are too far behind on; how many records that leaves out."""
    share = max(1, _MAX_BEHIND // max(1, len(positions)))
    dropped = 0
    try:
        for part, position in positions.items():
            bounds = stream.bounds(part)
            first = max(bounds.earliest, bounds.end - share)
            if position < first:
                dropped += first - position
                positions[part] = first
            elif position > bounds.end:
                positions[part] = bounds.end
    except MadangError:
        return 0
    return dropped


def _waiting(stream: LogStream, positions: dict[int, int]) -> bool:
    try:
        return any(stream.bounds(part).end > position for part, position in positions.items())
    except MadangError:
        return False


def _event(name: str, data: object, positions: dict[int, int]) -> bytes:
    event_id = ",".join(f"{part}:{offset}" for part, offset in sorted(positions.items()))
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (
        event_id.encode(),
        name.encode(),
        orjson.dumps(data),
    )
