from __future__ import annotations

from pathlib import Path

import pytest

from madang.core.errors import ConflictError
from madang.project import check_directory
from madang.project.starter import starter_files, write_starter

EXAMPLE = Path(__file__).parents[3] / "examples" / "home"


def test_the_example_is_what_init_writes() -> None:
    kept = {
        str(path.relative_to(EXAMPLE)): path.read_bytes()
        for path in EXAMPLE.rglob("*.yml")
        if "data" not in path.relative_to(EXAMPLE).parts
    }
    assert kept == starter_files()


def test_the_starter_is_a_good_project(tmp_path: Path) -> None:
    write_starter(tmp_path)
    result = check_directory(tmp_path)
    assert result.problems == ()
    assert result.project is not None
    assert {"metrics.samples", "logs"} < result.project.streams.keys()
    assert (tmp_path / ".madang" / "schema" / "stream.json").is_file()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "streams").mkdir()
    (tmp_path / "streams" / "logs.yml").write_text("format: json\n")
    with pytest.raises(ConflictError, match="exists already"):
        write_starter(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["streams"]
