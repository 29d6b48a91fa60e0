"""From text to tree: positions, times that the parser's binding cannot give, strings."""

from __future__ import annotations

import time

import pytest

from madang.metrics.matcher import Matcher, MatchKind
from madang.metrics.promql import BadQueryError
from madang.metrics.promql.parse import parse, place
from madang.metrics.promql.syntax import (
    Aggregate,
    Anchor,
    Binary,
    Call,
    Kind,
    Negation,
    Number,
    RangeSelector,
    Selector,
    Shift,
    String,
    Subquery,
    kind_of,
)
from madang.metrics.promql.tokens import tokens_of, unquoted


def nodes(tree):
    """All nodes of a tree, each before what is in it."""
    yield tree
    inner = {
        Aggregate: lambda: [tree.param, tree.expr],
        Binary: lambda: [tree.left, tree.right],
        Call: lambda: tree.args,
        Negation: lambda: [tree.expr],
        Subquery: lambda: [tree.expr],
        RangeSelector: lambda: [tree.selector],
    }.get(type(tree), list)
    for node in inner():
        if node is not None:
            yield from nodes(node)


@pytest.mark.parametrize(
    ("query", "begins"),
    [
        ("sum(foo)", ["sum(", "foo)"]),
        ("sum by (a, b) (rate(foo[5m]))", ["sum", "rate", "foo[", "foo["]),
        ("topk (3, foo) without (a)", ["topk", "3", "foo)"]),
        ("1 - -2", ["1", "1", "-2"]),
        ('a{x="}"} * on (b) group_left (c) d', ["a{", "a{", "d"]),
        ("a == bool b", ["a ", "a ", "b"]),
        ("(a + b) / c", ["(", "a", "a", "b", "c"]),
        ("-foo ^ 2", ["-", "foo", "foo", "2"]),
        ("abs(# (\n foo @ end() offset -5m) or bar", ["abs", "abs", "foo", "bar"]),
        (
            "max_over_time((a + b)[5m:1m] @ 10 offset 1m) + e",
            ["max", "max", "(", "a", "a", "b", "e"],
        ),
        ('label_replace(a, "b(", `c`, "d", "e")', ["label", "a", '"b', "`c", '"d', '"e']),
        ("a + fill_left(1) fill_right (2) b", ["a", "a", "b"]),
    ],
)
def test_each_node_knows_where_it_begins(query, begins):
    found = [query[node.pos :] for node in nodes(parse(query))]
    assert len(found) == len(begins)
    assert all(text.startswith(begin) for text, begin in zip(found, begins, strict=True)), found


def test_a_place_counts_lines_and_columns_from_one():
    assert str(place("a\n + foo", 5)) == "query:2:4"
    assert str(place("foo", 0)) == "query:1:1"


@pytest.mark.parametrize(
    ("query", "shift"),
    [
        ("foo", Shift()),
        ("foo offset -5m", Shift(-300_000)),
        ("foo offset 1d2h3m4s5ms", Shift(93_784_005)),
        ("foo @ -1.5", Shift(0, -1_500)),
        ("foo @ 1603774568.123 offset 1m", Shift(60_000, 1_603_774_568_123)),
        ("foo offset 1m @ start()", Shift(60_000, Anchor.START)),
        ("foo @ end ( )", Shift(0, Anchor.END)),
        ("foo @ 1m40s", Shift(0, 100_000)),
        ('foo{offset="1", at="@"}', Shift()),
    ],
)
def test_the_time_that_is_read(query, shift):
    tree = parse(query)
    assert isinstance(tree, Selector)
    assert tree.shift == shift


def test_a_shift_belongs_to_the_subquery_behind_which_it_stands():
    tree = parse("max_over_time(foo[10m:1m] @ 100 offset 5m)")
    subquery = tree.args[0]
    assert subquery == Subquery(
        14, Selector(14, subquery.expr.groups, Shift()), 600_000, 60_000, Shift(300_000, 100_000)
    )


def test_matchers_and_their_alternatives():
    name = Matcher("__name__", MatchKind.EQUAL, "foo")
    assert parse('foo{a!~"b.*"}').groups == ((name, Matcher("a", MatchKind.NOT_REGEX, "b.*")),)
    alternatives = parse('foo{a="1" or b!="2"}').groups
    assert [len(group) for group in alternatives] == [2, 2]
    assert parse('{"foo.bar", "a b"="c"}').groups[0][1] == Matcher("a b", MatchKind.EQUAL, "c")


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("1 + 2", Kind.SCALAR),
        ("-1", Kind.SCALAR),
        ("time() > bool 1", Kind.SCALAR),
        ("foo > 1", Kind.VECTOR),
        ("(foo[5m])", Kind.MATRIX),
        ("foo[5m:]", Kind.MATRIX),
        ('"text"', Kind.STRING),
        ("vector(1)", Kind.VECTOR),
    ],
)
def test_kinds(query, kind):
    assert kind_of(parse(query)) is kind


def test_plus_is_nothing_and_minus_is_not():
    assert parse("+foo") == parse("foo") or parse("+foo").pos == 1
    assert isinstance(parse("-foo"), Negation)
    assert parse("--1") == Number(0, 1.0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (r'"a\n\t\"\\"', 'a\n\t"\\'),
        (r"'\x41\101\u00e9\U0001F600'", "AAé😀"),
        (r"`a\n`", r"a\n"),
        (r'"\xff"', "\udcff"),
        ('"마당"', "마당"),
    ],
)
def test_strings(text, said):
    assert unquoted(text) == said
    tree = parse(text)
    assert tree == String(0, said)


def test_words_of_a_query():
    words = [(token.kind, token.text) for token in tokens_of('a:b[1h5m:] # c\n=~ "x" 1e-3 0x1F')]
    assert words == [
        ("word", "a:b"), ("sign", "["), ("number", "1h5m"), ("word", ":"), ("sign", "]"),
        ("sign", "=~"), ("string", '"x"'), ("number", "1e-3"), ("number", "0x1F"), ("end", ""),
    ]  # fmt: skip


def test_experimental_functions_are_switched_on():
    assert isinstance(parse("first_over_time(foo[1m])", experimental=True), Call)
    with pytest.raises(BadQueryError, match="is not enabled") as caught:
        parse("1 +\n first_over_time(foo[1m])")
    assert str(caught.value.where) == "query:2:2"
    assert "metrics.query.experimental" in str(caught.value.hint)


@pytest.mark.parametrize("piece", ["9", '"\\', "1.", "1s", "'\"`", "0x", "1e"])
def test_hostile_words_take_time_linear_in_their_length(piece):
    begin_s = time.process_time()
    tokens_of(piece * 100_000)
    assert time.process_time() - begin_s < 5  # with backtracking it is minutes


def test_a_string_that_does_not_end_is_one_word():
    assert [token.kind for token in tokens_of('a + "b ) c')] == ["word", "sign", "string", "end"]


@pytest.mark.parametrize("query", ["up[1e999]", "up[1m:1e30]", "up offset 1e40", "up offset inf"])
def test_what_the_parser_panics_at_is_an_error(query):
    with pytest.raises(BadQueryError, match="cannot be parsed"):
        parse(query)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("rate(up)", "expected type range vector in call to function 'rate', got instant vector"),
        ("sum(up[5m])", "expected type instant vector in aggregation expression, got range vector"),
        ("-up[5m]", "got: range vector"),
        ("scalar(1)", "expected type instant vector in call to function 'scalar', got scalar"),
    ],
)
def test_types_are_called_as_prometheus_calls_them(query, said):
    with pytest.raises(BadQueryError) as refused:
        parse(query)
    assert said in refused.value.message
