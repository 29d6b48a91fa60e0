"""A table of rule files: Madang takes and refuses what ``promtool check rules`` does.

``newer-``: Prometheus 3 takes it, 2.42 does not; ``older-``: the other way round; ``stricter-``:
Prometheus takes it, Madang does not.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from debian_programs import debian_program
from madang.operate.expressions import is_promql
from madang.project import LoadResult, Project, check_directory

FOLDER = Path(__file__).parent / "rules"
CASES = {path.stem: path for path in sorted(FOLDER.glob("*.yml"))}
EXPECTED = dict(
    line.split("\t") for line in (FOLDER / "expected.tsv").read_text().splitlines() if line
)
TAKEN = [name for name in CASES if name.startswith(("good-", "newer-"))]


def checked(folder: Path, *names: str) -> LoadResult:
    (folder / "rules").mkdir()
    for name in names:
        (folder / "rules" / f"{name}.yml").write_bytes(CASES[name].read_bytes())
    return check_directory(folder, is_promql=is_promql)


@pytest.mark.parametrize("name", TAKEN)
def test_a_good_one_is_taken(name: str, tmp_path: Path) -> None:
    result = checked(tmp_path, name)
    assert result.errors == ()
    project = result.checked()
    again = json.loads(json.dumps(project.model_dump(mode="json", by_alias=True)))
    assert Project.model_validate(again) == project


@pytest.mark.parametrize("name", EXPECTED)
def test_a_bad_one_is_refused_with_its_line(name: str, tmp_path: Path) -> None:
    said = [str(one) for one in checked(tmp_path, name).errors]
    line, _, text = EXPECTED[name].partition(": ")
    if not line.isdigit():
        line, text = "", EXPECTED[name]
    assert any(one.startswith(f"rules/{name}.yml:{line}") and text in one for one in said), said


def test_every_file_is_expected_to_be_something() -> None:
    assert set(EXPECTED) | set(TAKEN) == set(CASES)
    assert len(CASES) > 120


def test_promtool_agrees() -> None:
    promtool = debian_program("prometheus", "usr/bin/promtool")
    told = subprocess.run(
        [promtool, "check", "rules", *CASES.values()],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    ).stdout.decode(errors="replace")
    said = {
        Path(first).stem: rest
        for first, _, rest in (one.partition("\n") for one in told.split("Checking ")[1:])
    }
    assert said.keys() == CASES.keys()
    # A duplicate is said to have failed as well, and is none for the exit code.
    taken = {name for name, text in said.items() if "FAILED" not in text or "lint error" in text}
    wanted = {name for name in CASES if name.startswith(("good-", "older-", "stricter-"))}
    assert taken == wanted
