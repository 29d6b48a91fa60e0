"""The lock files lock what pyproject.toml asks for."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def _asked_for(name: str) -> set[str]:
    lines = (ROOT / "requirements" / name).read_text().splitlines()
    return {line for line in lines if line and not line.startswith(("#", "-"))}


def test_the_locked_requirements_are_those_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert _asked_for("core.in") == set(project["project"]["dependencies"])
    assert _asked_for("dev.in") >= set(project["dependency-groups"]["dev"])
    assert _asked_for("bench.in") == set(project["project"]["optional-dependencies"]["bench"])


def test_lock_files_carry_versions_and_hashes_alone():
    for path in (ROOT / "requirements").glob("*.lock"):
        for line in path.read_text().splitlines():
            assert "://" not in line, f"{path.name} names an address: {line}"
            assert line.startswith("    --hash=sha256:") or "==" in line, line
