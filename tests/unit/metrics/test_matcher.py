"""Conditions on labels: one by one, listed, and many at once mean the same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang.metrics.matcher import Matcher, MatchKind

PATTERNS = [
    "",
    "a",
    "a|b",
    "a|",
    ".*",
    ".+",
    "a.*|b",
    "(?i)A",
    "^a",
    "a$",
    "[ab]+",
    "값.",
    "a\\.b",
    "|",
    "a{2}",
]
values = st.text(st.sampled_from("ab.값\n|^"), max_size=4)


@given(
    st.sampled_from(MatchKind),
    st.sampled_from(PATTERNS),
    st.lists(values, min_size=100, max_size=120),
)
def test_many_at_once_are_judged_as_one_by_one(kind, pattern, texts):
    matcher = Matcher("pod", kind, pattern)
    each = [matcher.matches(text) for text in texts]
    assert matcher.matches_each(texts).tolist() == each
    if matcher.among is not None:
        assert each == [text in matcher.among for text in texts]


@pytest.mark.parametrize(
    ("kind", "value", "among"),
    [
        (MatchKind.EQUAL, "a.b", {"a.b"}),
        (MatchKind.REGEX, "a|b-1|", {"a", "b-1", ""}),
        (MatchKind.REGEX, "a.b", None),
        (MatchKind.NOT_EQUAL, "a", None),
        (MatchKind.NOT_REGEX, "a|b", None),
    ],
)
def test_a_list_of_texts_can_be_looked_up(kind, value, among):
    assert Matcher("pod", kind, value).among == among


def test_none_at_all_are_judged_too():
    assert Matcher("pod", MatchKind.REGEX, "a.").matches_each([]).dtype == np.bool_
