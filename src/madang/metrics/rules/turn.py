"""Where a group is in time: what it evaluates next, and what it leaves out."""

from __future__ import annotations

import logging
from concurrent.futures import Future
from dataclasses import dataclass

from madang.metrics.promql import Budget
from madang.metrics.rules import telemetry
from madang.metrics.rules.group import Group

_log = logging.getLogger(__name__)
_BACK_MS = 300_000
"""A clock that was set back by less is waited for."""


@dataclass(slots=True, eq=False)
class Turn:
    """A group's place in time. Guarded by the engine's lock; the group is its thread's.

    Attributes:
        next_ms: The time that is evaluated next.
        again_ms: Not before this, since results could not be kept.
        catches_up_to_ms: Times up to this are made up for, however late it is.
        remembers_ms: The last evaluation before the start, whose series are to be learned.
        before: The group as it was then, if it is another now.
        running: The evaluation that goes on.
        budget: Of its query.
        late: That one is made up for.
        gone: The project has the group no more, or another in its place.
        waits_for: What the group goes on from, while that still evaluates.
        behind_ms: How late it was when it had made up for what it was to make up for.
    """

    group: Group
    next_ms: int
    again_ms: int = 0
    catches_up_to_ms: int = 0
    remembers_ms: int | None = None
    before: Group | None = None
    running: Future[None] | None = None
    late: bool = False
    gone: bool = False
    waits_for: Turn | None = None
    behind_ms: int | None = None
    budget: Budget | None = None

    def is_late(self, now_ms: int) -> bool:
        """Whether the next evaluation is late by an interval or more."""
        return now_ms - self.next_ms >= self.group.times.interval_ms

    def leave_out(self, now_ms: int, most_ms: int) -> None:
        """Pass over times that are not made up for.

        Those are: what is older than ``most_ms``; and what is late although nothing kept the group
        from it, which is then too slow for its interval.
        """
        times = self.group.times
        first_ms = self.next_ms
        if not self.is_late(now_ms):
            return
        most_ms = max(most_ms - self.group.offset_ms, 0)
        if self.next_ms > self.catches_up_to_ms:
            first_ms = times.last(now_ms)
        elif self.next_ms < now_ms - most_ms:
            first_ms = min(times.after(now_ms - most_ms), times.last(now_ms))
        if first_ms > self.next_ms:
            missed = times.count(self.next_ms, first_ms - 1)
            telemetry.count_missed(self.group.key, missed)
            _log.info("%s leaves out %d evaluations", self.group.key, missed)
            self.next_ms = first_ms

    def follow_clock(self, now_ms: int) -> None:
        """Begin anew where the clock was set back so far that nothing would be due for long."""
        times = self.group.times
        if max(self.next_ms, self.again_ms) <= now_ms + times.interval_ms + _BACK_MS:
            return
        _log.warning("the clock was set back: %s is evaluated from now on", self.group.key)
        self.group.renew(now_ms)
        self.next_ms = times.after(now_ms)
        self.again_ms = self.catches_up_to_ms = 0
        self.behind_ms = None

    def evaluated(self, at_ms: int, now_ms: int) -> None:
        """Go on behind an evaluation."""
        self.next_ms = self.group.times.after(at_ms)
        if not at_ms <= self.catches_up_to_ms < self.next_ms:
            return
        # While it was made up for, new times came: they are made up for as well, as long as the
        # way that is left grows shorter by half each time.
        behind_ms = now_ms - self.next_ms
        if behind_ms < self.group.times.interval_ms:
            self.behind_ms = None
        elif self.behind_ms is None or behind_ms < self.behind_ms / 2:
            self.behind_ms = behind_ms
            self.catches_up_to_ms = now_ms
