"""Paths → grouping keys."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang.collect.pushgateway.grouping import group_key, grouping_labels, unescape_name
from madang.core.errors import InvalidInputError


@pytest.mark.parametrize(
    ("path", "labels"),
    [
        ("job/some_job", {"job": "some_job"}),
        ("job/some_job/", {"job": "some_job"}),
        ("job/j/instance/i", {"job": "j", "instance": "i"}),
        ("job@base64/L3Zhci90bXA", {"job": "/var/tmp"}),
        ("job@base64/L3Zhci90bXA=", {"job": "/var/tmp"}),
        ("job/d/path@base64/L3Zhci90bXA", {"job": "d", "path": "/var/tmp"}),
        ("job/e/first@base64/=/second/x", {"job": "e", "first": "", "second": "x"}),
        (
            "job/titan/name/%CE%A0%CF%81%CE%BF%CE%BC%CE%B7%CE%B8%CE%B5%CF%8D%CF%82",
            {"job": "titan", "name": "Προμηθεύς"},
        ),
        ("job/titan/name@base64/zqDPgc6_zrzOt864zrXPjc-C", {"job": "titan", "name": "Προμηθεύς"}),
        ("job/a%2Fb/c", {"job": "a", "b": "c"}),
        ("job/a/job/b", {"job": "a"}),
        ("job/a/x/1/x/2", {"job": "a", "x": "2"}),
    ],
)
def test_what_a_path_means(path, labels):
    assert grouping_labels(path.encode()) == labels


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("job/a/b", "odd number of components"),
        ("job/a/1x/b", 'improper label name "1x"'),
        ("job/a/__x/b", 'improper label name "__x"'),
        ("job/a/b-c/d", "improper label name"),
        ("job/a/b@base64/!", 'invalid base64 encoding for label b="!"'),
        ("job@base64/=", "job name is required"),
        ("job@base64/a", "invalid base64 encoding in job name"),
        ("job@base64/_w", "not valid UTF-8"),
        ("job/%ff", "not valid UTF-8"),
        ("job/a/U__a_2e_b/c/d.e/f", 'improper label name "d.e"'),
    ],
)
def test_what_names_no_group(path, said):
    with pytest.raises(InvalidInputError, match=said.replace("(", r"\(")):
        grouping_labels(path.encode())


@pytest.mark.parametrize("path", ["", "job", "job/", "jobs/a", "job@base64", "instance/a/job/b"])
def test_paths_that_are_none(path):
    with pytest.raises(KeyError):
        grouping_labels(path.encode())


@pytest.mark.parametrize(
    ("escaped", "name"),
    [
        ("plain", "plain"),
        ("U__foo_2e_bar", "foo.bar"),
        ("U___55_____foo__2e__bar", "U__foo_2e_bar"),
        ("U___1F60A_", "😊"),
        ("U___1f60a_x", "😊x"),
        ("U__in_xxx_valid", "U__in_xxx_valid"),
        ("U__a_", "U__a_"),
        ("U__a_D800_", "U__a_D800_"),
        ("U__a_0000000_", "U__a_0000000_"),
        ("u__a", "u__a"),
    ],
)
def test_escaped_names(escaped, name):
    assert unescape_name(escaped) == name


def test_names_are_unescaped_only_if_wanted():
    path = b"job/example/U__foo_2e_bar@base64/YmF6"
    assert grouping_labels(path, utf8_names=True) == {"job": "example", "foo.bar": "baz"}
    assert grouping_labels(path) == {"job": "example", "U__foo_2e_bar": "baz"}


_NAMES = st.from_regex(r"[a-zA-Z][a-zA-Z0-9_]{0,5}", fullmatch=True)


@given(st.dictionaries(_NAMES, st.text(max_size=8)), st.text(min_size=1, max_size=8))
def test_whatever_the_values_base64_brings_them(labels, job):
    labels = {**labels, "job": job}

    def encoded(text: str) -> str:
        return base64.urlsafe_b64encode(text.encode()).decode() or "="

    rest = "".join(
        f"/{name}@base64/{encoded(value)}" for name, value in labels.items() if name != "job"
    )
    path = f"job@base64/{encoded(job)}{rest}"
    assert grouping_labels(quote(path).encode()) == labels


def test_keys_tell_groups_apart():
    assert group_key({"job": "a", "b": ""}) != group_key({"job": "a"})
    assert group_key({"job": "a", "b": "c"}) == group_key({"b": "c", "job": "a"})
