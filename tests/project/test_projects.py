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


def test_rules_and_scrape_jobs_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "madang.yml").write_text("query: {workers: 1}\n")
    for folder in ("rules", "sources"):
        (tmp_path / folder).mkdir()
    rules = "[{record: a, expr: up}, {alert: B, expr: up == 0}]"
    (tmp_path / "rules/r.yml").write_text(f"groups: [{{name: g, rules: {rules}}}]\n")
    (tmp_path / "sources/s.yml").write_text("kind: scrape\nscrape_configs: [{job_name: j}]\n")
    assert main(["check", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert said == "good: 0 streams, 1 source, 0 tables, 1 scrape job, 2 rules\n"


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
