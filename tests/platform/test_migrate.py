"""The examples of docs/migrate on a platform: their files are checked, their commands run, and the
rows are those that the pages show.

A page marks its blocks with comments: ``file:`` writes the block that follows, ``run`` runs it in a
shell, ``rows:`` compares the answer of a query, ``prints:`` what a program says. YAML blocks name
their file in the first line. Absolute paths lie below a folder of the test.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import madang
from madang.project import check_directory
from madang.testing.running_platform import TOKEN, RunningPlatform, write_project

PAGES = sorted((Path(__file__).parents[2] / "docs/migrate").glob("*.md"))
_BLOCK = re.compile(r"(?:^<!-- (\w+)(?:: ([^\n]*?))? -->\n)?^```(\w+)\n(.*?)^```", re.S | re.M)
_ROOTS = re.compile(r"(?<![\w.}])/(?=(?:var/log|data/pay)/)")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block, with what its comment says is done with it."""

    page: str
    mark: str
    argument: str
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}: {self.mark} {self.argument[:40]}".strip()


def blocks() -> list[Block]:
    return [
        Block(page.name, *found)
        for page in PAGES
        for found in _BLOCK.findall(page.read_text(encoding="utf-8"))
    ]


ALL = blocks()
RUN = [one for one in ALL if one.mark]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("migrate")


@pytest.fixture(scope="module")
def project(base: Path) -> Path:
    files = {"madang.yml": "time_zone: UTC\nquery: {workers: 1}\n"}
    for block in ALL:
        if block.language == "yaml":
            name = block.text.split("\n")[0].removeprefix("# ")
            assert name not in files, f"{name} is on two pages"
            files[name] = _ROOTS.sub(f"{base}/", block.text)
    return write_project(base / "project", files)


def test_the_files_of_all_pages_make_a_good_project(project: Path) -> None:
    assert [str(one) for one in check_directory(project).problems] == []


def test_every_page_has_an_example_that_is_run() -> None:
    assert {one.page for one in RUN} == {page.name for page in PAGES} - {"README.md"}


@pytest.fixture(scope="module")
def platform(project: Path, base: Path) -> Iterator[RunningPlatform]:
    for block in RUN:
        if block.mark == "file":
            path = base / block.argument.removeprefix("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
    with RunningPlatform(project, base / "data") as running:
        yield running


@pytest.fixture(scope="module")
def shell(platform: RunningPlatform, base: Path) -> dict[str, str]:
    """The environment of the pages' commands, with `madang` on the path."""
    program = base / "bin/madang"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m madang.cli "$@"\n')
    program.chmod(0o755)
    told = {"MADANG_TOKEN": TOKEN, "MADANG_DATA": str(platform.data)}
    told["PYTHONPATH"] = str(Path(madang.__file__).parents[1])
    return os.environ | told | {"PATH": f"{program.parent}:{os.environ['PATH']}"}


@pytest.mark.parametrize("block", RUN, ids=str)
def test_it_does_what_the_page_says(
    block: Block, platform: RunningPlatform, shell: dict[str, str], base: Path
) -> None:
    if block.mark == "run":
        script = block.text.replace("localhost:8080", f"127.0.0.1:{platform.port}")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            capture_output=True, text=True, env=shell, cwd=base, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
    elif block.mark == "rows":
        expected = json.loads(block.text)
        found: list[object] = []

        def shown() -> bool:
            found[:] = [_rows(platform, block.argument)]
            return found == [expected]

        try:
            platform.wait_for(shown, 10)
        except AssertionError:
            assert found == [expected]
    elif block.mark == "prints":
        platform.wait_for(lambda: platform.delivered("sensors"))
        program = block.text.replace("/var/lib/madang", str(platform.data))
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=False
        )
        assert (done.stdout.strip(), done.returncode) == (block.argument, 0), done.stderr
    else:
        assert block.mark == "file"


def _rows(platform: RunningPlatform, query: str) -> object:
    answer = platform.client.post("/api/sql?format=json", json={"sql": query}).json()
    if "error" in answer:
        return answer["error"]
    names = [column["name"] for column in answer["columns"]]
    return [dict(zip(names, row, strict=True)) for row in answer["rows"]]
