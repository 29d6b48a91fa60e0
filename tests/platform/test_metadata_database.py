"""The platform with its users in PostgreSQL."""

import signal
import subprocess
import sys

import httpx
import pytest

from madang.testing.running_platform import RunningPlatform, write_project
from postgresql_server import PASSWORD, postgresql

PEOPLE = "/api/users"


@pytest.fixture
def server():
    with postgresql() as made:
        yield made


def project(tmp_path, server, password=PASSWORD):
    (tmp_path / "password").write_text(password + "\n")
    url = f"postgresql://madang@127.0.0.1:{server.port}/postgres"
    return write_project(
        tmp_path / "project",
        {"madang.yml": f"metadata:\n  url: {url}\n  password_file: ../password\n"},
    )


def names(platform):
    return [one["name"] for one in platform.client.get(PEOPLE).raise_for_status().json()["users"]]


def test_users_live_there_over_kills_and_outages(tmp_path, server):
    with RunningPlatform(project(tmp_path, server), tmp_path / "data") as platform:
        added = platform.client.post(
            PEOPLE, json={"name": "minji", "role": "viewer", "password": "correct horse battery"}
        )
        assert added.status_code == 201
        assert not (tmp_path / "data" / "madang.db").exists()
        said = subprocess.run(
            [
                *(sys.executable, "-m", "madang.cli", "user", "link", "minji"),
                *("--data", str(tmp_path / "data")),
            ],
            capture_output=True,
            check=True,
            text=True,
        ).stdout.strip()
        signed_in = httpx.get(said)
        assert signed_in.status_code == 303
        assert "set-cookie" in signed_in.headers
        platform.kill()
        platform.start()
        assert names(platform) == ["admin", "minji"]
        assert platform.sql("SELECT 1") == [[1]]
        server.stop(signal.SIGQUIT)
        assert platform.sql("SELECT 2") == [[2]]  # by a token that was seen just now
        # What needs no look into the database goes on; what does says so, and may be tried again.
        assert httpx.get(f"{platform.url}/readyz").status_code == 200
        refused = platform.client.get(PEOPLE)
        assert refused.status_code == 503
        assert "cannot be used" in refused.json()["error"]["message"]
        assert PASSWORD not in refused.text
        server.start()
        assert names(platform) == ["admin", "minji"]


def test_a_wrong_password_is_one_clear_line(tmp_path, server):
    directory = project(tmp_path, server, "wrong")
    up = subprocess.run(
        [
            *(sys.executable, "-m", "madang.cli", "up", str(directory)),
            *("--data", str(tmp_path / "data"), "--port", "0"),
        ],
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert up.returncode != 0
    assert "password authentication failed" in up.stderr + up.stdout
    assert "Traceback" not in up.stderr + up.stdout
