"""Relabelling: what each action does, and what holds for all of them."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madang.collect.scrape.relabel import Matcher, Relabeller, Template
from madang.project.relabel_spec import RelabelSpec

BASE = {"a": "foo", "b": "bar", "c": "baz"}


def relabelled(labels: dict[str, str], *rules: dict, **options) -> dict[str, str] | None:
    result = dict(labels)
    specs = [RelabelSpec.model_validate(rule) for rule in rules]
    return result if Relabeller(specs, **options).apply(result) else None


@pytest.mark.parametrize(
    ("labels", "rules", "expected"),
    [
        # replace
        (BASE, [{"source_labels": ["a"], "regex": "f(.*)", "target_label": "d",
                 "replacement": "ch${1}-ch${1}"}], BASE | {"d": "choo-choo"}),
        (BASE, [{"source_labels": ["a", "b"], "regex": "f(.*);(.*)r", "target_label": "a",
                 "replacement": "b${1}${2}m"}], BASE | {"a": "boobam"}),
        (BASE, [{"source_labels": ["a"], "regex": "x.*", "target_label": "a"}], BASE),
        (BASE, [{"source_labels": ["a"], "regex": "o", "target_label": "a", "replacement": "x"}],
         BASE),
        (BASE, [{"target_label": "d", "replacement": "v"}], BASE | {"d": "v"}),
        (BASE, [{"target_label": "a", "replacement": ""}], {"b": "bar", "c": "baz"}),
        (BASE, [{"source_labels": ["none"], "target_label": "a"}], {"b": "bar", "c": "baz"}),
        (BASE, [{"source_labels": ["a"], "regex": "(?P<one>.)(?P<two>.*)", "target_label": "$two",
                 "replacement": "${one}_$two"}], BASE | {"oo": "f_oo"}),
        (BASE, [{"source_labels": ["a"], "regex": "(f)(x)?.*", "target_label": "d",
                 "replacement": "$1$2$3|$1x|${1}x|$$1|$-"}], BASE | {"d": "f||fx|$1|$-"}),
        ({"a": "line\nbreak"}, [{"source_labels": ["a"], "regex": "(.*)break", "target_label": "a",
                                 "replacement": "x"}], {"a": "x"}),
        ({"a": "서울-1"}, [{"source_labels": ["a"], "regex": "(.*)-(\\d)", "target_label": "도시"}],
         {"a": "서울-1", "도시": "서울"}),
        # keep, drop
        (BASE, [{"source_labels": ["a"], "regex": "foo", "action": "keep"}], BASE),
        (BASE, [{"source_labels": ["a"], "regex": "fo", "action": "keep"}], None),
        (BASE, [{"source_labels": ["a"], "regex": "foo|x", "action": "drop"}], None),
        (BASE, [{"source_labels": ["a"], "regex": ".*o.*", "action": "drop"}], None),
        (BASE, [{"source_labels": ["none"], "regex": "", "action": "drop"}], None),
        (BASE, [{"source_labels": ["a"], "regex": "f|foo", "action": "drop"},
                {"target_label": "d", "replacement": "never"}], None),
        # keepequal, dropequal
        ({"a": "1", "b": "1"}, [{"source_labels": ["a"], "target_label": "b",
                                 "action": "keepequal"}], {"a": "1", "b": "1"}),
        ({"a": "1"}, [{"source_labels": ["a"], "target_label": "b", "action": "keepequal"}], None),
        ({"a": "1", "b": "1"}, [{"source_labels": ["a"], "target_label": "b",
                                 "action": "dropequal"}], None),
        ({}, [{"source_labels": ["a"], "target_label": "b", "action": "dropequal"}], None),
        # hashmod: known values of MD5's last eight bytes
        ({"a": "baz"}, [{"source_labels": ["a"], "target_label": "d", "action": "hashmod",
                         "modulus": 1000}], {"a": "baz", "d": "976"}),
        ({"a": "foo\nbar"}, [{"source_labels": ["a"], "target_label": "d", "action": "hashmod",
                              "modulus": 1000}], {"a": "foo\nbar", "d": "734"}),
        # labelmap, labeldrop, labelkeep
        ({"a": "foo", "b1": "bar", "b2": "baz"},
         [{"action": "labelmap", "regex": "(b.*)", "replacement": "bar_${1}"}],
         {"a": "foo", "b1": "bar", "b2": "baz", "bar_b1": "bar", "bar_b2": "baz"}),
        ({"__meta_my_baz": "x"}, [{"action": "labelmap", "regex": "__meta_(my.*)"}],
         {"__meta_my_baz": "x", "my_baz": "x"}),
        ({"a": "1", "b1": "2", "b2": "3"}, [{"action": "labeldrop", "regex": "b.*"}], {"a": "1"}),
        ({"a": "1", "b1": "2"}, [{"action": "labelkeep", "regex": "b.*"}], {"b1": "2"}),
        # lowercase, uppercase
        ({"a": "FoO"}, [{"source_labels": ["a"], "target_label": "u", "action": "uppercase"},
                        {"source_labels": ["a"], "target_label": "l", "action": "lowercase"}],
         {"a": "FoO", "u": "FOO", "l": "foo"}),
        ({"a": "straße"}, [{"source_labels": ["a"], "target_label": "a", "action": "uppercase"}],
         {"a": "STRAßE"}),
    ],
)  # fmt: skip
def test_what_rules_do(labels, rules, expected):
    assert relabelled(labels, *rules) == expected


def test_names_of_the_older_scheme():
    rule = {"source_labels": ["a"], "target_label": "${1}"}
    assert relabelled({"a": "x-y"}, rule, legacy_names=True) == {"a": "x-y"}
    assert relabelled({"a": "x-y"}, rule) == {"a": "x-y", "x-y": "x-y"}


TEXT = st.text(max_size=8)


@settings(deadline=None)
@given(TEXT, st.integers(1, 2**64 - 1))
def test_hashmod_is_the_second_half_of_md5(text, modulus):
    found = relabelled(
        {"a": text} if text else {},
        {"source_labels": ["a"], "target_label": "h", "action": "hashmod", "modulus": modulus},
    )
    half = hashlib.md5(text.encode()).hexdigest()[16:]
    assert found["h"] == str(int(half, 16) % modulus)


@settings(deadline=None)
@given(st.dictionaries(TEXT, TEXT.filter(bool)), TEXT, TEXT)
def test_no_rule_leaves_an_empty_value(labels, target, replacement):
    target = target or "t"
    for action in ("lowercase", "uppercase", "replace"):
        rule = {"source_labels": list(filter(None, labels)), "action": action, "separator": ""}
        rule["target_label"] = target.replace("$", "x")
        found = relabelled(labels, rule)
        assert found is not None
        assert "" not in found.values()


@settings(deadline=None)
@given(st.lists(st.text("abc|-_: ", max_size=4), min_size=1, max_size=4), st.text("abc|-_: "))
def test_the_short_way_for_plain_words_matches_as_the_engine(words, text):
    pattern = "|".join(words)
    plain, engine = Matcher(pattern), Matcher(f"(?:{pattern})")
    assert plain.matches(text) == engine.matches(text)
    for word in words:
        assert plain.matches(word) == engine.matches(word)


@settings(deadline=None)
@given(st.text("$1{}ax_ $", max_size=12), TEXT)
def test_a_template_is_filled_whatever_it_says(template, text):
    filled = Template(template, {"a": 1}).fill((text, text))
    if "$" not in template:
        assert filled == template


def test_a_bomb_of_an_expression_is_linear():
    assert not Matcher("(a*)*b").matches("a" * 100_000)
