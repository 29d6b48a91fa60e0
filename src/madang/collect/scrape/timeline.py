"""When a target is scraped, and as of when its samples are."""

from __future__ import annotations

_TOLERANCE_S = 0.002
_SLEW = 0.9
_MOST_AHEAD_MS = 300_000


class Timeline:
    """Times of one target's scrapes, in milliseconds since 1970.

    They lie on the grid of the interval where the scrape came within 2 ms of it, as upstream has
    it: equal distances take less space. Where the clock was set back by up to five minutes, they
    do not go back, but on at nine tenths of the speed of time until the clock has caught up, so
    that rates stay about right. Where it was set back further they follow it: samples that are far
    ahead of the clock are refused, and whoever repairs a clock wants the right time.

    Args:
        interval_s: Between two scrapes.
        last_ms: The last sequence that the stream has, 0 for none.
    """

    def __init__(self, interval_s: float, last_ms: int = 0) -> None:
        self._interval_s = interval_s
        self.last_ms = last_ms
        """The time of the last scrape."""
        self.sequence = last_ms
        """Rises with every scrape, whatever the times do; mostly it is the time."""
        self._last_monotonic_s: float | None = None
        self.ahead_s = 0.0
        """How far the samples are ahead of the clock."""

    def stamp(self, planned_s: float, now_s: float, monotonic_s: float) -> int:
        """The time of a scrape that was planned for ``planned_s`` and begins at ``now_s``."""
        tolerance_s = min(_TOLERANCE_S, self._interval_s / 100)
        seconds = planned_s if abs(now_s - planned_s) <= tolerance_s else now_s
        stamp_ms = round(seconds * 1000)
        most_ms = round(now_s * 1000) + _MOST_AHEAD_MS
        if stamp_ms <= self.last_ms < most_ms:
            before_s = self._last_monotonic_s
            passed_s = self._interval_s if before_s is None else monotonic_s - before_s
            slewed_ms = self.last_ms + max(1, int(passed_s * _SLEW * 1000))
            stamp_ms = min(slewed_ms, most_ms)
        self.ahead_s = max(0.0, stamp_ms / 1000 - now_s)
        self.last_ms, self._last_monotonic_s = stamp_ms, monotonic_s
        self.sequence = max(self.sequence + 1, stamp_ms)
        return stamp_ms
