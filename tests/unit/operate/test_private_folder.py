"""The data directory is its owner's alone."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from madang.operate.private_folder import keep_private


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(autouse=True)
def usual_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_a_new_one_is_made_for_its_owner_and_what_is_above_for_all(tmp_path: Path) -> None:
    root = tmp_path / "var" / "data"
    assert keep_private(root) is None
    assert mode_of(root) == 0o700
    assert mode_of(root.parent) == 0o755
    assert keep_private(root) is None


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o777, 0o2775])
def test_one_of_before_is_narrowed(tmp_path: Path, mode: int) -> None:
    for name in ("streams", "lake", "lost+found"):
        (tmp_path / name).mkdir()
    for name in ("VERSION", "catalog.db", "catalog.db-wal", "madang.db-shm"):
        (tmp_path / name).touch()
    tmp_path.chmod(mode)
    told = keep_private(tmp_path)
    assert told is not None
    assert told[1]
    assert f"{mode:04o}" in told[0]
    assert mode_of(tmp_path) & 0o777 == 0o700
    assert keep_private(tmp_path) is None


def test_a_folder_of_others_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "VERSION").touch()
    (tmp_path / "thesis.txt").touch()
    tmp_path.chmod(0o755)
    told = keep_private(tmp_path)
    assert told is not None
    assert not told[1]
    assert "'thesis.txt'" in told[0]
    assert mode_of(tmp_path) == 0o755


def test_a_folder_that_is_not_ours_to_change_is_used_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: Path, mode: int) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    tmp_path.chmod(0o755)
    # Tests may run as root, whom the system refuses nothing.
    monkeypatch.setattr(Path, "chmod", refused)
    assert keep_private(tmp_path) == (
        "the data directory cannot be closed to other users of this machine: "
        "Operation not permitted",
        False,
    )


def test_what_cannot_be_made_is_left_to_the_lock(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert keep_private(tmp_path / "file" / "data") is None
