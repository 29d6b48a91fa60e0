"""What the terminal of ``madang up`` is told of the project."""

from __future__ import annotations

from pathlib import Path

import pytest

from madang.core.datadir import DataDir
from madang.operate.notices import ProjectNotices
from madang.project import ProjectPublisher


def test_a_broken_change_and_its_mending_are_told_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stream = tmp_path / "project/streams/shop.yml"
    stream.parent.mkdir(parents=True)
    stream.write_text("format: json\n")
    publisher = ProjectPublisher(tmp_path / "project", DataDir(tmp_path / "data"))
    notices = ProjectNotices()

    def told() -> str:
        notices(publisher.publish())
        return capsys.readouterr().err

    assert told() == ""
    stream.write_text("fomat: json\n")
    broken = told()
    assert "the last good state goes on" in broken
    assert "streams/shop.yml:1:1" in broken
    assert "did you mean 'format'?" in broken
    assert told() == ""
    stream.write_text("format: json\n")
    assert told() == "The project is good again, and in use.\n"
    stream.write_text("format: plain\n")
    assert told() == "The project was changed; the change is in use.\n"
    assert told() == ""
