"""Graphs: order, what is after what, and what cannot be one."""

import itertools

import pytest

from madang.core.errors import InvalidInputError, NotFoundError
from madang.schedule.runs import Edge, Graph, On, TaskNode


def graph(*pairs, names="abcd"):
    return Graph.of(map(TaskNode, names), [Edge(*pair) for pair in pairs])


def test_each_task_comes_after_those_before_it():
    made = graph("dc", "cb", "da", "ab")
    order = list(made.tasks)
    assert order.index("d") < order.index("c") < order.index("b")
    assert order.index("a") < order.index("b")
    assert list(made.downstream(["c"])) == ["b"]
    assert set(made.downstream(["d"])) == {"a", "b", "c"}


def test_the_circle_is_named_in_its_order():
    with pytest.raises(InvalidInputError, match="in a circle: ") as caught:
        graph("ab", "bc", "ca", "cd")
    circle = caught.value.message.rpartition(": ")[2].split(" → ")
    assert circle[0] == circle[-1]
    assert {"ab", "bc", "ca"} == {"".join(pair) for pair in itertools.pairwise(circle)}


def test_a_task_after_itself_is_a_circle():
    with pytest.raises(InvalidInputError, match="a → a"):
        graph("aa")


def test_unknown_names_have_a_near_match():
    with pytest.raises(NotFoundError) as caught:
        Graph.of([TaskNode("orders"), TaskNode("users")], [Edge("order", "users")])
    assert "orders" in caught.value.hint


def test_twice():
    with pytest.raises(InvalidInputError, match="two tasks are called a"):
        graph(names="aa")
    with pytest.raises(InvalidInputError, match="two edges that differ"):
        Graph.of(map(TaskNode, "ab"), [Edge("a", "b", On.SUCCESS), Edge("a", "b")])
    assert graph("ab", "ab").before["b"] == (Edge("a", "b"),)
