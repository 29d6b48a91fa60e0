"""When a task starts, by what became of the tasks before it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from madang.schedule.runs.states import TaskState


class TriggerRule(StrEnum):
    """Which outcomes of the tasks before it a task waits for; names and meaning are Airflow's."""

    ALL_SUCCESS = "all_success"
    ALL_FAILED = "all_failed"
    ALL_DONE = "all_done"
    ONE_SUCCESS = "one_success"
    ONE_FAILED = "one_failed"
    NONE_FAILED = "none_failed"
    NONE_FAILED_MIN_ONE_SUCCESS = "none_failed_min_one_success"
    NONE_SKIPPED = "none_skipped"
    ALWAYS = "always"


@dataclass(slots=True)
class Upstream:
    """How many tasks stand before one, and what became of those that are over."""

    total: int = 0
    success: int = 0
    failed: int = 0
    skipped: int = 0

    @property
    def done(self) -> int:
        """How many are over."""
        return self.success + self.failed + self.skipped

    def count(self, state: TaskState, change: int = 1) -> None:
        """Count a task that is over; -1 takes it back."""
        if state is TaskState.SUCCESS:
            self.success += change
        elif state is TaskState.SKIPPED:
            self.skipped += change
        elif state.is_failure:
            self.failed += change


def decide(rule: TriggerRule, before: Upstream) -> TaskState:
    """READY, SKIPPED or UPSTREAM_FAILED as soon as it is certain, WAITING until then.

    A task that has nothing before it is READY, whatever its rule.
    """
    if before.total == 0 or rule is TriggerRule.ALWAYS:
        return TaskState.READY
    is_done = before.done == before.total
    match rule:
        case TriggerRule.ALL_SUCCESS:
            return _unless(before.failed, before.skipped, is_done)
        case TriggerRule.NONE_FAILED:
            return _unless(before.failed, 0, is_done)
        case TriggerRule.NONE_SKIPPED:
            return _unless(0, before.skipped, is_done)
        case TriggerRule.ALL_FAILED:
            return _unless(0, before.success + before.skipped, is_done)
        case TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS:
            return _unless(before.failed, is_done and not before.success, is_done)
        case TriggerRule.ONE_SUCCESS if before.success:
            return TaskState.READY
        case TriggerRule.ONE_SUCCESS:
            return _unless(is_done and before.failed, is_done, False)
        case TriggerRule.ONE_FAILED if before.failed:
            return TaskState.READY
        case TriggerRule.ONE_FAILED:
            return _unless(0, is_done, False)
        case _:
            return _unless(0, 0, is_done)


def _unless(fails: int, skips: int, is_ready: bool) -> TaskState:
    if fails:
        return TaskState.UPSTREAM_FAILED
    if skips:
        return TaskState.SKIPPED
    return TaskState.READY if is_ready else TaskState.WAITING
