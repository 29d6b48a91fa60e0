"""The examples of docs/migrate on a platform: their files are checked, their commands run, and the
rows are those that the pages show.

A page marks its blocks with comments: ``file:`` writes the block that follows, ``target:`` serves
it as a page of metrics, ``run`` runs it in a shell, ``rows:`` and ``promql:`` compare the answer of
a query, ``prints:`` what a program says, ``warned`` what a check of the project says. YAML blocks
without a comment name their file in the first line; of ``madang.yml`` every page has its part.
Absolute paths lie below a folder of the test, and well-known ports are free ones.
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
from typing import Any

import pytest
import yaml

import madang
from madang.project import check_directory
from madang.testing.running_platform import TOKEN, RunningPlatform, free_port, write_project
from page_server import Request, Web

PAGES = sorted((Path(__file__).parents[2] / "docs/migrate").glob("*.md"))
_BLOCK = re.compile(r"(?:^<!-- (\w+)(?:: ([^\n]*?))? -->\n)?^```(\w+)\n(.*?)^```", re.S | re.M)
_ROOTS = re.compile(r"(?<![\w.}])/(?=(?:var/log|data/pay|etc/prometheus)/)")
_PORTS = re.compile(r"(localhost:|\{port: )(8080|8086|9090|9091|9100)\b")


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
def targets() -> Iterator[dict[str, int]]:
    """Pages of metrics that are served: the port that is written → the one that it is."""
    pages = {one.argument.removeprefix("localhost:"): one for one in RUN if one.mark == "target"}
    served = {port: _served(block.text.encode()) for port, block in pages.items()}
    yield {port: web.port for port, web in served.items()}
    for web in served.values():
        web.close()


def _served(body: bytes) -> Web:
    async def answer(request: Request) -> None:
        await request.page(body)

    return Web(answer)


class Here:
    """What is written on the pages, as it is called in this test."""

    def __init__(self, base: Path, ports: dict[str, int]) -> None:
        self._base, self._ports = base, ports

    def __call__(self, text: str) -> str:
        text = _PORTS.sub(lambda found: f"{found[1]}{self.port(found[2])}", text)
        return _ROOTS.sub(f"{self._base}/", text)

    def port(self, written: str) -> int:
        """The port that stands for a well-known one."""
        return self._ports.setdefault(written, free_port())


@pytest.fixture(scope="module")
def here(base: Path, targets: dict[str, int]) -> Here:
    return Here(base, dict(targets))


@pytest.fixture(scope="module")
def project(base: Path, here: Here) -> Path:
    files: dict[str, str] = {}
    settings: dict[str, Any] = {"time_zone": "UTC", "query": {"workers": 1}}
    for block in ALL:
        name = block.text.split("\n")[0].removeprefix("# ")
        if block.mark == "file":
            write_project(base, {block.argument.removeprefix("/"): here(block.text)})
        elif block.language == "yaml" and name == "madang.yml":
            _merge(settings, yaml.safe_load(here(block.text)))
        elif block.language == "yaml":
            assert name not in files, f"{name} is on two pages"
            files[name] = here(block.text)
    return write_project(base / "project", files | {"madang.yml": yaml.safe_dump(settings)})


def _merge(into: dict[str, Any], more: dict[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, dict):
            _merge(into.setdefault(key, {}), value)
        else:
            into[key] = value


def test_the_files_of_all_pages_make_a_good_project(project: Path, here: Here) -> None:
    warned = [here(one.text).strip() for one in RUN if one.mark == "warned"]
    assert [str(one) for one in check_directory(project).problems] == warned


def test_every_page_has_an_example_that_is_run() -> None:
    assert {one.page for one in RUN} == {page.name for page in PAGES} - {"README.md"}


@pytest.fixture(scope="module")
def platform(project: Path, base: Path, here: Here) -> Iterator[RunningPlatform]:
    with RunningPlatform(project, base / "data", port=here.port("8080")) as running:
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
    block: Block, platform: RunningPlatform, shell: dict[str, str], base: Path, here: Here
) -> None:
    if block.mark == "run":
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", here(block.text)],
            capture_output=True, text=True, env=shell, cwd=base, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
    elif block.mark in ("rows", "promql"):
        ask = _rows if block.mark == "rows" else _series
        expected = json.loads(here(block.text))
        found: list[object] = []

        def shown() -> bool:
            found[:] = [ask(platform, block.argument)]
            return found == [expected]

        try:
            platform.wait_for(shown, 20)
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
        assert block.mark in ("file", "target", "warned")


def _rows(platform: RunningPlatform, query: str) -> object:
    answer = platform.client.post("/api/sql?format=json", json={"sql": query}).json()
    if "error" in answer:
        return answer["error"]
    names = [column["name"] for column in answer["columns"]]
    return [dict(zip(names, row, strict=True)) for row in answer["rows"]]


def _series(platform: RunningPlatform, query: str) -> object:
    """The series of an instant query, sorted: labels and the value."""
    answer = platform.client.post("/prometheus/api/v1/query", data={"query": query}).json()
    if answer["status"] == "error":
        return answer["error"]
    found = [one["metric"] | {"value": float(one["value"][1])} for one in answer["data"]["result"]]
    return sorted(found, key=lambda one: sorted(one.items(), key=lambda pair: pair[0]))
