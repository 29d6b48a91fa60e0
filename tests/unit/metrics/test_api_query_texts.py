"""Queries written out evenly, and taken apart into a tree."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang.metrics.promql import BadQueryError
from madang.metrics.promql.tree_view import pretty, tree_of


def test_a_short_query_stays_on_a_line_and_a_long_one_is_stepped():
    assert pretty("sum  by(job)(rate(x[5m]))/2") == "sum by (job) (rate(x[5m])) / 2"
    long = pretty("sum(rate(" + "a" * 60 + "[5m])) / sum(rate(" + "b" * 60 + "[5m]))")
    assert len(long.splitlines()) == 3


def test_a_query_that_would_come_out_another_one_stays_as_it_is():
    assert pretty("sum(foo   @ -1.5)") == "sum(foo   @ -1.5)"
    assert pretty("sum(foo   @ 1.5)") == "sum(foo @ 1.500)"


NAME = {"name": "__name__", "value": "foo", "type": "="}
PLAIN = {"offset": 0, "offsetExpr": None, "timestamp": None, "startOrEnd": None}


def selector(**more):
    return {
        **{"type": "vectorSelector", "name": "foo", "matchers": [NAME]},
        **{"anchored": False, "smoothed": False},
        **PLAIN,
        **more,
    }


@pytest.mark.parametrize(
    ("query", "tree"),
    [
        ("foo", selector()),
        ("foo offset -5m", selector(offset=-300_000)),
        ("foo @ -1.5", selector(timestamp=-1500)),
        ("foo @ 10 offset 1s", selector(timestamp=10_000, offset=1000)),
        ("foo @ end()", selector(startOrEnd="end")),
        (
            'foo{a!~"x"}',
            selector(matchers=[{"name": "a", "value": "x", "type": "!~"}, NAME]),
        ),
        (
            "foo[5m] @ start()",
            selector(type="matrixSelector", range=300_000, rangeExpr=None, startOrEnd="start"),
        ),
        (
            "foo[5m:1m] @ 3",
            {
                **{"type": "subquery", "expr": selector(), "range": 300_000, "rangeExpr": None},
                **{"step": 60_000, "stepExpr": None},
                **PLAIN,
                "timestamp": 3000,
            },
        ),
        (
            "-(1e3)",
            {
                "type": "unaryExpr",
                "op": "-",
                "expr": {"type": "parenExpr", "expr": {"type": "numberLiteral", "val": "1000"}},
            },
        ),
        ('"x"', {"type": "stringLiteral", "val": "x"}),
        (
            "topk without(b,a)(3, foo)",
            {
                "type": "aggregation",
                "op": "topk",
                "expr": selector(),
                "param": {"type": "numberLiteral", "val": "3"},
                "grouping": ["b", "a"],
                "without": True,
            },
        ),
        (
            "round(foo)",
            {
                "type": "call",
                "func": {
                    "name": "round",
                    "argTypes": ["vector", "scalar"],
                    "variadic": 1,
                    "returnType": "vector",
                },
                "args": [selector()],
            },
        ),
    ],
)
def test_trees(query, tree):
    assert tree_of(query) == tree


@pytest.mark.parametrize(
    ("query", "card", "on", "labels", "include", "returns_bool"),
    [
        ("foo + foo", "one-to-one", False, [], [], False),
        ("foo > bool on(a) foo", "one-to-one", True, ["a"], [], True),
        ("foo * on(a) group_left(x) foo", "many-to-one", True, ["a"], ["x"], False),
        ("foo * ignoring(a) group_right foo", "one-to-many", False, ["a"], [], False),
        ("foo and foo", "many-to-many", False, [], [], False),
    ],
)
def test_how_vectors_match(query, card, on, labels, include, returns_bool):
    tree = tree_of(query)
    assert tree["bool"] is returns_bool
    assert tree["matching"] == {
        **{"card": card, "on": on, "labels": labels, "include": include},
        "fillValues": {"lhs": None, "rhs": None},
    }


@pytest.mark.parametrize("query", ["foo * 2", "2 * foo", "1 > bool 2", "time() - foo"])
def test_scalars_match_nothing(query):
    assert tree_of(query)["matching"] is None


ATOMS = st.sampled_from(["foo", "1", 'x{a="b"}', "time()", "foo[5m]", "foo @ 1", "foo offset 2m"])
QUERIES = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "and", "> bool", "^"]), inner).map(" ".join),
        inner.map(lambda one: f"({one})"),
        inner.map(lambda one: f"-{one}"),
        inner.map(lambda one: f"sum by (a) ({one})"),
        inner.map(lambda one: f"rate({one})"),
        inner.map(lambda one: f"({one})[5m:] @ end()"),
    ),
    max_leaves=8,
)


@given(QUERIES)
def test_what_is_pretty_means_the_same(query):
    try:
        tree = tree_of(query)
    except BadQueryError:
        return
    json.dumps(tree)
    assert tree_of(pretty(query)) == tree
    assert pretty(pretty(query)) == pretty(query)


@pytest.mark.parametrize("query", ["up{", "(" * 5000, "1 +", "a" * (1 << 21)])
def test_what_is_no_query(query):
    for read in (pretty, tree_of):
        with pytest.raises(BadQueryError):
            read(query)
