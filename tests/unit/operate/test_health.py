"""What status says is wrong, from what the parts really leave in ``run/``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from madang.collect.collector import SourceState
from madang.core.datadir import DataDir
from madang.core.errors import InvalidInputError, MadangError, StorageFullError
from madang.operate.health import (
    PROJECT_ERRORS_FILE,
    ROLES_FILE,
    RULES_FILE,
    SOURCES_FILE,
    assess,
    is_project_broken,
)
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


STARTED = datetime(2026, 11, 21, tzinfo=UTC)


def of_role(tmp_path: Path, after: timedelta, **fields: object) -> list[tuple[str, str | None]]:
    """Problems and hints, ``after`` the last start of a role."""
    data = DataDir(tmp_path)
    data.run.mkdir(parents=True, exist_ok=True)
    role = {
        "name": "collect", "pid": 1, "state": "running", "started_at": STARTED.isoformat(),
        "restarts": 0, "exit": None, **fields,
    }  # fmt: skip
    StateFile(data.run / ROLES_FILE).write({"roles": [role]})
    platform = PlatformSpec.model_validate({"storage": {"min_free": 0}})
    project = Project(directory=str(tmp_path), platform=platform)
    now_us = round((STARTED + after).timestamp() * 1_000_000)
    return [(one.code, one.hint) for one in assess(data, project, now_us).problems]


def test_a_role_that_died_often_is_a_problem_until_it_ran_for_a_while(tmp_path: Path) -> None:
    often = {"restarts": 3, "exit": "exit code 1"}
    ((code, hint),) = of_role(tmp_path, timedelta(minutes=1), **often)
    assert code == "role_restarts"
    assert hint is not None
    assert "logs/collect.jsonl" in hint
    assert of_role(tmp_path, timedelta(minutes=11), **often) == []
    assert of_role(tmp_path, timedelta(minutes=1), restarts=2, exit="exit code 1") == []


def test_a_role_that_a_signal_ended_is_looked_up_where_it_is_told(tmp_path: Path) -> None:
    dead = {"state": "dead", "restarts": 1}
    found = {
        how: of_role(tmp_path, timedelta(), **dead, exit=how)
        for how in ("exit code 1", "ended by SIGKILL", "ended by SIGSEGV")
    }
    assert found == {
        "exit code 1": [
            ("role_collect", "its log says why: logs/collect.jsonl, or SELECT * FROM system.logs")
        ],
        "ended by SIGKILL": [
            (
                "role_collect",
                "logs/supervisor.jsonl says when; was memory short? dmesg says so",
            )
        ],
        "ended by SIGSEGV": [
            (
                "role_collect",
                "logs/supervisor.jsonl says when, logs/collect.fault where in the code",
            )
        ],
    }


def test_pushed_groups_that_were_set_aside_are_told(tmp_path: Path) -> None:
    assert problems(tmp_path, None) == []
    broken = DataDir(tmp_path).pushed_groups / "broken"
    broken.mkdir(parents=True)
    assert problems(tmp_path, None) == []
    (broken / "a.group").write_bytes(b"x")
    found = problems(tmp_path, None)
    assert [code for code, _ in found] == ["pushed_groups_broken"]
    assert found[0][1].startswith("1 file of pushed groups could not be read: set aside in ")


def test_rules_that_fail_or_are_late_are_named_and_the_others_counted(tmp_path: Path) -> None:
    assert problems(tmp_path, None) == []
    one = {"rules/a.yml;cpu": 70.0}
    StateFile(DataDir(tmp_path).run / RULES_FILE).write({"failing": {}, "late_s": one})
    (found,) = problems(tmp_path, None)
    assert found == ("rules_late", "the rule group cpu in rules/a.yml is behind by 1m10s")
    two = one | {"rules/b.yml;io": 10.0}
    failing = {"rules/a.yml;cpu;x:y": "no", "rules/a.yml;cpu;x:z": "no"}
    StateFile(DataDir(tmp_path).run / RULES_FILE).write({"failing": failing, "late_s": two})
    assert [said for _, said in problems(tmp_path, None)] == [
        "the rule x:y of the group cpu in rules/a.yml fails: no; 1 more rule fails",
        "the rule group cpu in rules/a.yml is behind by 1m10s, and 1 more is behind",
    ]


def test_warnings_do_not_break_a_project(tmp_path: Path) -> None:
    data = DataDir(tmp_path)
    data.run.mkdir(parents=True)
    assert not is_project_broken(data)
    told = {"message": "alerting is not read", "severity": "warning"}
    StateFile(data.run / PROJECT_ERRORS_FILE).write({"problems": [told]})
    assert not is_project_broken(data)
    StateFile(data.run / PROJECT_ERRORS_FILE).write({"problems": [told | {"severity": "error"}]})
    assert is_project_broken(data)
