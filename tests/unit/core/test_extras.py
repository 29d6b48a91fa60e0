"""Optional packages."""

import pytest

from madang.core.errors import InvalidInputError
from madang.core.extras import require


def test_what_is_there_is_imported():
    assert require("json.decoder", extra="x", why="a test").JSONDecoder


def test_what_is_missing_says_why_and_how():
    with pytest.raises(InvalidInputError) as caught:
        require("madang_has_no_such.thing", extra="calendars", why="a calendar of KR")
    assert caught.value.message == (
        "a calendar of KR needs the package madang_has_no_such, which is not installed"
    )
    assert caught.value.hint == "pip install 'madang[calendars]'"


def test_a_fault_within_a_package_is_not_hidden(tmp_path, monkeypatch):
    (tmp_path / "faulty_here.py").write_text("import madang_has_no_such")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="madang_has_no_such"):
        require("faulty_here", extra="x", why="a test")
