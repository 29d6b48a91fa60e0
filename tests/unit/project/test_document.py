from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madang.project.document import read_document


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("12:30", "12:30"),
        ("0o17", "0o17"),
        ("007", 7),
        ("2026-11-21", "2026-11-21"),
        ("1e3", 1000.0),
        (".inf", ".inf"),
        ("'5'", "5"),
        ('"true"', "true"),
        ("true", True),
        ("~", None),
        ("9" * 5000, "9" * 5000),
        ("", None),
    ],
)
def test_plain_words_mean_what_they_look_like(text: str, value: object) -> None:
    document = read_document("a.yml", f"key: {text}\n".encode())
    assert document.problems == []
    assert document.root["key"] == value


def test_every_key_and_value_has_its_place() -> None:
    document = read_document("a.yml", "a:\n  - b: 1\n    한글: [x, y]\n".encode())
    assert str(document.at_key(("a", 0, "한글"))) == "a.yml:3:5"
    assert str(document.at_value(("a", 0, "한글", 1))) == "a.yml:3:13"
    assert str(document.at_value(("a", 0, "nothing", "there"))) == "a.yml:2:5"


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    document = read_document("a.yml", data)
    assert document.root or document.problems or data.strip().endswith(b"}")


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab:-[]{}&*!|>'\"#%@`,? \n\t0.~<", max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    document = read_document("a.yml", text.encode())
    for problem in document.problems:
        assert problem.message
        assert problem.where.line >= 1
