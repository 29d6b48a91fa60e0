"""Evaluates groups when they are due: those of now first, then what was missed, oldest first."""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from madang.core.clock import Clock, SystemClock
from madang.core.errors import CancelledError, MadangError
from madang.metrics.api.rule_view import HEALTH_BAD, RuleGroupView
from madang.metrics.promql import Budget, Options
from madang.metrics.rules import telemetry
from madang.metrics.rules.group import Group
from madang.metrics.rules.log import RuleLog
from madang.metrics.rules.overlay import RecentResults
from madang.metrics.rules.turn import Turn
from madang.metrics.storage import SampleStorage
from madang.project.rule_spec import RuleFileSpec

_log = logging.getLogger(__name__)
RuleGroups = Mapping[str, RuleFileSpec]
_LOOK_S = 1.0
_FRESH_S = 0.02
_AGAIN_MS = 1000
_ENDS_AFTER = 2
"""Intervals until the series of a group that is gone end: its rules may come back elsewhere."""


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """How rules are evaluated; the time-out of a query is its group's interval, if that is shorter.

    ``catch_up_s``: how old a missed evaluation may be that is made up for.
    """

    options: Options = field(default_factory=Options)
    catch_up_s: float = 3600.0


class RuleEngine:
    """Evaluates the rules of a project until told to stop.

    Args:
        storage: Where the samples are; threads may ask at once.
        log: Where results go.
        rules: The rule files as they are now, by path.
        settings: As they are now.
        threads: Groups that are evaluated at the same time.
        clock: Injected time.
    """

    def __init__(  # noqa: PLR0917 - what it reads, writes, evaluates, and how
        self,
        storage: SampleStorage,
        log: RuleLog,
        rules: Callable[[], RuleGroups],
        settings: Callable[[], RuleSettings],
        threads: int = 2,
        clock: Clock | None = None,
    ) -> None:
        self._storage, self._log = storage, log
        self._rules, self._settings = rules, settings
        self._threads = threads
        self._clock = clock or SystemClock()
        self._recent = RecentResults()
        self._turns: dict[str, Turn] = {}
        self._known: RuleGroups | None = None
        self._ended: list[tuple[int, Group]] = []
        self._changed = threading.Condition()
        self._fresh_ms = 0
        self._stopping = False
        self._looking: tuple[int, dict[int, int]] | None = None

    def run(self, stop: threading.Event) -> None:
        """Evaluate until ``stop`` is set; what goes on then is given up, for the next start."""
        with ThreadPoolExecutor(self._threads, "rules") as pool:
            while not stop.is_set():
                with self._changed:
                    self._follow_project()
                    self._look()
                    ripe, kept = self._ripe()
                for group in ripe:
                    self._end(group, kept)
                with self._changed:
                    self._begin_due(pool)
                    pause_s = self._pause_s()
                    if pause_s > 0:
                        self._changed.wait(pause_s)
            self._cancel()

    def _cancel(self) -> None:
        with self._changed:
            self._stopping = True
            for turn in self._turns.values():
                if turn.budget is not None:
                    turn.budget.cancelled = True

    def wake(self) -> None:
        """Look at once: something changed."""
        with self._changed:
            self._changed.notify_all()

    def views(self) -> list[RuleGroupView]:
        """All groups, in the order of their files."""
        with self._changed:
            return [turn.group.view() for turn in self._turns.values()]

    def failing(self) -> dict[str, str]:
        """By group and rule (``file;group;rule``), why its last evaluation failed."""
        return {
            f"{group.file};{group.name};{rule.name}": rule.last_error
            for group in self.views()
            for rule in group.rules
            if rule.health == HEALTH_BAD
        }

    def behind_s(self) -> dict[str, float]:
        """By group, how late its next evaluation is, for those that are late by two intervals."""
        now_ms = self._now_ms()
        with self._changed:
            late = {key: now_ms - turn.next_ms for key, turn in self._turns.items()}
            return {
                key: late_ms / 1000
                for key, late_ms in late.items()
                if late_ms > 2 * self._turns[key].group.times.interval_ms
            }

    def _now_ms(self) -> int:
        return self._clock.now_us() // 1000

    def _follow_project(self) -> None:
        rules = self._rules()
        if rules is self._known:
            return
        self._known = rules
        now_ms = self._now_ms()
        before, self._turns = self._turns, {}
        for file, spec in rules.items():
            for group_spec in spec.groups:
                group = Group(file, group_spec, self._log, self._recent)
                old = before.pop(group.key, None)
                if old is not None and old.group.spec == group_spec:
                    self._turns[group.key] = old
                    continue
                telemetry.know_group(group.key, group_spec.interval, len(group_spec.rules))
                self._turns[group.key] = self._turn(group, old, now_ms)
        for turn in before.values():
            turn.gone = True
            if turn.running is None:
                self._end_later(turn.group)

    def _turn(self, group: Group, old: Turn | None, now_ms: int) -> Turn:
        """When a group goes on: behind its last evaluation, or from now on where it has none."""
        if old is not None:
            old.gone = True
            old = old.waits_for or old
            turn = Turn(
                group,
                group.times.after(old.next_ms - 1),
                catches_up_to_ms=old.catches_up_to_ms,
                waits_for=old,
            )
            if old.running is None:
                _follow(turn, old)
            return turn
        came_ms = self._log.last_sequence(group.producer)
        if came_ms is None:
            return Turn(group, group.times.after(now_ms))
        turn = Turn(group, group.times.after(came_ms), remembers_ms=came_ms)
        if turn.next_ms <= now_ms:
            turn.catches_up_to_ms = now_ms
        return turn

    def _look(self) -> None:
        """See up to which time the head has everything that was appended.

        A group is evaluated only for times up to that: an evaluation that does not see samples
        which were acknowledged before would never be mended.
        """
        taken = self._log.taken()
        self._recent.forget(taken)
        if self._looking is not None:
            at_ms, ends = self._looking
            if all(taken.get(partition, 0) >= end for partition, end in ends.items()):
                self._fresh_ms, self._looking = at_ms, None
        if self._looking is None:
            now_ms = self._now_ms()
            self._fresh_ms = min(self._fresh_ms, now_ms)  # the clock may have been set back
            self._looking = (now_ms, self._log.ends())

    def _begin_due(self, pool: ThreadPoolExecutor) -> None:
        settings = self._settings()
        now_ms = self._now_ms()
        for turn in self._turns.values():
            if turn.running is None and turn.waits_for is None:
                turn.follow_clock(now_ms)
        due = [
            turn
            for turn in self._turns.values()
            if turn.running is None
            and turn.next_ms <= self._fresh_ms
            and now_ms >= turn.again_ms
            and turn.waits_for is None
        ]
        for turn in due:
            turn.leave_out(now_ms, round(settings.catch_up_s * 1000))
        due = [turn for turn in due if turn.next_ms <= self._fresh_ms]
        busy = sum(turn.running is not None for turn in self._turns.values())
        # What is missed is made up for in the order of its times, over all groups, one at a time:
        # groups may read each other's results. It leaves a thread to those of now.
        late = any(turn.late and turn.running is not None for turn in self._turns.values())
        for turn in sorted(due, key=lambda one: (one.is_late(now_ms), one.next_ms)):
            is_late = turn.is_late(now_ms)
            if busy >= self._threads or (is_late and late):
                continue
            late = late or is_late
            busy += 1
            turn.late = is_late
            future = pool.submit(self._evaluate, turn, turn.next_ms, settings)
            turn.running = future
            future.add_done_callback(self._wake_after)

    def _wake_after(self, _: Future[None]) -> None:
        self.wake()

    def _evaluate(self, turn: Turn, at_ms: int, settings: RuleSettings) -> None:
        group = turn.group
        timeout_s = min(settings.options.timeout_s, group.spec.interval)
        options = dataclasses.replace(settings.options, timeout_s=timeout_s)
        again_ms = 0

        def begin() -> Budget:
            turn.budget = Budget(options, cancelled=self._stopping)
            return turn.budget

        try:
            if turn.remembers_ms is not None:
                before = turn.before or group
                before.remember(self._storage, turn.remembers_ms)
                if before is not group:
                    group.take_over(before)
                turn.remembers_ms = turn.before = None
            group.evaluate(self._storage, at_ms, begin)
        except CancelledError:
            again_ms = self._now_ms() + _AGAIN_MS
        except (MadangError, OSError, TimeoutError) as error:
            _log.warning("the results of %s could not be kept: %s", group.key, error)
            again_ms = self._now_ms() + _AGAIN_MS
        except Exception:  # noqa: BLE001 - one group must not end the others
            _log.exception("the group %s failed", group.key)
            again_ms = self._now_ms() + group.times.interval_ms
        with self._changed:
            self._done(turn, at_ms, again_ms)

    def _done(self, turn: Turn, at_ms: int, again_ms: int) -> None:
        turn.running = None
        turn.again_ms = again_ms
        now_ms = self._now_ms()
        if again_ms:
            turn.catches_up_to_ms = max(turn.catches_up_to_ms, now_ms)
        else:
            if turn.late:
                telemetry.count_caught_up(turn.group.key)
            turn.evaluated(at_ms, now_ms)
        if turn.gone:
            heir = next((one for one in self._turns.values() if one.waits_for is turn), None)
            if heir is None:
                self._end_later(turn.group)
            else:
                _follow(heir, turn)

    def _end_later(self, group: Group) -> None:
        wait_ms = _ENDS_AFTER * group.times.interval_ms
        self._ended.append((self._now_ms() + wait_ms, group))

    def _ripe(self) -> tuple[list[Group], set[int]]:
        """Groups whose series are to end now, and the series that others give."""
        now_ms = self._now_ms()
        ripe = [group for at_ms, group in self._ended if at_ms <= now_ms]
        if not ripe:
            return [], set()
        self._ended = [one for one in self._ended if one[0] > now_ms]
        return ripe, {one for turn in self._turns.values() for one in turn.group.numbers()}

    def _end(self, group: Group, kept: set[int]) -> None:
        try:
            group.end(self._now_ms(), kept)
        except (MadangError, OSError, TimeoutError) as error:
            _log.warning("the series of %s could not be ended: %s", group.key, error)

    def _pause_s(self) -> float:
        """How long nothing is to be done, if nobody wakes us."""
        now_ms = self._now_ms()
        waiting = [
            max(turn.next_ms, turn.again_ms)
            for turn in self._turns.values()
            if turn.running is None and turn.waits_for is None
        ]
        next_ms = min([*waiting, *(at_ms for at_ms, _ in self._ended)], default=now_ms + 10_000)
        if next_ms > now_ms:
            return min((next_ms - now_ms) / 1000, _LOOK_S)
        return _FRESH_S


def _follow(turn: Turn, old: Turn) -> None:
    """Let the turn of a changed group go on where that of the group as it was stands."""
    turn.next_ms = turn.group.times.after(old.next_ms - 1)
    turn.waits_for = None
    if old.remembers_ms is None:
        turn.group.take_over(old.group)
    else:
        turn.remembers_ms, turn.before = old.remembers_ms, old.before or old.group
