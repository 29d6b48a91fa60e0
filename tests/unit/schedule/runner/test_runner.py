"""Runners: attempts started, ended, cancelled and lost; nothing stays behind."""

import os
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import psutil
import pytest

from madang.schedule.runner import Ended, Ending

RUNNING = Path(__file__).with_name("running.py")


def begin(folder, scenario):
    return subprocess.Popen(
        [sys.executable, RUNNING, folder, scenario],
        stdout=subprocess.PIPE,
        env=os.environ | {"MADANG_RUNNING": str(folder)},
    )


def left(folder):
    found = []
    for one in psutil.process_iter():
        try:
            if one.environ().get("MADANG_RUNNING") == str(folder):
                found.append(one)
        except psutil.Error:
            continue
    return found


def nothing_left(folder):
    until = time.monotonic() + 10
    while found := left(folder):
        assert time.monotonic() < until, found
        time.sleep(0.01)


@pytest.fixture
def said(tmp_path):
    def said(scenario):
        process = begin(tmp_path, scenario)
        lines = process.communicate(timeout=100)[0].decode().splitlines()
        assert process.returncode == 0
        nothing_left(tmp_path)
        assert list((tmp_path / "outcomes").iterdir()) == []
        return lines

    return said


def ends(lines):
    return {end.attempt: end.outcome for end in (msgspec.json.decode(x, type=Ended) for x in lines)}


def test_each_attempt_has_its_value(said):
    found = ends(said("each_with_its_value"))
    assert {name: one.value for name, one in found.items()} == {
        f"a{number}": {"n": number} for number in range(20)
    }


def test_one_is_cancelled_and_the_other_is_not(said):
    found = ends(said("cancel_one_of_two"))
    assert found["long"].ending is Ending.CANCELLED
    assert found["short"].ending is Ending.DONE


def test_work_that_says_nothing_is_a_failure(said):
    found = ends(said("nonsense"))
    assert {one.ending for one in found.values()} == {Ending.FAILED}
    assert found["unknown"].kind == "KeyError"
    assert "No such file" in found["no log"].error


def test_an_attempt_whose_keeper_is_killed_is_lost_and_leaves_nothing(said):
    found = ends(said("keeper_killed"))
    assert found["lost"] is None
    assert found["next"].value == 1


def test_a_launcher_that_is_killed_is_told(said):
    lines = said("launcher_killed")
    assert lines == ["the process that starts tasks is gone, and all tasks with it"] * 2


def test_more_than_the_sockets_hold(said):
    assert said("many_at_once_unread") == ["400"]


def test_whoever_kills_the_scheduler_kills_every_task(tmp_path):
    process = begin(tmp_path, "left_running")
    assert process.stdout.readline() == b"ready\n"
    assert len(left(tmp_path)) >= 4
    process.kill()
    process.communicate()
    until = time.monotonic() + 10
    while {one.name() for one in left(tmp_path)} and any(
        RUNNING.name in " ".join(one.cmdline()) for one in left(tmp_path)
    ):
        assert time.monotonic() < until
        time.sleep(0.01)
    for one in left(tmp_path):
        one.kill()  # what made itself independent, and whose keeper was killed with all above it


def test_there_is_no_waiting(said):
    assert float(said("fast")[0]) > 20
