"""Ends a query from outside: cancelled by somebody, or over its time."""

from __future__ import annotations

import threading
from collections.abc import Callable

from madang.core.errors import CancelledError, DeadlineError, MadangError

_REPEAT_S = 0.05


class Control:
    """The brake of one query; every method may be called from any thread.

    An interrupt that comes between two statements is lost on DuckDB, so it is repeated until
    :meth:`finish`.

    Args:
        timeout_s: The query's time, from now.
        on_end: Told once, from any thread, when the query is to end before it is done.
    """

    def __init__(
        self, timeout_s: float, *, on_end: Callable[[MadangError], None] | None = None
    ) -> None:
        self._on_end = on_end
        self._timeout_s = timeout_s
        self._reason: MadangError | None = None
        self._interrupt: Callable[[], None] | None = None
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._finished = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="query-deadline", daemon=True)
        self._thread.start()

    @property
    def reason(self) -> MadangError | None:
        """Why the query is ended, or None while it may go on."""
        return self._reason

    def attach(self, interrupt: Callable[[], None]) -> None:
        """Use ``interrupt`` to stop what runs."""
        with self._lock:
            self._interrupt = interrupt

    def cancel(self, message: str = "the query was cancelled") -> None:
        """End the query."""
        self._end(CancelledError(message))

    def check(self) -> None:
        """Raise the reason if the query is ended.

        Raises:
            CancelledError: Somebody cancelled it.
            DeadlineError: It took too long.
        """
        if self._reason is not None:
            raise self._reason

    def finish(self) -> None:
        """The query is over; nothing is interrupted any more."""
        with self._lock:
            self._finished.set()
            self._interrupt = None
        self._wake.set()

    def _end(self, reason: MadangError) -> None:
        with self._lock:
            if self._finished.is_set() or self._reason is not None:
                return
            self._reason = reason
        self._wake.set()
        if self._on_end:
            self._on_end(reason)

    def _watch(self) -> None:
        if not self._wake.wait(self._timeout_s):
            self._end(
                DeadlineError(
                    f"the query took longer than {self._timeout_s:g} s",
                    hint="read fewer rows, or ask for a longer timeout_s",
                )
            )
        while not self._finished.is_set():
            with self._lock:
                if self._interrupt:
                    self._interrupt()
            self._finished.wait(_REPEAT_S)
