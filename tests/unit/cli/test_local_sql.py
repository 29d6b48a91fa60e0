from __future__ import annotations

from pathlib import Path
from tempfile import gettempdir
from types import SimpleNamespace

import pytest

from madang.cli import main


def test_files_are_asked_without_a_platform(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.ndjson").write_text('{"path":"/a","n":1}\n{"path":"/b","n":5}\n')
    call = ["sql", "--file", f"logs={tmp_path}/*.ndjson"]
    assert main([*call, "select path, n from logs where n > $least", "-p", "least=2"]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines() == ["path  n", "/b    5"]
    assert said.err.startswith("1 row, ")
    target = tmp_path / "b.csv"
    assert main([*call, "from logs", "-f", "csv", "-o", str(target), "--text"]) == 0
    assert target.read_bytes() == b"path,n\r\n/a,1\r\n/b,5\r\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--file", "logs"], "'logs' is not name=pattern"),
        (["--file", "Logs=a.csv"], "'Logs' cannot name a table"),
        (["--file", "logs=none.csv"], "no file matches 'none.csv'"),
        (["--file", "a={folder}/a.csv", "--file", "a={folder}/a.csv"], "named twice"),
        (["--file", "a={folder}/a.csv", "--memory", "much"], "'much' is not a size"),
    ],
)
def test_wrong_calls_are_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    (tmp_path / "a.csv").write_text("a\n1\n")
    filled = [one.format(folder=tmp_path) for one in options]
    assert main(["sql", *filled, "select 1"]) in (1, 2)
    assert message in capsys.readouterr().err


def test_too_little_memory_says_which_options(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.csv").write_text("a\n1\n")
    call = ["sql", "--file", f"a={tmp_path}/a.csv", "--memory", "8MiB", "--spill", "1MiB"]
    sql = "select count(*) from (select distinct hash(i, 1), hash(i, 2) from range(3000000) r(i))"
    assert main([*call, sql]) == 1
    assert "raise --memory and --spill" in capsys.readouterr().err


def test_a_disk_that_is_too_small_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.csv").write_text("a\n1\n")
    call = ["sql", "--file", f"a={tmp_path}/a.csv", "--memory", "8MiB", "--spill", "1MiB"]
    sql = "select count(*) from (select distinct hash(i, 1), hash(i, 2) from range(3000000) r(i))"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=2**10))
        assert main([*call, sql]) == 1
    said = capsys.readouterr().err
    assert "set TMPDIR to a folder on a larger disk" in said
    assert f"{gettempdir()} has 1.0 KiB free" in said
