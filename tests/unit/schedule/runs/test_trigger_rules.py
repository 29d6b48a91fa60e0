"""Trigger rules: what is decided early is what would be decided when everything is over."""

import itertools

import pytest

from madang.schedule.runs import TaskState, TriggerRule, Upstream, decide

OK, BAD, SKIP, ABOVE = (
    TaskState.SUCCESS,
    TaskState.FAILED,
    TaskState.SKIPPED,
    TaskState.UPSTREAM_FAILED,
)
READY = TaskState.READY


def when_over(rule: TriggerRule, states: tuple[TaskState, ...]) -> TaskState:
    """What Airflow's page on trigger rules says of tasks that are all over."""
    failed = [each for each in states if each in {BAD, ABOVE}]
    skipped = [each for each in states if each is SKIP]
    passed = [each for each in states if each is OK]
    match rule:
        case TriggerRule.ALL_SUCCESS:
            return ABOVE if failed else SKIP if skipped else READY
        case TriggerRule.ALL_FAILED:
            return SKIP if skipped or passed else READY
        case TriggerRule.ONE_SUCCESS:
            return READY if passed else ABOVE if failed else SKIP
        case TriggerRule.ONE_FAILED:
            return READY if failed else SKIP
        case TriggerRule.NONE_FAILED:
            return ABOVE if failed else READY
        case TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS:
            return ABOVE if failed else READY if passed else SKIP
        case TriggerRule.NONE_SKIPPED:
            return SKIP if skipped else READY
        case _:
            return READY


def counted(total: int, states: tuple[TaskState, ...]) -> Upstream:
    before = Upstream(total)
    for each in states:
        before.count(each)
    return before


@pytest.mark.parametrize("rule", list(TriggerRule))
def test_all_over(rule):
    for count in range(1, 5):
        for states in itertools.product((OK, BAD, SKIP, ABOVE), repeat=count):
            assert decide(rule, counted(count, states)) is when_over(rule, states), states


@pytest.mark.parametrize("rule", list(TriggerRule))
def test_what_is_decided_early_stays(rule):
    for count in range(1, 5):
        for known in range(count):
            for states in itertools.product((OK, BAD, SKIP), repeat=known):
                early = decide(rule, counted(count, states))
                if early is TaskState.WAITING or rule is TriggerRule.ALWAYS:
                    continue
                later = {
                    when_over(rule, (*states, *more))
                    for more in itertools.product((OK, BAD, SKIP), repeat=count - known)
                }
                # A skip and a failure above may both be the case: which one shows is not promised.
                assert later <= ({early} if early is READY else {SKIP, ABOVE})


@pytest.mark.parametrize("rule", list(TriggerRule))
def test_nothing_before_is_ready_at_once(rule):
    assert decide(rule, Upstream()) is READY


def test_taken_back():
    before = counted(2, (OK, BAD))
    before.count(BAD, -1)
    assert decide(TriggerRule.ALL_SUCCESS, before) is TaskState.WAITING
