"""``madang up`` that cannot start: one clear line and what to do, never a traceback."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from madang.testing.running_platform import RunningPlatform, write_project

ROOT = Path(__file__).parents[2]
_MAKE = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "PORT", "DATA")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "project", {"madang.yml": "query: {workers: 1}\n"})


def refused(project: Path, data: Path, *, port: int = 0, before: tuple[str, ...] = ()) -> list[str]:
    """The message and the hint of a start that fails."""
    command = [sys.executable, "-m", "madang.cli", "up", str(project)]
    command += ["--data", str(data), "--port", str(port)]
    known = {name: value for name, value in os.environ.items() if not name.startswith("MADANG_")}
    done = subprocess.run(
        [*before, *command], capture_output=True, text=True, timeout=60, env=known, check=False
    )
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    message, *hint = done.stderr.splitlines()
    assert message.startswith("error: ")
    assert len(hint) == 1, done.stderr
    assert hint[0].startswith("  ")
    return [message.removeprefix("error: "), hint[0].strip()]


def test_a_port_that_is_taken(project: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        message, hint = refused(project, tmp_path / "data", port=port)
    assert message == f"port {port} on 127.0.0.1 is taken by another program"
    assert "--port" in hint
    assert "PORT=" in hint


def test_a_port_of_a_protocol_that_is_taken(project: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ports = f"server: {{ports: {{influx: {{port: {port}}}}}}}\n"
        write_project(project, {"madang.yml": ports})
        message, hint = refused(project, tmp_path / "data")
    assert message == f"port {port} on 127.0.0.1 is taken by another program"
    assert hint.endswith("choose another: server.ports.influx.port in madang.yml")


def test_no_project_directory(tmp_path: Path) -> None:
    message, hint = refused(tmp_path / "none", tmp_path / "data")
    assert message == f"there is no project directory {tmp_path / 'none'}"
    assert f"madang init {tmp_path / 'none'}" in hint
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("below", ["", "data", "deep/data"])
def test_a_data_directory_that_is_a_file(project: Path, tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("mine")
    data = tmp_path / "file" / below
    message, hint = refused(project, data)
    assert message == f"the data directory {data} cannot be written: Not a directory"
    assert "--data" in hint
    assert "DATA=" in hint
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes there all the same")
def test_a_data_directory_without_permission(project: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o555)
    message, _ = refused(project, tmp_path / "data")
    assert message == f"the data directory {tmp_path / 'data'} cannot be written: Permission denied"


@pytest.mark.parametrize("used", [False, True], ids=["new", "used"])
def test_a_data_directory_on_a_file_system_that_is_read_only(
    project: Path, tmp_path: Path, used: bool
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    if used:
        with RunningPlatform(project, data) as platform:
            assert platform.stop() == 0
    alone = ("unshare", "--mount", "--map-root-user") if os.geteuid() else ("unshare", "--mount")
    mount = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
    before = (*alone, "sh", "-c", mount, str(data))
    if not shutil.which("unshare") or subprocess.run([*before, "true"], check=False).returncode:
        pytest.skip("this machine lets nobody mount")
    message, hint = refused(project, data, before=before)
    assert message == f"the data directory {data} cannot be written: Read-only file system"
    assert "--data" in hint


def test_a_data_directory_that_another_platform_uses(project: Path, tmp_path: Path) -> None:
    with RunningPlatform(project, tmp_path / "data") as platform:
        assert platform.process is not None
        message, hint = refused(project, platform.data)
        pid = platform.process.pid
        assert message == f"another Madang (process {pid}) runs on {platform.data}"
        assert "--data" in hint
        assert platform.client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("choices", "told"),
    [
        ([], '--data "data"'),
        (["PORT=8081"], '--data "data" --port 8081'),
        (["DATA=/srv/mada ng"], '--data "/srv/mada ng"'),
        (["PORT=8081", "DATA=/srv/madang"], '--data "/srv/madang" --port 8081'),
    ],
    ids=str,
)
def test_make_run_passes_on_what_is_chosen(choices: list[str], told: str) -> None:
    known = {name: value for name, value in os.environ.items() if name not in _MAKE}
    done = subprocess.run(
        ["make", "-n", "run", *choices],
        capture_output=True, text=True, cwd=ROOT, env=known, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    last = done.stdout.splitlines()[-1]
    assert last.split() == f"exec .venv/bin/madang up examples/home {told}".split()
