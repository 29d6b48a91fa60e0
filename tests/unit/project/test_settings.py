from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from madang.core.errors import InvalidInputError
from madang.project.settings import DEFAULT_URL, connection, start_settings

ENVIRONMENT = {
    "MADANG_PROJECT": "shop",
    "MADANG_DATA": "/srv/data",
    "MADANG_HOST": "0.0.0.0",
    "MADANG_PORT": "9000",
    "MADANG_TOKEN": "mdg_e",
}


def test_a_flag_wins_over_the_environment() -> None:
    found = start_settings(project="p", data="d", host="::1", port=0, environ=ENVIRONMENT)
    assert (str(found.project_dir), str(found.data_dir)) == ("p", "d")
    assert (found.host, found.port, found.token) == ("::1", 0, "mdg_e")


def test_the_environment_wins_over_the_file() -> None:
    found = start_settings(environ=ENVIRONMENT)
    assert (str(found.project_dir), str(found.data_dir)) == ("shop", "/srv/data")
    assert (found.host, found.port) == ("0.0.0.0", 9000)


def test_nothing_said_leaves_it_to_the_file() -> None:
    found = start_settings(environ={"MADANG_PORT": "", "MADANG_HOST": "", "MADANG_TOKEN": ""})
    assert (str(found.project_dir), str(found.data_dir)) == (".", "data")
    assert (found.host, found.port, found.token) == (None, None, None)


@pytest.mark.parametrize("port", ["http", "-1", "65536", "８０", "80 "])
def test_a_port_that_is_none_is_told(port: str) -> None:
    with pytest.raises(InvalidInputError, match="MADANG_PORT"):
        start_settings(environ={"MADANG_PORT": port})


def running(tmp_path: Path, pid: int) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "platform.json").write_text(json.dumps({"url": "http://h:1", "pid": pid}))
    (tmp_path / "run" / "admin.token").write_text("mdg_a\n")


def test_what_runs_in_the_data_directory_is_asked(tmp_path: Path) -> None:
    running(tmp_path, os.getpid())
    found = connection(data=str(tmp_path), environ={})
    assert (found.url, found.token) == ("http://h:1", "mdg_a")
    other = connection(data=str(tmp_path), url="http://other:2/", environ={})
    assert (other.url, other.token) == ("http://other:2", None)


def test_a_platform_that_was_killed_is_not_asked(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    running(tmp_path, ended.pid)
    found = connection(data=str(tmp_path), environ={})
    assert (found.url, found.token) == (DEFAULT_URL, None)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"url": 5}', '{"pid": 99999999999999999999}'])
def test_a_damaged_file_is_no_running_platform(tmp_path: Path, text: str) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "platform.json").write_text(text)
    found = connection(data=str(tmp_path), environ={})
    assert (found.url, found.silent) == (DEFAULT_URL, tmp_path)
    assert connection(url="http://other:2", data=str(tmp_path), environ={}).silent is None
