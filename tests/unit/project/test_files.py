from __future__ import annotations

import os
from pathlib import Path

import pytest

from madang.project import ProjectError, check_directory, load_project


def messages(directory: Path) -> list[str]:
    return [str(problem) for problem in check_directory(directory).problems]


@pytest.fixture
def streams(tmp_path: Path) -> Path:
    folder = tmp_path / "streams"
    folder.mkdir()
    return folder


def test_a_named_pipe_is_refused_without_waiting(streams: Path) -> None:
    os.mkfifo(streams / "orders.yml")
    assert messages(streams.parent) == [
        "streams/orders.yml: error: cannot be read: it is not a plain file"
    ]


def test_a_huge_file_is_refused(streams: Path) -> None:
    with (streams / "orders.yml").open("wb") as file:
        file.truncate(2 * 2**30)
    assert messages(streams.parent) == [
        "streams/orders.yml: error: cannot be read: it is larger than 1 MiB"
    ]


def test_a_folder_with_a_files_name_is_refused(streams: Path) -> None:
    (streams / "orders.yml").mkdir()
    assert messages(streams.parent) == ["streams/orders.yml: error: cannot be read: it is a folder"]


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="it does not exist"):
        load_project(tmp_path / "nowhere")


def test_a_name_that_is_no_text(streams: Path) -> None:
    (Path(os.fsdecode(os.fsencode(streams) + b"/\xff\xfe.yml"))).write_text("format: json\n")
    assert ["is not a name" in text for text in messages(streams.parent)] == [True]


def test_what_editors_leave_behind_is_passed_over(streams: Path) -> None:
    for name in (".orders.yml.swp", "orders.yml~", "orders.yml.bak", "#orders.yml#", "4913.tmp"):
        (streams / name).write_text("garbage: [")
    (streams / "orders.yml").write_text("format: json\n")
    assert messages(streams.parent) == []


def test_the_version_follows_the_content(streams: Path) -> None:
    (streams / "orders.yml").write_text("format: json\n")
    before = load_project(streams.parent).version
    assert load_project(streams.parent).version == before
    (streams / "orders.yml").write_text("format: csv\n")
    assert load_project(streams.parent).version != before
