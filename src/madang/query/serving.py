"""One query on one connection of a worker."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable

import msgspec

from madang.core.clock import SystemClock
from madang.core.errors import MadangError
from madang.query import wire
from madang.query.answer import Finished
from madang.query.control import Control
from madang.query.door import Door
from madang.query.request import QueryRequest, QueryStats

GRACE_S = 2.0
"""A query that does not react to its end for this long takes the worker with it."""
HARD_EXIT = 70
"""The exit code of a worker that ended so."""


class Serving:
    """One query on one connection: frames out, cancellation in.

    The main thread runs the query, one thread listens for its cancellation, and once the query is
    to end, one more watches that it does.
    """

    def __init__(
        self, connection: socket.socket, door: Door, last_words: Callable[[], None]
    ) -> None:
        self._connection = connection
        self._door = door
        self._last_words = last_words
        self._sending = threading.Lock()
        self._over = threading.Event()
        self._request: QueryRequest | None = None
        self._started_at_us = 0

    def run(self, body: bytes) -> None:
        """Run the query that ``body`` asks for.

        Raises:
            OSError: The pool is gone.
        """
        self._request = request = msgspec.json.decode(body, type=QueryRequest)
        self._started_at_us = SystemClock().now_us()
        self._send(wire.ACCEPTED)
        control = Control(self._door.timeout_s(request), on_end=self._expect_the_end)
        listening = threading.Thread(target=self._listen, args=(control,), daemon=True)
        listening.start()
        stats = QueryStats()
        try:
            with self._door.answer(request, control) as answer:
                stats = answer.stats
                self._send(wire.META, msgspec.json.encode(answer.meta))
                for piece in answer.pieces:
                    self._send(wire.DATA, piece)
            self._over.set()
            self._send(wire.FINISHED, msgspec.json.encode(stats))
        except MadangError as error:
            self._over.set()
            self._send(wire.FAILED, wire.pack_error(error, stats))
        finally:
            self._over.set()
            with contextlib.suppress(OSError):
                self._connection.shutdown(socket.SHUT_RD)
            listening.join()

    def _send(self, kind: bytes, body: bytes | memoryview = b"") -> None:
        with self._sending:
            wire.send(self._connection, kind, body)

    def _listen(self, control: Control) -> None:
        """Cancel when the pool says so, or goes away."""
        with contextlib.suppress(OSError):
            while (found := wire.receive(self._connection)) is not None:
                if found[0] == wire.CANCEL:
                    break
        if not self._over.is_set():
            control.cancel()

    def _expect_the_end(self, reason: MadangError) -> None:
        threading.Thread(target=self._end_hard, args=(reason,), daemon=True).start()

    def _end_hard(self, reason: MadangError) -> None:
        if self._over.wait(GRACE_S):
            return
        if self._sending.acquire(timeout=0.2):
            with contextlib.suppress(OSError):
                self._connection.settimeout(0.5)
                wire.send(self._connection, wire.FAILED, wire.pack_error(reason))
        if self._request:
            stats = QueryStats(duration_s=(SystemClock().now_us() - self._started_at_us) / 1e6)
            self._door.remember(Finished(self._request, stats, self._started_at_us, reason))
        self._last_words()
        os._exit(HARD_EXIT)
