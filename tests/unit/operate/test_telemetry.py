"""Where the metrics of all roles are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from madang.operate.telemetry import drop_folder, use_folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "restored behind the test")
    return tmp_path / "run/metrics"


def test_a_start_after_a_kill_leaves_nothing_of_the_one_before(folder: Path) -> None:
    use_folder(folder)
    before = folder.resolve()
    (before / "counter_1.db").touch()
    use_folder(folder)
    assert list(folder.iterdir()) == []
    assert folder.resolve() == before or not before.exists()
    drop_folder(folder)
    assert not folder.exists()
    assert not folder.is_symlink()


def test_without_memory_the_folder_is_in_the_data_directory(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("madang.operate.telemetry._MEMORY", tmp_path / "none")
    use_folder(folder)
    assert folder.is_dir()
    assert not folder.is_symlink()


def test_a_link_to_elsewhere_is_removed_and_not_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    folder.parent.mkdir()
    folder.symlink_to(tmp_path / "mine")
    drop_folder(folder)
    assert (tmp_path / "mine").is_dir()
    assert not folder.is_symlink()
