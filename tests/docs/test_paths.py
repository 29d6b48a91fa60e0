"""Paths, links, commands and recipes that the documents name exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from madang.cli.app import app

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
READMES = [ROOT / "README.md", ROOT / "README.ko.md"]

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_NAMED = re.compile(
    r"`((?:src|docs|tests|examples|benchmarks|web|requirements|madang)/[\w./-]+\w/?)`"
)
_COMMAND = re.compile(r"(?:\.venv/bin/madang|`madang)\s+([a-z]+)(?:\s+([a-z]+))?")
_RECIPE = re.compile(r"\bmake ([a-z]+)\b")
_MADE = ("benchmarks/RESULTS.md", "src/madang/server/ui")
"""Written by a recipe, so not there in every checkout."""


def ids(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings
    }


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_links_lead_somewhere(page: Path) -> None:
    lost = []
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        target, _, anchor = link.partition("#")
        if "://" in target or target.startswith("mailto:") or target.endswith(_MADE):
            continue
        path = page if not target else (page.parent / target).resolve()
        if not path.exists() or (anchor and path.suffix == ".md" and anchor not in anchors(path)):
            lost.append(link)
    assert lost == []


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_paths_in_the_repository_exist(page: Path) -> None:
    named = _NAMED.findall(page.read_text(encoding="utf-8"))
    roots = (ROOT, ROOT / "src", page.parent)
    lost = [
        name
        for name in named
        if not name.startswith(_MADE) and not any((root / name).exists() for root in roots)
    ]
    assert lost == []


def commands() -> dict[str, set[str]]:
    """Each command with its commands below."""
    found = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    return {name: set(getattr(one, "commands", ())) for name, one in found.items()}


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_commands_that_pages_name_exist(page: Path) -> None:
    known, wrong = commands(), []
    for name, below in _COMMAND.findall(page.read_text(encoding="utf-8")):
        if name not in known or (known[name] and below and below not in known[name]):
            wrong.append(f"{name} {below}".strip())
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_recipes_that_pages_name_exist(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    known = set(re.findall(r"^([a-z]+):.*## ", makefile, re.MULTILINE))
    code = re.findall(r"`[^`]+`|```.*?```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert {name for part in code for name in _RECIPE.findall(part)} - known == set()


def blocks(page: Path) -> list[str]:
    """The code of a page's fenced blocks, without what is only said in it."""
    found = re.findall(r"^```\w*\n(.*?)^```", page.read_text(encoding="utf-8"), re.S | re.M)
    return [re.sub(r"(?m)\s+#.*$|^description:.*$", "", block) for block in found]


def test_both_readmes_give_the_same_commands() -> None:
    first, second = (blocks(page) for page in READMES)
    assert first == second
