"""Each folder in ``bad`` is a broken project beside what ``madang check`` says about it.

To add one: write ``bad/<name>/project/…``, run the test with ``MADANG_WRITE_EXPECTED=1``, and read
what was written into ``expected.txt``: would you know what to do?
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from madang.cli import main
from madang.project import load_project

HERE = Path(__file__).parent
BAD = sorted(path.name for path in (HERE / "bad").iterdir())
GOOD = sorted(path.name for path in (HERE / "good").iterdir())


def test_there_are_many() -> None:
    assert len(BAD) >= 40


@pytest.mark.parametrize("name", BAD)
def test_a_bad_project_is_told_what_is_wrong(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = HERE / "bad" / name
    assert main(["check", str(folder / "project")]) == 1
    said = capsys.readouterr().out
    if os.environ.get("MADANG_WRITE_EXPECTED"):
        (folder / "expected.txt").write_text(said)
    assert said == (folder / "expected.txt").read_text()


@pytest.mark.parametrize("name", GOOD)
def test_a_good_project_has_no_problem(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(HERE / "good" / name)]) == 0
    assert capsys.readouterr().out == "good: 4 streams, 2 sources, 1 table\n"


def test_what_the_files_say_is_in_the_project() -> None:
    project = load_project(HERE / "good" / "shop")
    orders = project.streams["orders"]
    assert orders.table == "sales.orders"
    assert orders.delivery.buffer_time == 0.5
    assert orders.contract is not None
    assert orders.contract.json_schema == {"type": "object", "required": ["customer"]}
    assert set(orders.columns) == {"amount", "상품"}
    assert project.streams["app"].table is None
    assert project.platform.query.timeout == 90.0
    assert project.sources["host"].name == "host"
    assert project.tables["sales.orders"].keep == 365 * 86_400
    assert {"system.logs", "system.access_log"} < project.sources.keys()
