"""Programs of Debian's packages, to compare with: unpacked below ``build/``, not installed."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "build" / "debian"


def debian_program(package: str, path: str) -> Path:
    """The program at ``path`` of a package, such as ``usr/bin/promtool``; skips where none is."""
    installed = Path("/") / path
    if installed.exists():
        return installed
    unpacked = FOLDER / package
    if not (unpacked / path).exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        with (FOLDER / "lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (unpacked / path).exists():
                _unpack(package, unpacked)
    if not (unpacked / path).exists():
        pytest.skip(f"{path} of Debian's {package} cannot be had on this machine")
    return unpacked / path


def _unpack(package: str, into: Path) -> None:
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        return
    draft = FOLDER / f"{package}.draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    got = subprocess.run(
        ["apt-get", "download", "-q", package], cwd=draft, capture_output=True, check=False
    )
    files = list(draft.glob("*.deb"))
    if got.returncode or not files:
        return
    subprocess.run(["dpkg", "-x", str(files[0]), str(draft / "root")], check=True)
    (draft / "root").rename(into)
    shutil.rmtree(draft)
