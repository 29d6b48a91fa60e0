"""The README's five minutes: its commands run as they stand, and the rows are those it promises."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import madang
from madang.testing.running_platform import RunningPlatform

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.S | re.M)
_INLINE = re.compile(r"`(\.venv/bin/madang [^`]+)`")
_PROSE = re.compile(r"(?m)(^description: ).*$|\s+#\s.*$")


def blocks(page: str) -> list[tuple[str, str]]:
    """The language and the text of every fenced block."""
    return _BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))


START, MAKE_LOG, ADD_STREAM, ASK, SEND, METRICS = [text for _, text in blocks("README.md")]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as after ``git clone`` and ``make run``, as far as the commands see it."""
    base = tmp_path_factory.mktemp("readme")
    shutil.copytree(
        ROOT / "examples/home", base / "examples/home", ignore=shutil.ignore_patterns(".madang")
    )
    program = base / ".venv/bin/madang"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m madang.cli "$@"\n')
    program.chmod(0o755)
    return base


@pytest.fixture(scope="module")
def platform(home: Path) -> Iterator[RunningPlatform]:
    with RunningPlatform(home / "examples/home", home / "data") as running:
        yield running


def shell(script: str, platform: RunningPlatform, home: Path) -> str:
    """What a script says that is typed into a terminal in the folder."""
    known = {name: value for name, value in os.environ.items() if not name.startswith("MADANG_")}
    known["PYTHONPATH"] = str(Path(madang.__file__).parents[1])
    script = script.replace("localhost:8080", f"127.0.0.1:{platform.port}")
    script = script.replace("LOG=/tmp/", f"LOG={home}/")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        capture_output=True, text=True, env=known, cwd=home, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rows(platform: RunningPlatform, query: str) -> list[list[object]] | None:
    """The rows of a query; None while it is refused, as a table that is not there yet is."""
    answer = platform.client.post("/api/sql", json={"sql": query})
    found: list[list[object]] | None = answer.json().get("rows")
    return found


def test_both_languages_have_the_same_commands() -> None:
    plain, korean = (
        [(language, _PROSE.sub(r"\1", text)) for language, text in blocks(page)]
        for page in ("README.md", "README.ko.md")
    )
    assert plain == korean
    assert [language for language, _ in plain] == ["sh", "sh", "sh", "sql", "sh", "sh"]
    assert START == "make run\n"
    inline = [
        _INLINE.findall((ROOT / page).read_text(encoding="utf-8"))
        for page in ("README.md", "README.ko.md")
    ]
    assert sorted(inline[0]) == sorted(inline[1])


def test_within_ten_seconds_there_are_rows_of_this_machine(platform: RunningPlatform) -> None:
    began = time.monotonic()
    assert platform.client.get("/").status_code == 200
    platform.wait_for(lambda: bool(rows(platform, "select * from metrics.samples limit 1")), 10)
    left_s = 10 - (time.monotonic() - began)
    # Not every machine has readable files below /var/log.
    logs = ("logs", "system.access_log")
    platform.wait_for(
        lambda: any(rows(platform, f"select * from {name} limit 1") for name in logs), left_s
    )


def test_a_log_file_becomes_a_live_table(platform: RunningPlatform, home: Path) -> None:
    said = shell(MAKE_LOG + ADD_STREAM, platform, home)
    assert "error" not in said
    numbers = range(1, 501)
    requests = Counter(f"/item/{i % 7}" for i in numbers)
    errors = Counter(f"/item/{i % 7}" for i in numbers if i % 11 == 0)
    expected = sorted([path, n, errors[path]] for path, n in requests.items())
    platform.wait_for(lambda: sorted(rows(platform, ASK) or []) == expected, 20)
    asked = rows(platform, ASK)
    assert asked is not None
    assert [n for _, n, _ in asked] == sorted(requests.values(), reverse=True)

    with (home / "shop.log").open() as file:
        line = file.readline()
    with (home / "shop.log").open("a") as file:
        file.write(line.replace("/item/1", "/item/late"))
    late = "select count(*) from shop where path = '/item/late'"
    platform.wait_for(lambda: rows(platform, late) == [[1]], 10)


def test_a_record_that_is_sent_twice_with_its_key_is_there_once(
    platform: RunningPlatform, home: Path
) -> None:
    said = shell(SEND, platform, home)
    assert "12000" in said
    assert "서울" in said
    curl = re.sub(r"(?m)^\.venv/bin/madang .*\n", "", SEND)
    assert "curl" in curl
    shell(curl, platform, home)
    assert rows(platform, "select id, amount, city from orders") == [[1, 12000, "서울"]]


def test_metrics_of_this_machine_answer_promql(platform: RunningPlatform, home: Path) -> None:
    token = "export MADANG_TOKEN=$(cat data/run/admin.token)\n"
    platform.wait_for(lambda: '"mode":"idle"' in shell(token + METRICS, platform, home), 30)


@pytest.mark.parametrize(
    "command", _INLINE.findall((ROOT / "README.md").read_text(encoding="utf-8"))
)
def test_the_commands_in_the_text_run(command: str, platform: RunningPlatform, home: Path) -> None:
    assert shell(command, platform, home).strip()


def test_all_of_it_lands_in_the_lake(platform: RunningPlatform) -> None:
    for stream, expected in (("shop", 501), ("orders", 1)):
        platform.wait_for(lambda stream=stream: platform.delivered(stream))
        assert rows(platform, f"select count(*) from lake.{stream}") == [[expected]]
        assert platform.stream(stream)["dead_letters"] == 0
    assert platform.stop() == 0
