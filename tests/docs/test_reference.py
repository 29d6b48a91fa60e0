"""What is documented exists, and what exists is documented."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import madang
from madang.cli import reference as commands
from madang.core.errors import MadangError
from madang.project import PlatformSpec, StreamSpec, json_schema
from madang.project.reference import PAGE, page

ROOT = Path(__file__).parents[2]


def every_module() -> list[str]:
    return [
        found.name
        for found in pkgutil.walk_packages(madang.__path__, "madang.")
        if not found.name.endswith("__main__")
        and ".testing" not in found.name
        and ".migrations" not in found.name  # alembic runs these
    ]


def every_error(kind: type[MadangError] = MadangError) -> set[type[MadangError]]:
    return {kind}.union(*(every_error(below) for below in kind.__subclasses__()))


def test_the_reference_page_is_up_to_date() -> None:
    kept = (ROOT / PAGE).read_text(encoding="utf-8")
    assert kept == page(), "run `make docs`"


def test_the_page_of_the_commands_is_up_to_date() -> None:
    kept = (ROOT / commands.PAGE).read_text(encoding="utf-8")
    assert kept == commands.page(), "run `make docs`"
    assert "|  |" not in kept, "an option without a help text"


def test_each_error_code_has_an_entry() -> None:
    for name in every_module():
        importlib.import_module(name)
    own = {kind for kind in every_error() if kind.__module__.startswith("madang.")}
    codes = {kind.code for kind in own}
    entries = re.findall(r"^## (\w+)$", (ROOT / "docs/errors.md").read_text(), re.MULTILINE)
    assert sorted(codes) == sorted(entries)


def test_each_error_entry_names_the_status_it_has() -> None:
    text = (ROOT / "docs/errors.md").read_text()
    entries = dict(re.findall(r"^## (\w+)\nHTTP (\d+)", text, re.MULTILINE))
    for kind in every_error():
        if (
            kind.__module__.startswith("madang.")
            and kind.code in entries
            and kind.code in vars(kind).get("code", "")
        ):
            assert entries[kind.code] == str(kind.status), kind


@pytest.mark.parametrize("model", [StreamSpec, PlatformSpec])
def test_each_field_says_what_it_means(model: type[StreamSpec]) -> None:
    assert [name for name, field in model.model_fields.items() if not field.description] == []


@pytest.mark.parametrize("kind", ["platform", "stream", "source", "table"])
def test_each_json_schema_is_one(kind: str) -> None:
    import jsonschema

    jsonschema.Draft202012Validator.check_schema(json_schema(kind))


def test_terms_stand_once_in_the_glossary() -> None:
    rows = re.findall(r"^\| ([a-z ]+) \| (.+?) \|", (ROOT / "docs/glossary.md").read_text(), re.M)
    terms = [term for term, _ in rows if term != "term"]
    assert len(terms) == len(set(terms)) > 30
    for term in terms:
        assert re.search(r"[a-z]", term)
