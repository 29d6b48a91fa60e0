"""Failures within a window, per key: what slows guessing down."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict

from madang.core.clock import Clock
from madang.core.errors import OverloadedError

_MAX_KEYS = 10_000


class Throttle:
    """Lets a key fail ``limit`` times within ``window_s`` seconds. Thread-safe, in memory.

    An attempt counts as failed until :meth:`succeeded` is called: many at once do not slip through.
    """

    def __init__(self, clock: Clock, *, limit: int = 5, window_s: float = 300.0) -> None:
        self._clock = clock
        self._limit = limit
        self._window_s = window_s
        self._lock = threading.Lock()
        self._failures: OrderedDict[str, list[float]] = OrderedDict()

    def attempt(self, key: str) -> None:
        """Count an attempt.

        Raises:
            OverloadedError: the key has failed too often; says when to try again.
        """
        now = self._clock.monotonic_s()
        with self._lock:
            recent = [at for at in self._failures.pop(key, ()) if now - at < self._window_s]
            self._failures[key] = recent
            if len(recent) >= self._limit:
                wait_s = self._window_s - (now - recent[0])
                raise OverloadedError(
                    f"{len(recent)} failed attempts to sign in",
                    hint=f"try again in {math.ceil(wait_s)} seconds",
                    retry_after_s=wait_s,
                )
            recent.append(now)
            if len(self._failures) > _MAX_KEYS:
                self._failures.popitem(last=False)

    def succeeded(self, key: str) -> None:
        """Forget the key's failures."""
        with self._lock:
            self._failures.pop(key, None)
