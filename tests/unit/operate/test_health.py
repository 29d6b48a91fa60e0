"""What status says is wrong, from what the parts really leave in ``run/``."""

from __future__ import annotations

from pathlib import Path

from madang.collect.collector import SourceState
from madang.core.datadir import DataDir
from madang.core.errors import InvalidInputError, MadangError, StorageFullError
from madang.operate.health import SOURCES_FILE, assess
from madang.operate.state_file import StateFile
from madang.project import PlatformSpec, Project


def problems(tmp_path: Path, error: MadangError | None) -> list[tuple[str, str]]:
    data = DataDir(tmp_path)
    data.run.mkdir(parents=True, exist_ok=True)
    state = SourceState(
        name="shop",
        kind="files",
        stream="shop",
        state="waiting" if error else "running",
        since_us=0,
        error=error,
        problems=(),
        counts={},
        restarts=0,
    )
    StateFile(data.run / SOURCES_FILE).write({"shop": state.as_dict()})
    platform = PlatformSpec.model_validate({"storage": {"min_free": 0}})
    project = Project(directory=str(tmp_path), platform=platform)
    return [(one.code, one.message) for one in assess(data, project, 0).problems]


def test_a_source_that_waits_is_named_with_its_reason(tmp_path: Path) -> None:
    found = problems(tmp_path, InvalidInputError("/var/log/x cannot be read", hint="chmod it"))
    assert found == [
        ("source_failing", "the source shop is waiting: /var/log/x cannot be read (chmod it)")
    ]


def test_a_source_that_runs_is_no_problem(tmp_path: Path) -> None:
    assert problems(tmp_path, None) == []


def test_a_full_disk_is_not_told_once_more_by_each_source(tmp_path: Path) -> None:
    assert problems(tmp_path, StorageFullError("only 3 MiB are free", retry_after_s=5)) == []
