"""Groups over a real log and head: order, staleness, restarts, changes."""

import itertools
import threading
import time

import pytest

from madang.core.clock import ManualClock
from madang.metrics.api.rule_view import HEALTH_BAD, HEALTH_OK
from madang.metrics.rules.times import EvaluationTimes
from unit.metrics.rules.recorded import FILE, NOW_MS, Recorded, group, rules

TIMES = EvaluationTimes.of(FILE, "g", 10.0)
POD = (("pod", "a"),)
PAGE = {("up", "a"): 1.0, ("up", "b"): 3.0}


@pytest.fixture
def recorded(tmp_path):
    made = []

    def begin(project, **more):
        made.append(Recorded(tmp_path, project, **more))
        return made[-1].start()

    yield begin
    for one in made:
        one.stop()


def expected_times(first_ms, last_ms):
    found = []
    at_ms = TIMES.after(first_ms)
    while at_ms <= last_ms:
        found.append(at_ms)
        at_ms = TIMES.after(at_ms)
    return found


def test_rules_see_what_the_ones_before_them_gave(recorded):
    work = recorded(rules(group(("a", "sum(up)"), ("b", "a * 2"), ("c", "b + 1"))))
    work.pass_time(30, values=PAGE)
    times = expected_times(NOW_MS, work.clock.now_us() // 1000)
    assert len(times) == 3
    # The first may lie before the first page.
    for name, factor, plus in (("a", 1, 0), ("b", 2, 0), ("c", 2, 1)):
        ((_, found),) = work.samples(name).items()
        assert [at for at, _ in found] == times[-len(found) :]
        assert {value for _, value in found} == {4.0 * factor + plus}
        assert len(found) >= 2


def test_labels_of_rule_and_group_win_and_an_empty_one_takes_away(recorded):
    made = group(("a", "up"), labels={"team": "x", "pod": "group"})
    made["rules"][0]["labels"] = {"pod": "", "__typo": "kept"}
    work = recorded(rules(made | {"rules": [made["rules"][0] | {"expr": "up{pod='a'}"}]}))
    work.pass_time(20, values=PAGE)
    assert set(work.samples("a")) == {(("__typo", "kept"), ("team", "x"))}


def test_a_series_that_is_not_given_any_more_ends_once(recorded):
    work = recorded(rules(group(("a", "up > 2"), ("n", "count(a) or vector(0)"))))
    work.pass_time(20, values=PAGE)
    work.pass_time(30, values={("up", "b"): 1.0})
    found = work.samples("a")[(("pod", "b"),)]
    assert [value for _, value in found][-1] is None
    assert [value for _, value in found].count(None) == 1
    # The rule behind it saw the end in the same evaluation.
    ended_ms = found[-1][0]
    assert dict(work.samples("n")[()])[ended_ms] == 0.0


def test_an_error_is_of_its_rule_and_keeps_its_series(recorded):
    same = "label_replace(up, 'pod', 'x', '', '')"
    many = group(("a", "up"), ("b", same), ("c", "up[5m]"), ("d", "vector(1)"))
    work = recorded(rules(many))
    work.pass_time(20, values=PAGE)
    (view,) = work.engine.views()
    states = {one.name: (one.health, one.last_error) for one in view.rules}
    assert states["a"] == states["d"] == (HEALTH_OK, "")
    assert states["b"][0] == states["c"][0] == HEALTH_BAD
    assert "labelset" in states["b"][1]
    assert "not a vector or scalar" in states["c"][1]
    assert set(work.engine.failing()) == {f"{FILE};g;b", f"{FILE};g;c"}
    assert work.samples("d")


def test_a_limit_refuses_the_whole_rule(recorded):
    work = recorded(rules(group(("a", "up"), ("b", "sum(up)"), limit=1)))
    work.pass_time(20, values=PAGE)
    assert not work.samples("a")
    assert work.samples("b")
    assert work.engine.failing()[f"{FILE};g;a"] == "exceeded limit of 1 with 2 series"


def test_results_are_dated_by_the_query_offset(recorded):
    work = recorded(rules(group(("a", "up{pod='a'}"), ("t", "time()"), query_offset="7s")))
    work.pass_time(30, values=PAGE)
    for at_ms, value in work.samples("t")[()]:
        assert at_ms + 7000 in expected_times(NOW_MS, work.clock.now_us() // 1000)
        assert value == at_ms / 1000


def test_what_was_missed_is_made_up_for_in_order_and_once(recorded, tmp_path):
    project = rules(group(("a", "sum(up)"), ("total", "(total or vector(0)) + 1")))
    work = recorded(project)
    work.pass_time(50, values=PAGE)
    work.stop()
    clock = ManualClock(work.clock.now_us())
    clock.advance(600)
    again = Recorded(tmp_path, project, clock=clock).start()
    try:
        again.settle()
        now_ms = clock.now_us() // 1000
        # Each evaluation saw the one before it: a number that grows by one.
        ((_, found),) = again.samples("total").items()
        assert [at for at, _ in found] == expected_times(found[0][0] - 1, now_ms)
        assert [value for _, value in found] == list(map(float, range(1, len(found) + 1)))
        # Five minutes behind its last sample, the series ended, once.
        values = [value for _, value in again.samples("a")[()]]
        assert values.count(None) == 1
        assert values[-1] is None
        counted = sum(
            one.batch.num_rows
            for partition in range(2)
            for one in again.stream.read(partition, 0, max_bytes=2**30)
        )
        assert counted == 10 + len(found) + len(values)
    finally:
        again.stop()


def test_making_up_is_bounded(recorded, tmp_path):
    project = rules(group(("t", "time()")))
    work = recorded(project)
    work.pass_time(30)
    work.stop()
    clock = ManualClock(work.clock.now_us())
    before_ms = clock.now_us() // 1000
    clock.advance(7200)
    again = Recorded(tmp_path, project, clock=clock, catch_up_s=60.0).start()
    try:
        again.settle()
        now_ms = clock.now_us() // 1000
        new = [at for at, _ in again.samples("t")[()] if at > before_ms]
        assert new == expected_times(now_ms - 60_000, now_ms)
    finally:
        again.stop()


def test_after_a_restart_a_series_that_went_meanwhile_ends(recorded, tmp_path):
    project = rules(group(("a", "up"), ("a", "up + 0 > 5")))
    work = recorded(project)
    work.pass_time(30, values=PAGE)
    work.stop()
    again = Recorded(tmp_path, project, clock=work.clock).start()
    try:
        # A page that ends the series of pod b.
        again.push({("up", "b"): float("nan")})
        again.project = rules(group(("a", "up{pod='a'}"), ("a", "up + 0 > 5")))
        again.pass_time(20, values={("up", "a"): 1.0})
        assert [value for _, value in again.samples("a")[(("pod", "b"),)]][-1] is None
        assert None not in [value for _, value in again.samples("a")[POD]]
    finally:
        again.stop()


def test_rules_and_groups_that_go_end_their_series(recorded):
    work = recorded(rules(group(("a", "up"), ("b", "up")), group(("c", "up"), name="h")))
    work.pass_time(20, values=PAGE)
    work.project = rules(group(("a", "up")))
    work.pass_time(50, values=PAGE)
    for name in ("b", "c"):
        values = [value for _, value in work.samples(name)[POD]]
        assert values[-1] is None
        assert values.count(None) == 1
    assert None not in [value for _, value in work.samples("a")[POD]]


def test_a_rule_that_moves_to_another_group_goes_on(recorded):
    work = recorded(rules(group(("a", "up")), group(("b", "up"), name="h")))
    work.pass_time(20, values=PAGE)
    work.project = rules(group(("b", "up"), ("a", "up"), name="h"))
    work.pass_time(60, values=PAGE)
    assert None not in [value for _, value in work.samples("a")[POD]]


def test_nothing_is_evaluated_before_the_head_has_what_was_acknowledged(recorded):
    work = recorded(rules(group(("a", "sum(up)"))))
    work.pass_time(20, values=PAGE)
    work.follows.clear()
    work.push({("up", "a"): 10.0, ("up", "b"): 10.0}, work.clock.now_us() // 1000 + 1)
    work.clock.advance(10)
    work.engine.wake()
    assert len(work.samples("a")[()]) <= 2
    work.follows.set()
    work.settle()
    assert work.samples("a")[()][-1][1] == 20.0


def test_a_query_that_hangs_is_ended_at_the_interval(recorded):
    work = recorded(rules(group(("a", "sum(up) + sum(up)"), ("b", "vector(1)"), interval="50ms")))
    select = work.storage.select

    def slow(*args, **more):
        time.sleep(0.08)  # a disk that hangs
        return select(*args, **more)

    work.storage.select = slow
    work.pass_time(0.3, 0.05, values=PAGE)
    assert "took longer" in work.engine.failing()[f"{FILE};g;a"]
    assert work.samples("b")


def test_a_stop_gives_up_a_query_and_its_evaluation(recorded, tmp_path):
    project = rules(group(("n", "(n or vector(0)) + 1"), ("s", "count(up) + count(up)")))
    work = recorded(project)
    work.pass_time(20, values=PAGE)
    select, hangs = work.storage.select, threading.Event()

    def slow(*args, **more):
        hangs.set()
        time.sleep(0.3)  # a disk that hangs
        return select(*args, **more)

    work.storage.select = slow
    work.clock.advance(10)
    work.engine.wake()
    assert hangs.wait(10)
    work.stop()
    again = Recorded(tmp_path, project, clock=work.clock).start()
    try:
        again.settle()
        values = [value for _, value in again.samples("n")[()]]
        assert values == list(map(float, range(1, len(values) + 1)))
        assert len(again.samples("s")[()]) >= len(values) - 1
        assert again.samples("n")[()][-1][0] == TIMES.last(work.clock.now_us() // 1000)
    finally:
        again.stop()


def test_a_group_that_is_too_slow_leaves_evaluations_out(recorded):
    work = recorded(rules(group(("t", "time()"))))
    work.pass_time(30)
    work.clock.advance(45)
    work.settle()
    times = [at for at, _ in work.samples("t")[()]]
    # Nothing kept it from being evaluated: what it missed it was too slow for.
    assert times[-1] - times[-2] >= 30_000
    assert times[-1] == TIMES.last(work.clock.now_us() // 1000)


def test_many_groups_share_the_threads(recorded):
    groups = [group(("a", f"up * {n}"), ("b", "count(a)"), name=f"g{n}") for n in range(40)]
    for number, one in enumerate(groups):
        one["labels"] = {"n": str(number)}
    work = recorded(rules(*groups))
    work.pass_time(30, values=PAGE)
    found = work.samples("a")
    assert len(found) == 80
    assert {len(one) for one in found.values()} <= {2, 3}


def test_a_clock_that_goes_back_repeats_nothing(recorded):
    work = recorded(rules(group(("t", "time()"))))
    work.pass_time(30)
    work.clock.advance(-25)
    work.engine.wake()
    work.pass_time(40)
    times = [at for at, _ in work.samples("t")[()]]
    assert times == sorted(set(times))
    assert all(later - earlier == 10_000 for earlier, later in itertools.pairwise(times))


def test_a_clock_that_was_a_year_ahead_is_followed_at_once_and_after_a_restart(recorded, tmp_path):
    work = recorded(rules(group(("t", "time()"), ("up:sum", "sum(up)"))))
    work.pass_time(20, values=PAGE)
    right = work.clock.now_us()
    work.clock.advance(365 * 86_400)
    work.settle()
    ahead_us = work.clock.now_us()
    work.clock.advance(-365 * 86_400)
    work.settle()
    work.pass_time(30, values=PAGE)
    work.stop()
    again = recorded(rules(group(("t", "time()"))), clock=ManualClock(work.clock.now_us()))
    again.settle()
    again.pass_time(20, values=PAGE)
    times = [
        at_ms for at_ms, _ in again.samples("t")[()] if at_ms * 1000 < ahead_us - 86_400_000_000
    ]
    assert len([at_ms for at_ms in times if at_ms * 1000 > right]) == 5
    assert all(later - earlier == 10_000 for earlier, later in itertools.pairwise(times))
