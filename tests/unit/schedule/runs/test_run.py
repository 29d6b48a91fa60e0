"""Runs: the invariants of their state under any order of events and any restart."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madang.core.errors import ConflictError, NotFoundError
from madang.schedule.runs import (
    Edge,
    Graph,
    On,
    Run,
    RunState,
    TaskNode,
    TaskState,
    TriggerRule,
    Upstream,
    decide,
)

S = TaskState


def run(*pairs, names="abcd", on=On.ANY, **nodes):
    tasks = [nodes.get(name, TaskNode(name)) for name in names]
    return Run(Graph.of(tasks, [Edge(*pair, on) for pair in pairs]))


def states(one):
    return {row.task: row.state for row in one.rows}


def finish(one, task, good=True):
    attempt = one.start(task)
    if good:
        one.succeed(task, attempt)
    else:
        one.fail(task, attempt)


def test_a_chain_goes_on_step_by_step():
    one = run("ab", "bc", names="abc")
    assert states(one) == {"a": S.READY, "b": S.WAITING, "c": S.WAITING}
    for task in "abc":
        assert one.state is RunState.RUNNING
        finish(one, task)
    assert one.state is RunState.SUCCESS


def test_a_failure_reaches_what_needs_it_and_nothing_else():
    one = run("ab", "bc", "ad", d=TaskNode("d", TriggerRule.ALL_DONE))
    finish(one, "a", good=False)
    assert states(one) == {
        "a": S.FAILED,
        "b": S.UPSTREAM_FAILED,
        "c": S.UPSTREAM_FAILED,
        "d": S.READY,
    }
    finish(one, "d")
    assert one.state is RunState.FAILED


def test_retries_are_counted_and_lost_attempts_are_not():
    one = run(names="a", a=TaskNode("a", retries=2))
    assert one.fail("a", one.start("a")) is True
    one.lose("a", one.start("a"))
    assert one.row("a").state is S.READY
    assert one.fail("a", one.start("a")) is True
    assert one.fail("a", one.start("a")) is False
    assert one.row("a").attempt == 4
    assert one.row("a").failures == 3
    assert one.state is RunState.FAILED


def test_a_task_that_is_lost_again_and_again_fails():
    one = run(names="a")
    for _ in range(6):
        one.lose("a", one.start("a"))
    assert one.row("a").state is S.FAILED


def test_an_error_that_will_not_pass_is_final():
    one = run(names="a", a=TaskNode("a", retries=5))
    assert one.fail("a", one.start("a"), is_final=True) is False


def test_outcomes_of_older_attempts_are_refused():
    one = run(names="a", a=TaskNode("a", retries=1))
    one.fail("a", one.start("a"))
    second = one.start("a")
    with pytest.raises(ConflictError, match="attempt 1 of a"):
        one.succeed("a", 1)
    one.succeed("a", second)
    with pytest.raises(ConflictError):
        one.succeed("a", second)
    with pytest.raises(ConflictError):
        one.start("a")


def test_a_branch_leads_on_where_it_chose():
    one = run("ab", "ac", "bd", "cd", d=TaskNode("d", TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS))
    one.succeed("a", one.start("a"), chosen=["c"])
    assert states(one) == {"a": S.SUCCESS, "b": S.SKIPPED, "c": S.READY, "d": S.WAITING}
    again = Run(one.graph, one.rows)
    assert states(again) == states(one)
    finish(again, "c")
    assert again.row("d").state is S.READY
    with pytest.raises(NotFoundError):
        one.succeed("c", one.start("c"), chosen=["b"])


def test_on_failure_mends_the_run():
    tasks = [TaskNode("load"), TaskNode("mend"), TaskNode("go")]
    edges = [Edge("load", "mend", On.FAILURE), Edge("load", "go", On.SUCCESS)]
    one = Run(Graph.of(tasks, edges))
    finish(one, "load", good=False)
    assert states(one) == {"load": S.FAILED, "mend": S.READY, "go": S.SKIPPED}
    finish(one, "mend")
    assert one.state is RunState.SUCCESS


def test_a_short_circuit_skips_what_follows():
    one = run("ab", "bc", names="abc")
    one.skip("a", one.start("a"))
    assert set(states(one).values()) == {S.SKIPPED}
    assert one.state is RunState.SUCCESS


def test_a_teardown_runs_after_failures_and_does_not_fail_the_run():
    down = TaskNode("d", is_teardown=True)
    one = run("ab", "bd", names="abd", d=down)
    finish(one, "a")
    finish(one, "b", good=False)
    assert one.row("d").state is S.READY
    finish(one, "d", good=False)
    assert one.state is RunState.FAILED
    good = run("ad", names="ad", d=down)
    finish(good, "a")
    finish(good, "d", good=False)
    assert good.state is RunState.SUCCESS


def test_a_person_lets_it_go_on_or_not():
    one = run("ab", "bc", names="abc", b=TaskNode("b", is_held=True))
    finish(one, "a")
    assert one.row("b").state is S.HELD
    with pytest.raises(ConflictError):
        one.start("b")
    other = Run(one.graph, one.rows)
    one.approve("b")
    assert one.row("b").state is S.READY
    other.reject("b")
    assert states(other) == {"a": S.SUCCESS, "b": S.FAILED, "c": S.UPSTREAM_FAILED}
    with pytest.raises(ConflictError):
        other.approve("b")


def test_cancelling_ends_all_but_what_runs():
    one = run("ab", "bc", "ad")
    finish(one, "a")
    attempt = one.start("d")
    assert one.cancel() == ("d",)
    assert states(one) == {"a": S.SUCCESS, "b": S.CANCELLED, "c": S.CANCELLED, "d": S.RUNNING}
    assert one.state is RunState.RUNNING
    one.stop("d", attempt)
    assert one.state is RunState.CANCELLED


def test_clearing_runs_a_task_and_what_follows_again():
    one = run("ab", "bc", "ad")
    finish(one, "a")
    finish(one, "b", good=False)
    finish(one, "d")
    assert one.clear(["b"]) == ("b", "c")
    assert states(one) == {"a": S.SUCCESS, "b": S.READY, "c": S.WAITING, "d": S.SUCCESS}
    finish(one, "b")
    finish(one, "c")
    assert one.state is RunState.SUCCESS
    assert one.row("b").attempt == 2
    with pytest.raises(NotFoundError, match="x"):
        one.clear(["x"])


NAMES = "abcdefgh"


@st.composite
def graphs(draw):
    count = draw(st.integers(1, 8))
    names = NAMES[:count]
    nodes = [
        TaskNode(
            name,
            draw(st.sampled_from(list(TriggerRule))),
            retries=draw(st.integers(0, 2)),
            is_held=draw(st.integers(0, 9)) == 0,
            is_teardown=draw(st.integers(0, 9)) == 0,
        )
        for name in names
    ]
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    chosen = draw(st.sets(st.sampled_from(pairs), max_size=14)) if pairs else set()
    ons = st.sampled_from([On.ANY, On.ANY, On.ANY, On.SUCCESS, On.FAILURE])
    return Graph.of(nodes, [Edge(a, b, draw(ons)) for a, b in sorted(chosen)])


def seen(row, edge):
    if row.chosen is not None and edge.after not in row.chosen:
        return S.SKIPPED
    if edge.on is On.ANY:
        return row.state
    good = S.SUCCESS if edge.on is On.SUCCESS else S.FAILED
    return S.SUCCESS if row.state is good else S.SKIPPED


def allowed(graph, rows, name):
    """Whether, by what is over now, a task may have left WAITING for READY: said plainly."""
    before = Upstream(len(graph.before[name]))
    for edge in graph.before[name]:
        if rows[edge.before].state.is_over:
            before.count(seen(rows[edge.before], edge))
    if graph.tasks[name].is_teardown and before.total:
        return before.done == before.total and before.skipped < before.total
    return decide(graph.tasks[name].rule, before) is S.READY


@given(graph=graphs(), seed=st.integers(0, 2**32), crashes=st.booleans(), clears=st.booleans())
@settings(max_examples=150, deadline=None)
def test_invariants_hold_under_any_order_of_events(graph, seed, crashes, clears):
    chance = random.Random(seed)
    one = Run(graph)
    kept = {row.task: row for row in one.rows}
    started: dict[str, list[int]] = {name: [] for name in graph.tasks}
    for _ in range(400):
        rows = {row.task: row for row in one.rows}
        if one.state is not RunState.RUNNING:
            break
        live = [name for name, row in rows.items() if not row.state.is_over]
        able = [name for name in live if rows[name].state is not S.WAITING]
        assert able, f"nothing can ever happen again: {rows}"  # 5: never stuck
        name = chance.choice(able)
        row = rows[name]
        if row.state in {S.READY, S.RETRYING}:
            if row.state is S.READY and row.attempt == 0 and not one.is_cancelled:
                assert allowed(graph, rows, name)  # 1
            number = one.start(name)
            assert number == (started[name][-1] if started[name] else 0) + 1  # 2
            started[name].append(number)
        elif row.state is S.HELD:
            one.approve(name) if chance.random() < 0.8 else one.reject(name)
        else:
            event = chance.random()
            after = [edge.after for edge in graph.after[name]]
            if event < 0.45:
                one.succeed(name, row.attempt)
            elif event < 0.55:
                one.succeed(name, row.attempt, chosen=chance.sample(after, len(after) // 2))
            elif event < 0.8:
                one.fail(name, row.attempt, is_final=chance.random() < 0.1)
            elif event < 0.88:
                one.skip(name, row.attempt)
            else:
                one.lose(name, row.attempt)
            with pytest.raises(ConflictError):
                one.succeed(name, row.attempt)  # 2: once
        if chance.random() < 0.01:
            one.cancel()
        now = {row.task: row for row in one.rows}
        changed = one.take_changes()
        for old_name, old in rows.items():
            if old.state.is_over:
                assert now[old_name] == old  # 3
            assert now[old_name].failures <= graph.tasks[old_name].retries + 1  # 4
        kept.update({each.task: each for each in changed})
        assert kept == now  # what changed was said
        if crashes and chance.random() < 0.3:
            one = Run(graph, kept.values(), is_cancelled=one.is_cancelled)
            assert {row.task: row for row in one.rows} == kept  # 6
            assert one.take_changes() == ()
        if clears and chance.random() < 0.02:
            over = [each for each, row in kept.items() if row.state.is_over]
            if over and not any(row.state is S.RUNNING for row in kept.values()):
                one.clear([chance.choice(over)])
                kept.update({each.task: each for each in one.take_changes()})
    else:
        raise AssertionError("a run has to end")
    ended = {row.task: row for row in one.rows}
    assert all(row.state.is_over for row in ended.values())  # 5
    if one.state is RunState.SUCCESS:
        assert not any(row.state is S.CANCELLED for row in ended.values())
