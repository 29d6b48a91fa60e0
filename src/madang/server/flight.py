"""Bytes of request bodies in memory at once: what keeps many large requests from being too many."""

from __future__ import annotations

from threading import Lock

from madang.core.errors import OverloadedError
from madang.core.units import format_size
from madang.server.metrics import INGEST_IN_FLIGHT


class Flight:
    """A budget that every body is booked on while it is received and appended.

    Thread-safe.

    Args:
        limit_bytes: The most at once; a single body always fits an empty budget.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._lock = Lock()
        self.used_bytes = 0

    def book(self, size_bytes: int, *, own_bytes: int = 0) -> None:
        """Take ``size_bytes`` from the budget, for a body that has taken ``own_bytes`` already.

        Raises:
            OverloadedError: they do not fit now.
        """
        with self._lock:
            used_bytes = self.used_bytes
            if used_bytes > own_bytes and used_bytes + size_bytes > self._limit_bytes:
                raise OverloadedError(
                    f"bodies of {format_size(used_bytes)} are being appended already",
                    hint="send fewer at once, or again in a moment",
                )
            self.used_bytes += size_bytes
            INGEST_IN_FLIGHT.set(self.used_bytes)

    def release(self, size_bytes: int) -> None:
        """Give ``size_bytes`` back."""
        with self._lock:
            self.used_bytes -= size_bytes
            INGEST_IN_FLIGHT.set(self.used_bytes)
