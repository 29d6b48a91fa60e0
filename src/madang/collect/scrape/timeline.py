"""When a target is scraped, and as of when its samples are."""

from __future__ import annotations

_TOLERANCE_S = 0.002
_SLEW = 0.9


class Timeline:
    """Times of one target's scrapes, in milliseconds since 1970.

    They lie on the grid of the interval where the scrape came within 2 ms of it, as upstream has
    it: equal distances take less space. They never go back. Where the clock was set back, they go
    on at nine tenths of the speed of time until the clock has caught up, so that rates stay about
    right.

    Args:
        interval_s: Between two scrapes.
        last_ms: The last time that the stream has, 0 for none.
    """

    def __init__(self, interval_s: float, last_ms: int = 0) -> None:
        self._interval_s = interval_s
        self.last_ms = last_ms
        """The time of the last scrape."""
        self._last_monotonic_s: float | None = None
        self.ahead_s = 0.0
        """How far the samples are ahead of the clock."""

    def stamp(self, planned_s: float, now_s: float, monotonic_s: float) -> int:
        """The time of a scrape that was planned for ``planned_s`` and begins at ``now_s``."""
        tolerance_s = min(_TOLERANCE_S, self._interval_s / 100)
        seconds = planned_s if abs(now_s - planned_s) <= tolerance_s else now_s
        stamp_ms = round(seconds * 1000)
        if stamp_ms <= self.last_ms:
            before_s = self._last_monotonic_s
            passed_s = self._interval_s if before_s is None else monotonic_s - before_s
            stamp_ms = self.last_ms + max(1, int(passed_s * _SLEW * 1000))
        self.ahead_s = max(0.0, stamp_ms / 1000 - now_s)
        self.last_ms, self._last_monotonic_s = stamp_ms, monotonic_s
        return stamp_ms
